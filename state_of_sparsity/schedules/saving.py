"""Schedules in configurations: TF-MOT's, ours, and classes registered with Keras."""

import types
from typing import Any

import keras

from state_of_sparsity.schedules import tfmot_schedules

_TFMOT = "tensorflow_model_optimization"


def serialize_schedule(schedule: Any) -> dict:
    """Returns a JSON-serializable description of a schedule.

    Args:
        schedule: a schedule of TF-MOT or `sos.schedules`, or an instance of a class (or a
            function) registered with `keras.saving.register_keras_serializable`.

    Returns:
        A dict that `deserialize_schedule` turns into an equal schedule.

    Raises:
        ValueError: if the schedule is of another kind, and so could not be revived.
    """
    kind = type(schedule)
    if is_tfmot(schedule):
        # TF-MOT nests the arguments once more: its from_config(get_config()) fails.
        arguments = _arguments(schedule)
        return {"module": _TFMOT, "class_name": kind.__name__, "config": arguments}
    function = isinstance(schedule, types.FunctionType)
    key = schedule if function else kind
    registered = keras.saving.get_registered_name(key) != key.__name__
    if not registered or not (function or hasattr(schedule, "get_config")):
        raise ValueError(
            f"The `schedule` {schedule!r} cannot be saved, because it could not be found again "
            "when the model is loaded. Use tfmot.sparsity.keras.PolynomialDecay or "
            "ConstantSparsity or their twins in sos.schedules, or give it a class with "
            "`get_config`, decorated with @keras.saving.register_keras_serializable(). "
            "To save the trained model alone, save `sos.strip(model)`."
        )
    if function:
        return keras.saving.serialize_keras_object(schedule)
    name = keras.saving.get_registered_name(kind)
    return {"registered_name": name, "config": _arguments(schedule)}


def deserialize_schedule(config: Any) -> Any:
    """Returns the schedule that `serialize_schedule` described.

    Nothing is imported and nothing called but TF-MOT's own two classes and what is registered
    with Keras.

    Raises:
        ValueError: if the class is not registered.
    """
    if callable(config):  # a schedule still alive, in a configuration that was never saved
        return config
    if not isinstance(config, dict):
        raise ValueError(
            f"`schedule` must be a dict in a saved configuration. Received: {config!r}. The file "
            "is damaged, or was written by something else."
        )
    if config.get("module") == _TFMOT and config.get("class_name") in tfmot_schedules.CLASSES:
        return tfmot_schedules.schedule_class(config["class_name"])(**config["config"])
    if "registered_name" in config and "class_name" not in config:
        name = config["registered_name"]
        kind = keras.saving.get_registered_object(name)
        if kind is None:
            raise ValueError(
                f"The class of the `schedule` is not registered. Received: {name!r}. Import the "
                "module that defines it with @keras.saving.register_keras_serializable() before "
                "the model is loaded."
            )
        revive = getattr(kind, "from_config", None) or (lambda arguments: kind(**arguments))
        return revive(config["config"])
    return keras.saving.deserialize_keras_object(config)


def is_tfmot(schedule: object) -> bool:
    """Returns whether `schedule` is one of TF-MOT's own two schedules, not a subclass."""
    kind = type(schedule)
    return kind.__module__.startswith(f"{_TFMOT}.") and kind.__name__ in tfmot_schedules.CLASSES


def _arguments(schedule) -> dict:
    config = schedule.get_config()
    return config["config"] if set(config) == {"class_name", "config"} else config
