"""Running a layer with other values in place of some of its variables."""

import keras


class _RecordingScope(keras.StatelessScope):
    """A stateless scope that remembers which variables were assigned inside it."""

    def __init__(self, mapping):
        super().__init__(mapping, collect_losses=True)
        self.updates = {}

    def add_update(self, update):
        super().add_update(update)
        self.updates[id(update[0])] = update


def call_with(layer, values, args, kwargs, method=None):
    """Calls `layer`, or a method of it, with substitute values for some of its variables.

    Everything else the layer does is reported, so that the caller can let it happen: assignments
    (seeds, moving averages, recurrent states) and losses added inside.

    Args:
        layer: a built Keras layer.
        values: list of `(variable, tensor)`, the substitutes, of the variables' shapes.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
        method: what is called; the layer itself if `None`.

    Returns:
        `(outputs, updates, losses)`: `updates` is a list of `(variable, value)` still to be
        assigned, those to substituted variables included.
    """
    substituted = {id(variable) for variable, _ in values}
    # Every variable is mapped, not only the substitutes: on JAX an unmapped one would be read
    # from outside the function that is being traced.
    others = [(v, v.value) for v in layer.variables if id(v) not in substituted]
    with _RecordingScope(others + list(values)) as scope:
        outputs = (method or layer)(*args, **kwargs)
    return outputs, list(scope.updates.values()), scope.losses
