"""Variables take the paths and layouts they are given. With devices: `tests/jax_layouts.py`."""

import keras
import numpy as np

from state_of_sparsity.wrapping.keras_variables import lay_out_like, set_path


def test_the_path_of_a_variable():
    variable = keras.Variable(np.zeros(2, "float32"), name="mask")
    set_path(variable, "dense/kernel_mask")
    assert (variable.path, variable.name) == ("dense/kernel_mask", "mask")


def test_how_a_variable_is_spread_over_devices():
    kernel, gates = (keras.Variable(np.ones(shape, "float32")) for shape in ((4, 3), (1, 3)))
    lay_out_like(gates, kernel)
    assert getattr(gates, "_layout", None) is None
    device = keras.distribution.list_devices()[:1]
    mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), device)
    kernel._layout = keras.distribution.TensorLayout(("model", "batch"), mesh)
    lay_out_like(gates, kernel)
    assert tuple(gates._layout.axes) == (None, "batch")
    scalar = keras.Variable(0.0)
    lay_out_like(scalar, kernel)
    assert getattr(scalar, "_layout", None) is None
