"""What Keras calls private of variables: each a function, as in `keras_internals.py`.

Keras decides both as it creates a variable, by the layer that has it created.
"""

import keras
from keras.src.backend.common.stateless_scope import in_stateless_scope


def set_path(variable, path: str):
    """Sets the path of a variable; `name` stays as it is."""
    variable._path = path


def values_are_passed_along() -> bool:
    """Returns whether a `keras.StatelessScope` is around: variables have the values it maps."""
    return in_stateless_scope()


def assign_at_once(variable, value):
    """Assigns a variable, of the value's shape, also inside a `keras.StatelessScope`."""
    variable._direct_assign(value)


def gets_its_value_later(variable) -> bool:
    """Returns whether a variable was created in a call that is traced, and has no value yet."""
    return variable._value is None


def initialize_through(variable, function):
    """Has a variable without a value get what a function makes of its first one."""
    initializer = variable._initializer
    variable._initializer = lambda *args, **kwargs: function(initializer(*args, **kwargs))


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
    if not gets_its_value_later(variable):
        variable.assign(variable.value)
