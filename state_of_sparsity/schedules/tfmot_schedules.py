"""Importing TF-MOT without letting it switch the process to Keras 2."""

import importlib
import os
from typing import Any

from state_of_sparsity import extras


def pruning_schedules() -> Any:
    """Returns `tfmot.sparsity.keras`, importing it cleanly.

    TF-MOT's import sets `TF_USE_LEGACY_KERAS=1` for the whole process: a `tf.keras` not touched
    before becomes Keras 2, and child processes inherit the variable.

    Raises:
        MissingExtraError: if TF-MOT is not installed; `sos.schedules` needs neither it nor
            TensorFlow.
    """
    with extras.explained():
        import tensorflow as tf

    before = os.environ.get("TF_USE_LEGACY_KERAS")
    getattr(tf.keras, "__version__", None)  # settles which Keras `tf.keras` is; Keras 2 has none
    with extras.explained():
        tfmot = importlib.import_module("tensorflow_model_optimization")
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    if before is not None:
        os.environ["TF_USE_LEGACY_KERAS"] = before
    return tfmot.sparsity.keras
