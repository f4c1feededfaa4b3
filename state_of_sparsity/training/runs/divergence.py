"""Stops a training run whose loss is no number any more."""

import math

import keras

from state_of_sparsity.errors import UsageError


class TrainingDivergedError(UsageError):
    """The loss became NaN or infinite; the message names the step."""


class StopOnDivergence(keras.callbacks.Callback):
    """Raises as soon as the loss, or that of validation, is NaN or infinite.

    Before a checkpoint of that state is saved: the last update may be the one that diverges.

    Args:
        steps_per_epoch: optimizer steps in one Keras epoch.
    """

    def __init__(self, steps_per_epoch):
        super().__init__()
        self._steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # Keras reports the mean loss since the epoch began: NaN from the first NaN on.
        step = self._epoch * self._steps_per_epoch + batch + 1
        check("loss", (logs or {}).get("loss", 0.0), step)

    def on_epoch_end(self, epoch, logs=None):
        step = (epoch + 1) * self._steps_per_epoch
        check("loss in validation", (logs or {}).get("val_loss", 0.0), step)


def check(name, loss, step):
    """Raises a `TrainingDivergedError` unless a loss is finite.

    Args:
        name: what it is called.
        loss: a number.
        step: optimizer steps completed.
    """
    if not math.isfinite(loss):
        raise TrainingDivergedError(
            f"The {name} is {loss} at step {step}. Try a lower learning rate, a weaker penalty, or "
            "float32 or bfloat16 in place of float16."
        )
