"""TF-MOT's two schedules without TensorFlow: its values, at its steps, a thousand times faster."""

from typing import Any

from state_of_sparsity.schedules import sparsity
from state_of_sparsity.schedules.saving import is_tfmot
from state_of_sparsity.schedules.sparsity import SparsitySchedule


class ConstantSparsity(sparsity.ConstantSparsity):
    """`tfmot.sparsity.keras.ConstantSparsity`."""

    updates_at_end = False


class PolynomialDecay(sparsity.PolynomialDecay):
    """`tfmot.sparsity.keras.PolynomialDecay`."""

    updates_at_end = False


def without_tensorflow(schedule: Any) -> SparsitySchedule:
    """Returns the twin of a schedule of TF-MOT, and any other schedule as it is."""
    if not is_tfmot(schedule):
        return schedule
    twin = {"ConstantSparsity": ConstantSparsity, "PolynomialDecay": PolynomialDecay}
    return twin[type(schedule).__name__](**schedule.get_config()["config"])
