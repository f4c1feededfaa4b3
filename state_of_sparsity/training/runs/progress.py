"""What a run is doing, how fast, and for how long still."""

import json
import time

import keras

from state_of_sparsity.training.runs import peak_memory, training_cost

_SECONDS_BETWEEN_REPORTS = 10.0


class Progress(keras.callbacks.Callback):
    """Announces phases, and prints steps, rate, time left and metrics; the same as JSON lines.

    Args:
        path: file that the JSON lines are added to.
        steps: optimizer steps of the whole run.
        steps_per_epoch: optimizer steps in one Keras epoch.
        examples: examples in a step, on average.
        verbose: whether to print; the JSON lines are written in any case.
        begun: whether the run has begun; if not, lines wait for the end of its first step.
    """

    def __init__(self, path, steps, steps_per_epoch, examples, verbose=True, begun=True):
        super().__init__()
        self._path, self._verbose = path, verbose
        self._steps, self._steps_per_epoch, self._examples = steps, steps_per_epoch, examples
        self._begin = time.monotonic()
        self._waiting, self._begun = [], begun
        self._epoch = 0
        self._timed_from = None  # (step, time) after the first step, which compiles.
        self._reported = None  # (step, time) of the last report.

    def phase(self, text):
        """Says what starts now."""
        self._write({"phase": text}, text)

    def on_train_begin(self, logs=None):
        peak_memory.start()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self._timed_from is None:
            self.phase("compiling the first step")

    def on_train_batch_end(self, batch, logs=None):
        self._begun = True
        now = time.monotonic()
        step = self._epoch * self._steps_per_epoch + batch + 1
        if self._timed_from is None:
            self._timed_from = self._reported = (step, now)
            self.phase("training")
        elif now - self._reported[1] > _SECONDS_BETWEEN_REPORTS:
            self._report(step, now, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._report((epoch + 1) * self._steps_per_epoch, time.monotonic(), logs)

    def _report(self, step, now, logs):
        begin_step, begin = self._timed_from
        last_step, last = self._reported
        self._reported = (step, now)
        rate = (step - last_step) * self._examples / max(now - last, 1e-9)
        left_s = (self._steps - step) * (now - begin) / max(step - begin_step, 1)
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        metrics.pop(training_cost.NAME, None)  # many digits, of little news
        line = {"step": step, "steps": self._steps, "examples_per_s": round(rate, 1)}
        text = "  ".join(
            [
                f"step {step}/{self._steps}",
                f"{rate:,.0f} examples/s",
                f"ETA {duration(left_s)}",
                *(f"{name} {value:.4g}" for name, value in metrics.items()),
            ]
        )
        line |= {"eta_s": round(left_s, 1), **peak_memory.now()}
        self._write({**line, **metrics}, text)

    def _write(self, fields, text):
        elapsed = time.monotonic() - self._begin
        self._waiting.append(json.dumps({"elapsed_s": round(elapsed, 3), **fields}) + "\n")
        if self._begun:
            with open(self._path, "a", encoding="utf-8") as file:
                file.writelines(self._waiting)
            self._waiting = []
        if self._verbose:
            print(f"[{duration(elapsed)}] {text}", flush=True)


def duration(seconds):
    """Returns seconds as `m:ss`, or `h:mm:ss` from an hour on.

    >>> duration(75)
    '1:15'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
