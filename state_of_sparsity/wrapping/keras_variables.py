"""What Keras calls private of variables: each a function, as in `keras_internals.py`.

Keras decides both as it creates a variable, by the layer that has it created.
"""

import keras


def set_path(variable, path: str):
    """Sets the path of a variable; `name` stays as it is."""
    variable._path = path


def lay_out_like(variable, other):
    """Spreads a variable over devices as another is; a `LayoutMap` would go by its path alone.

    An axis that has size 1 and more in the other (a gate for a row) is whole on every device.
    Variables of another rank are left as they are.
    """
    layout = getattr(other, "_layout", None)
    if layout is None or len(variable.shape) != len(other.shape):
        return
    if isinstance(layout, keras.distribution.TensorLayout):
        sizes = zip(layout.axes, variable.shape, other.shape, strict=True)
        axes = [axis if size == whole else None for axis, size, whole in sizes]
        layout = keras.distribution.TensorLayout(axes, layout.device_mesh)
    variable._layout = layout
    if variable._value is not None:  # one created in a call that is traced gets its value later
        variable.assign(variable.value)
