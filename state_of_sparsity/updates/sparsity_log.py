"""`SparsityLog`: the sparsity of a model in the logs of every epoch."""

from typing import Any

import keras

from state_of_sparsity.accounting.overall_sparsity import overall_sparsity
from state_of_sparsity.arguments import check_callback


class SparsityLog(keras.callbacks.Callback):
    """Adds the model's sparsity to the logs of every epoch.

    `sparsity` is the fraction of zeros over all kernels, dense ones included, as `sos.report` has
    it. Callbacks listed after it (`CSVLogger`, `TensorBoard`) and the history record it.

    Example:

    >>> sparse.fit(x, y, callbacks=[sos.UpdateSparsity(), sos.SparsityLog()])
    """

    def set_model(self, model: keras.Model | None = None) -> None:
        """Is given the model by Keras."""
        check_callback(self, SparsityLog)
        super().set_model(model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts and logs."""
        if logs is not None:
            logs["sparsity"] = overall_sparsity(self.model)
