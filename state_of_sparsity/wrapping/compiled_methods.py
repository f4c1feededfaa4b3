"""Methods that a user has compiled (`tf.function`, `jax.jit`): they run what they once traced."""

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from state_of_sparsity.wrapping.keras_internals import BOOKKEEPING, all_layers


def compiled_methods(layer) -> Iterator[tuple]:
    """Yields `(name, function)` for the methods of a layer made by `tf.function` or `jax.jit`.

    Methods of base classes that are overridden too, since the layer may call them by `super`.
    """
    for kind in type(layer).__mro__:
        for name, value in vars(kind).items():
            if is_compiled(value):
                yield name, value


def compiled_attributes(layer) -> list[str]:
    """Returns the attributes of a layer that hold a compiled function, in lists and dicts too."""
    return sorted(
        name
        for name, value in vars(layer).items()
        if _holds_compiled(value) and name not in BOOKKEEPING
    )


def _holds_compiled(value):
    if isinstance(value, dict):
        return any(is_compiled(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(is_compiled(item) for item in value)
    return is_compiled(value)


def is_compiled(value: object) -> bool:
    """Returns whether a function keeps traces: one of `tf.function` or `jax.jit`."""
    kind: Any = type(value)
    return not inspect.isclass(value) and _keeps_traces(kind)


@functools.lru_cache(maxsize=1024)  # asked for every attribute of every layer
def _keeps_traces(kind):
    # By what they offer, so that neither TensorFlow nor JAX is imported here.
    names = ("experimental_get_tracing_count", "clear_cache")
    return any(inspect.getattr_static(kind, name, None) is not None for name in names)


def check_not_compiled(layer):
    """Raises a `ValueError` if a layer has a compiled method: no kernel can be replaced in it."""
    for inner in all_layers(layer):
        methods = {name for name, _ in compiled_methods(inner)}
        names = sorted(methods.union(compiled_attributes(inner)))
        if names:
            raise ValueError(
                "`layer` must have no compiled method: it would go on with the kernels that it was "
                f"traced with. Received: '{inner.name}' ({type(inner).__name__}), in which {names} "
                "are made by tf.function or jax.jit. Call the plain function, since Keras compiles "
                "the whole model, or leave the layer dense."
            )
