"""TF-MOT's two schedules without TensorFlow: its values, at its steps, a thousand times faster."""

from state_of_sparsity.schedules import sparsity
from state_of_sparsity.schedules.saving import is_tfmot


class ConstantSparsity(sparsity.ConstantSparsity):
    """`tfmot.sparsity.keras.ConstantSparsity`."""

    updates_at_end = False


class PolynomialDecay(sparsity.PolynomialDecay):
    """`tfmot.sparsity.keras.PolynomialDecay`."""

    updates_at_end = False


def without_tensorflow(schedule):
    """Returns the twin of a schedule of TF-MOT, and any other schedule as it is."""
    if not is_tfmot(schedule):
        return schedule
    twin = {"ConstantSparsity": ConstantSparsity, "PolynomialDecay": PolynomialDecay}
    return twin[type(schedule).__name__](**schedule.get_config()["config"])
