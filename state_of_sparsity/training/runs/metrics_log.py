"""The metrics of a run, one row an evaluation, in files that an interruption does not change."""

import json

import keras

from state_of_sparsity import atomic_write, json_files
from state_of_sparsity.optimizers.learning_rate import present_learning_rate
from state_of_sparsity.table_cells import csv_text


class MetricsLog(keras.callbacks.Callback):
    """Writes Keras's logs, the step and the learning rate as CSV, JSON lines and for TensorBoard.

    Rows hold nothing that depends on the clock, so an interrupted and resumed run writes the same
    files as an uninterrupted one. Both text files are written anew at every row, atomically. In a
    directory where no run has been started, nothing is written before the end of the first step.

    Args:
        run_dir: the `RunDir` to write into.
        steps_per_epoch: optimizer steps in one Keras epoch.
        step: optimizer steps completed; rows already there beyond it are dropped.

    Raises:
        DamagedFileError: if the rows already there cannot be read, or lack that of `step`.
    """

    def __init__(self, run_dir, steps_per_epoch, step=0):
        super().__init__()
        self._run_dir = run_dir
        self._steps_per_epoch = steps_per_epoch
        self.rows = [row for row in run_dir.read_metrics() if row["step"] <= step]
        self._begun, self._summaries = False, None
        if step and (not self.rows or self.rows[-1]["step"] != step):
            raise json_files.DamagedFileError(
                f"{run_dir.metrics_jsonl} is damaged: it has no row of step {step}, where the last "
                "checkpoint stands. Remove that checkpoint, and the run goes on from the one "
                "before it; or start again in another directory."
            )

    def on_train_begin(self, logs=None):
        if self._run_dir.is_started:
            self._begin()

    def on_train_batch_end(self, batch, logs=None):
        if not self._begun:
            self._begin()

    def on_epoch_end(self, epoch, logs=None):
        row = {"step": (epoch + 1) * self._steps_per_epoch}
        row["learning_rate"] = present_learning_rate(self.model.optimizer)
        row |= {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append(row)
        self._write_files()
        if self._summaries is not None:
            _add_summaries(self._summaries, row)

    def on_train_end(self, logs=None):
        if self._summaries is not None:
            self._summaries.close()

    def _begin(self):
        self._begun = True
        self._write_files()
        self._summaries = _tensorboard_writer(self._run_dir.tensorboard)

    def _write_files(self):
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        atomic_write.write_text(self._run_dir.metrics_jsonl, lines)
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        table = [names, *([row.get(name) for name in names] for row in self.rows)]
        text = csv_text(table) if self.rows else ""
        atomic_write.write_text(self._run_dir.metrics_csv, text)


def _tensorboard_writer(directory):
    """Returns a summary writer, or None on a machine without TensorFlow."""
    try:
        import tensorflow as tf
    except ImportError:
        return None
    return tf.summary.create_file_writer(str(directory))


def _add_summaries(writer, row):
    import tensorflow as tf

    with writer.as_default():
        for name, value in row.items():
            if name != "step":
                tf.summary.scalar(name, value, step=row["step"])
    writer.flush()
