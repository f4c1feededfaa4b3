"""Compiled functions that saw a model before it was made sparse, and would go on dense."""

import inspect

from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.compiled_methods import (
    compiled_attributes,
    compiled_methods,
    is_compiled,
)
from state_of_sparsity.wrapping.keras_internals import all_layers, forget_traces_of, layers_inside


def check_calls(model, replacements):
    """Raises an error if a layer that holds sparse layers has a compiled `call`.

    Compiled, it runs what it was traced with before, and in the same way for training and
    prediction.

    Args:
        model: the model, as it is before anything is exchanged.
        replacements: `{id of a layer: its wrapper}`.
    """
    for layer in all_layers(model):
        inside = layers_inside(layer)
        holds = any(id(inner) in replacements for inner in inside)
        if holds and is_compiled(inspect.getattr_static(layer, "call")):
            raise ValueError(
                f"`model` must not compile its `call` by itself: '{layer.name}' "
                f"({type(layer).__name__}) has a `call` made by tf.function or jax.jit, which "
                "would go on with what it was traced with, and cannot tell training from "
                "prediction. Remove the decorator: Keras compiles the model in `fit` and `predict`."
            )


def forget_traces(model):
    """Makes a model's other compiled methods be traced anew; warns of what cannot be.

    Args:
        model: a model with layers that were exchanged in place.
    """
    for layer in all_layers(model):
        for _, function in compiled_methods(layer):
            if hasattr(function, "clear_cache"):
                function.clear_cache()
            else:
                forget_traces_of(function, layer)
        stale = compiled_attributes(layer)
        if stale:
            warn(
                f"The attributes {stale} of '{layer.name}' ({type(layer).__name__}) were made by "
                "tf.function or jax.jit. Make them again: what they were traced with before runs "
                "on without sparsity."
            )
