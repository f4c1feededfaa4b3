"""The callback that keeps the state of a run at its first step, its last, and chosen ones."""

import keras

from state_of_sparsity.training.runs import snapshot


class KeepSnapshots(keras.callbacks.Callback):
    """Keeps snapshots of step 0, of steps that are asked for, and of what training ends with.

    Each is written before the checkpoint of its step or of a later one, so a run that goes on from
    a checkpoint has all snapshots up to it. That of step 0 is written when the run has been
    started, by its first step, and is held in memory until then. Steps in between cost nothing.

    Args:
        run_dir: the `RunDir` to write into.
        experiment: the `Experiment`, of which `kept_steps`, `kept_optimizer` and `eval_every`, the
            steps in one Keras epoch, are used.
        write: whether to write; a worker that is not the chief only takes part in the reading.
        step: optimizer steps completed.
    """

    def __init__(self, run_dir, experiment, write=True, step=0):
        super().__init__()
        self._run_dir, self._write, self._step = run_dir, write, step
        self._steps, self._optimizer = set(experiment.kept_steps), experiment.kept_optimizer
        self._steps_per_epoch = experiment.eval_every
        self._epoch, self._taken = 0, None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if epoch == 0:
            taken = self._take(0)
            self._taken = taken if self._write else None

    def on_train_batch_end(self, batch, logs=None):
        if self._taken is not None:
            self._save(self._taken)
            self._taken = None
        self._step = self._epoch * self._steps_per_epoch + batch + 1
        if self._step in self._steps:
            self._save(self._take(self._step))

    def on_epoch_end(self, epoch, logs=None):
        self._step = (epoch + 1) * self._steps_per_epoch  # as checkpoints and metrics count

    def on_train_end(self, logs=None):
        self._save(self._take(self._step))

    def _take(self, step):
        return snapshot.take(self.model, step, self._optimizer)

    def _save(self, taken):
        if self._write:
            snapshot.save(self._run_dir.snapshot(taken.step), taken)
