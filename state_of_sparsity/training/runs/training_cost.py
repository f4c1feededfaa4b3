"""What training takes on hardware that skips zeros, in multiply-adds, as it goes on."""

import math

import keras

from state_of_sparsity.accounting.multiply_adds import count_uses
from state_of_sparsity.surgery.structure import model_kernels

NAME = "step_multiply_adds"


class TrainingCost(keras.callbacks.Callback):
    """Adds to the logs of every epoch what a step of it took, for one example.

    step_multiply_adds = sum over kernels of 3 * size * uses * share, in the mean over its steps

    The three are the layer, the gradient by its inputs, and that by its weights; `share` is what a
    technique says of itself, asked again after each update of masks. Where the uses of a kernel are
    not known, nothing is logged.

    Args:
        driver: the `UpdateSparsity` that drives the model, before this in the list of callbacks;
            None for a dense model.

    Reference: Evci et al., "Rigging the Lottery", 2020, appendix on FLOPs.
    """

    def __init__(self, driver=None):
        super().__init__()
        self._driver = driver

    def on_train_begin(self, logs=None):
        """Counts how often each kernel is used."""
        kernels = model_kernels(self.model)
        uses, _ = count_uses(self.model, kernels)
        known = kernels and None not in uses
        self._costs = list(zip(kernels, uses, strict=True)) if known else None

    def on_epoch_begin(self, epoch, logs=None):
        """Takes what the first step will cost: what is learned has changed meanwhile."""
        self._total, self._steps, self._updates = 0.0, 0, None
        self._ask_after_updates()

    def on_train_batch_begin(self, batch, logs=None):
        """Sees what was updated before a first step."""
        self._ask_after_updates()

    def on_train_batch_end(self, batch, logs=None):
        """Adds what the steps up to this one cost, before the masks of the next."""
        if self._costs is not None:
            self._total += (batch + 1 - self._steps) * self._present
            self._steps = batch + 1
        self._ask_after_updates()

    def on_epoch_end(self, epoch, logs=None):
        """Logs the mean over the steps."""
        if logs is not None and self._steps:
            logs[NAME] = self._total / self._steps

    def _ask_after_updates(self):
        updates = 0 if self._driver is None else self._driver.carried_out
        if self._costs is not None and updates != self._updates:
            self._updates = updates
            self._present = sum(3 * math.prod(k.shape) * n * _share(k) for k, n in self._costs)


def total(rows, batch_size):
    """Returns the multiply-adds of a run, None where one of its rows does not know them.

    Args:
        rows: the metrics of the run, one dict an evaluation.
        batch_size: examples of a step.
    """
    steps = [row["step"] for row in rows]
    lengths = [end - begin for begin, end in zip([0, *steps], steps, strict=False)]
    costs = [row.get(NAME) for row in rows]
    if not costs or None in costs:
        return None
    return round(batch_size * sum(n * cost for n, cost in zip(lengths, costs, strict=True)))


def _share(kernel):
    return 1.0 if kernel.wrapper is None else kernel.wrapper.training_share(kernel)
