"""Methods of layers that were compiled by hand: what they were traced with is what they run."""

import functools
import inspect


def compiled_methods(layer) -> dict:
    """Returns the methods of a layer's class made by `tf.function` or `jax.jit`, by their names."""
    found = {}
    for kind in type(layer).__mro__:
        for name, value in vars(kind).items():
            if name not in found and is_compiled(value):
                found[name] = value
    return found


def is_compiled(value) -> bool:
    """Returns whether a function keeps traces: one of `tf.function` or `jax.jit`."""
    return not inspect.isclass(value) and _keeps_traces(type(value))


@functools.lru_cache(maxsize=1024)  # asked for every attribute of every layer
def _keeps_traces(kind):
    # By what they offer, so that neither TensorFlow nor JAX is imported here.
    names = ("experimental_get_tracing_count", "clear_cache")
    return any(inspect.getattr_static(kind, name, None) is not None for name in names)


def check_not_compiled(layer):
    """Raises an error if a layer computes with a compiled method, which replaces no kernel."""
    for inner in layer._flatten_layers():
        names = sorted(compiled_methods(inner))
        if names:
            raise ValueError(
                "`layer` must have no compiled method: it would go on with the kernels that it was "
                f"traced with. Received: '{inner.name}' ({type(inner).__name__}), in which {names} "
                "are made by tf.function or jax.jit. Remove the decorator, since Keras compiles "
                "the whole model, or leave the layer dense."
            )
