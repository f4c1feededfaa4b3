"""The callback that saves a run's checkpoints."""

import time

import keras


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves a checkpoint at the end of every Keras epoch.

    Args:
        checkpoints: the run's `Checkpoints`.
        steps_per_epoch: optimizer steps in one Keras epoch.
        wall_time_s: seconds that the run took before this process.
    """

    def __init__(self, checkpoints, steps_per_epoch, wall_time_s=0.0):
        super().__init__()
        self._checkpoints = checkpoints
        self._steps_per_epoch = steps_per_epoch
        self._begin = time.monotonic() - wall_time_s

    @property
    def wall_time_s(self):
        """Seconds that the run took so far, over all its processes."""
        return time.monotonic() - self._begin

    def on_epoch_end(self, epoch, logs=None):
        step = (epoch + 1) * self._steps_per_epoch
        self._checkpoints.save(self.model, step, self.wall_time_s)
