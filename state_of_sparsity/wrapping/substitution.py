"""Running a layer with other values in place of some of its variables."""

import keras

from state_of_sparsity.wrapping.keras_variables import assign_at_once, values_are_passed_along


class _RecordingScope(keras.StatelessScope):
    """A stateless scope that remembers which variables were assigned inside it.

    Args:
        mapping: list of `(variable, tensor)`.
        at_once: whether variables that are not in the mapping are assigned where the layer does so.
    """

    def __init__(self, mapping, at_once):
        super().__init__(mapping, collect_losses=True)
        self.updates = {}
        self._mapped = {id(variable) for variable, _ in mapping} if at_once else None

    def add_update(self, update):
        variable, value = update
        if self._mapped is not None and id(variable) not in self._mapped:
            assign_at_once(variable, value)
            return
        super().add_update(update)
        self.updates[id(variable)] = update


def call_with(layer, values, args, kwargs, method=None):
    """Calls `layer`, or a method of it, with substitute values for some of its variables.

    Everything else the layer does takes effect, or is reported, so that the caller can let it
    happen: assignments (seeds, moving averages, recurrent states) and losses added inside.

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
    # TensorFlow's loops and conditions are graphs of their own: what a cell assigns in one is out
    # of scope after it. JAX has no variables while it traces: an unmapped one would be read from
    # outside the function, as would one be that a scope around this call maps.
    at_once = keras.backend.backend() == "tensorflow" and not values_are_passed_along()
    mapping = list(values)
    if not at_once:
        substituted = {id(variable) for variable, _ in values}
        mapping += [(v, v.value) for v in layer.variables if id(v) not in substituted]
    with _RecordingScope(mapping, at_once) as scope:
        outputs = (method or layer)(*args, **kwargs)
    return outputs, list(scope.updates.values()), scope.losses
