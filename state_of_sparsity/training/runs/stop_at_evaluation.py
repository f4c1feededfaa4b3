"""Callbacks of a user's that stop training do so where a run is evaluated and saved."""

import keras


class StopAtEvaluation(keras.callbacks.Callback):
    """Has a run that is stopped in the middle of a Keras epoch train on to its end.

    Metrics, checkpoints and snapshots are of the ends of epochs, and a run goes on from there. It
    comes after the callbacks that may stop the run, which set `model.stop_training`.
    """

    def __init__(self):
        super().__init__()
        self._is_asked_for = False

    def on_train_begin(self, logs=None):
        self._is_asked_for = False

    def on_train_batch_end(self, batch, logs=None):
        self._is_asked_for = self._is_asked_for or self.model.stop_training
        self.model.stop_training = False

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self.model.stop_training or self._is_asked_for
