"""What training takes on hardware that skips zeros, in multiply-adds, as it goes on."""

import math

import keras

from state_of_sparsity.accounting.multiply_adds import count_uses
from state_of_sparsity.surgery.structure import model_kernels

NAME = "step_multiply_adds"


class TrainingCost(keras.callbacks.Callback):
    """Adds to the logs of every epoch what a step of it took, for one example.

    step_multiply_adds = sum over kernels of 3 * size * uses * share

    The three are the layer, the gradient by its inputs, and that by its weights; `share` is what a
    technique says of itself, the mean of both ends of the epoch. Where the uses of a kernel are not
    known, nothing is logged.

    Reference: Evci et al., "Rigging the Lottery", 2020, appendix on FLOPs.
    """

    def on_train_begin(self, logs=None):
        """Counts how often each kernel is used."""
        kernels = model_kernels(self.model)
        uses, _ = count_uses(self.model, kernels)
        known = kernels and None not in uses
        self._costs = list(zip(kernels, uses, strict=True)) if known else None

    def on_epoch_begin(self, epoch, logs=None):
        """Takes what the first step will cost."""
        self._first = self._present()

    def on_epoch_end(self, epoch, logs=None):
        """Logs the mean of the first step and the last."""
        if logs is not None and self._first is not None:
            logs[NAME] = (self._first + self._present()) / 2

    def _present(self):
        if self._costs is None:
            return None
        return sum(
            3 * math.prod(kernel.shape) * uses * _share(kernel) for kernel, uses in self._costs
        )


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
