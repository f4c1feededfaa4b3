"""The callback that saves a run's checkpoints."""

import time

import keras

from state_of_sparsity.training.runs import callback_state


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves a checkpoint at the end of every Keras epoch, and brings back callbacks' states.

    Args:
        checkpoints: the run's `Checkpoints`.
        steps_per_epoch: optimizer steps in one Keras epoch.
        wall_time_s: seconds that the run took before this process.
        callbacks: Keras callbacks whose state belongs to the run; they come before this one.
        states: their states to go on from, or nothing at the start.
    """

    def __init__(self, checkpoints, steps_per_epoch, wall_time_s=0.0, callbacks=(), states=()):
        super().__init__()
        self._checkpoints = checkpoints
        self._steps_per_epoch = steps_per_epoch
        self._begin = time.monotonic() - wall_time_s
        self._callbacks, self._states = callbacks, states

    @property
    def wall_time_s(self):
        """Seconds that the run took so far, over all its processes."""
        return time.monotonic() - self._begin

    def on_train_begin(self, logs=None):
        # Here, since callbacks begin anew in their own `on_train_begin`, before this one.
        for callback, state in zip(self._callbacks, self._states, strict=False):
            callback_state.write(callback, state)

    def on_epoch_end(self, epoch, logs=None):
        step = (epoch + 1) * self._steps_per_epoch
        self._checkpoints.save(self.model, step, self.wall_time_s, self._callbacks)
