"""The callback that keeps the state of a run at chosen steps."""

import keras

from state_of_sparsity.training.runs import snapshot


class KeepSnapshots(keras.callbacks.Callback):
    """Keeps a snapshot of step 0 and of steps that are asked for, each before its checkpoint.

    So a run that goes on from a checkpoint has all snapshots up to it. That of step 0 is written
    when the run has been started, by its first step.

    Args:
        run_dir: the `RunDir` to write into.
        steps: the steps, beside 0.
        steps_per_epoch: optimizer steps in one Keras epoch.
        optimizer: whether the optimizer's state is kept too.
        write: whether to write; a worker that is not the chief only takes part in the reading.
        step: optimizer steps completed.
    """

    def __init__(self, run_dir, steps, steps_per_epoch, optimizer=False, write=True, step=0):
        super().__init__()
        self._run_dir, self._optimizer, self._write = run_dir, optimizer, write
        self._step = step
        self._steps, self._steps_per_epoch = {0, *steps}, steps_per_epoch
        self._epoch, self._taken = 0, None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if epoch == 0:
            self._taken = self._take(0)

    def on_train_batch_end(self, batch, logs=None):
        if self._taken is not None:
            self._save(self._taken)
            self._taken = None
        self._step = self._epoch * self._steps_per_epoch + batch + 1
        if self._step in self._steps:
            self._save(self._take(self._step))

    def keep_last(self, model):
        """Writes a snapshot of the model as training has left it."""
        self.set_model(model)
        self._save(self._take(self._step))

    def _take(self, step):
        return snapshot.take(self.model, step, self._optimizer)

    def _save(self, taken):
        if self._write:
            snapshot.save(self._run_dir.snapshot(taken.step), taken)
