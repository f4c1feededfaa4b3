"""`UpdatePruningStep` and `PruningSummaries`."""

import os
from typing import Any

import keras

from state_of_sparsity import extras
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.tfmot.prune_low_magnitude import PruneLowMagnitude
from state_of_sparsity.updates.update_sparsity import UpdateSparsity


class UpdatePruningStep(UpdateSparsity):
    """Follows the schedules of pruned layers; `sos.UpdateSparsity` by TF-MOT's name.

    Example:

    >>> sparse.fit(x, y, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])

    In a custom loop set `model.optimizer`, and call what TF-MOT's guide does: `set_model`,
    `on_train_begin`, `on_train_batch_begin` before each step and `on_epoch_end` after the last.
    """

    def on_epoch_end(
        self, epoch: int = -1, logs: dict[str, Any] | None = None, *, batch: int = -1
    ) -> None:
        """Ends an epoch, which TF-MOT's guide calls a batch."""
        super().on_epoch_end(epoch, logs)


class PruningSummaries(keras.callbacks.TensorBoard):
    """TensorBoard, with the sparsity and the threshold of each pruned weight, once an epoch.

    They are `<weight's path>/sparsity` and `<weight's path>/threshold`, over optimizer steps, in
    the folder `metrics` of `log_dir`.

    Args:
        log_dir: the folder to write to.
        update_freq: that of TensorBoard for everything else.
        **kwargs: those of `keras.callbacks.TensorBoard`.

    Example:

    >>> summaries = tfmot.sparsity.keras.PruningSummaries(log_dir="logs")
    """

    def __init__(self, log_dir: str, update_freq: Any = "epoch", **kwargs: Any) -> None:
        if not isinstance(log_dir, str) or not log_dir:
            raise ValueError(f"`log_dir` must be the name of a folder. Received: {log_dir!r}.")
        super().__init__(log_dir=log_dir, update_freq=update_freq, **kwargs)
        self._sparsities = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes what holds before the epoch."""
        super().on_epoch_begin(epoch, logs)
        self._write()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Writes what training ended with."""
        self._write()
        super().on_train_end(logs)

    def _write(self):
        with extras.explained():
            import tensorflow as tf
        if self._sparsities is None:
            folder = os.path.join(self.log_dir, "metrics")
            self._sparsities = tf.summary.create_file_writer(folder)
        step = int(self.model.optimizer.iterations.numpy())
        with self._sparsities.as_default():
            for path, wrapper in sparse_layers(self.model).items():
                if isinstance(wrapper, PruneLowMagnitude):
                    for kernel in wrapper.sparse_kernels:
                        name = f"{path}/{kernel.name}"
                        zeros = 1 - wrapper.present(kernel).mean()
                        tf.summary.scalar(f"{name}/sparsity", zeros, step=step)
                        tf.summary.scalar(
                            f"{name}/threshold", float(wrapper.threshold(kernel)), step=step
                        )
        self._sparsities.flush()
