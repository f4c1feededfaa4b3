"""`compile`: a runner made of a plain model."""

import os
from typing import TYPE_CHECKING

import keras

from state_of_sparsity import extras
from state_of_sparsity.arguments import check_flag, check_integer
from state_of_sparsity.surgery.model_check import check_model
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.wrapping.keras_graphs import (
    calls_in_order,
    is_masked,
    names_of_inputs,
    runs_its_graph,
)
from state_of_sparsity.wrapping.keras_internals import all_layers

if TYPE_CHECKING:
    from state_of_sparsity.inference.runner import Runner


def compile(
    model: keras.Model, batch_size: int = 1, *, threads: int | None = None, measure: bool = True
) -> "Runner":
    """Returns a function that computes a stripped model's outputs faster, on this processor.

    Convolutions, `Dense` and `EinsumDense` layers, and the projections of attention, become sparse
    products, with batch normalization, ReLU and residual sums within; each is timed against Keras,
    and left to Keras where that is faster, as the whole model is. Other layers run by Keras in
    between, but for what is compiled here too: attention, layer normalization, GELU, SiLU and
    pools. All of these have copies of the weights, and what is left to Keras has the model's own:
    compile again after training it further. The first time on a machine takes ten seconds more, in
    which machine code is made, which is kept.

    Args:
        model: a Functional or Sequential model without sparse wrappers, in float32, its inputs of
            known shapes but for the batch.
        batch_size: of the batches that times are measured with; others can be given, too.
        threads: how many compute at most; None for as many as the process may use processors.
            One computes where that is measured to be faster, as on a busy machine.
        measure: whether times are measured; else everything that can be is a sparse product.

    Returns:
        A `Runner`: `runner(inputs)` returns what `model.predict` does, up to rounding, in a list
        where there are several outputs, and `print(runner)` shows what was measured.

    Raises:
        ValueError: if the model is none of those.

    Example:

    >>> plain = sos.strip(sparse)
    >>> runner = sos.inference.compile(plain)
    >>> outputs = runner(x)
    """
    check_flag("measure", measure)
    check_integer("batch_size", batch_size, 1)
    if threads is None:
        threads = _processors()
    check_integer("threads", threads, 1)
    _check(model)
    with extras.explained():
        from state_of_sparsity.inference.chosen import chosen_runner
    return chosen_runner(model, batch_size, threads, measure)


def _processors() -> int:
    """Returns how many processors this process may use; there is no telling on every system."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(model):
    """Raises a `ValueError` that says why a model cannot be compiled, if so."""
    check_model(model, "inference.compile")
    if sparse_layers(model):
        raise ValueError(
            "`model` must have no sparse wrappers for `sos.inference.compile`. Received: "
            f"'{model.name}', which has some. Strip it first: "
            "sos.inference.compile(sos.strip(model))."
        )
    if not runs_its_graph(model):
        raise ValueError(
            "`model` must be a Functional or Sequential model for `sos.inference.compile`. "
            f"Received: '{model.name}' of the class {type(model).__name__}. Build it as a "
            "graph of layers, and give that the weights by set_weights."
        )
    names = names_of_inputs(model)
    if names is not None:
        raise ValueError(
            "`model` must have one input or a list of them. Received: a dictionary of "
            f"{names}. Make it anew: keras.Model(list(model.inputs), model.outputs)."
        )
    for tensor in model.inputs:
        if None in tensor.shape[1:]:
            raise ValueError(
                "`model` must have inputs of known shapes, but for the batch. Received: "
                f"'{tensor.name}' of the shape {tensor.shape}. Build it anew with "
                "a keras.Input of the shape, and give that the weights by set_weights."
            )
    for layer in all_layers(model):
        if layer.compute_dtype == "string":
            raise ValueError(
                "`model` must compute with numbers alone for `sos.inference.compile`. Received: "
                f"layer '{layer.name}' ({type(layer).__name__}), which reads text. Leave it out: "
                "call it on the text, and compile the model of what it returns."
            )
        if layer.compute_dtype != "float32" or layer.quantization_mode:
            policy = layer.quantization_mode or layer.dtype_policy.name
            raise ValueError(
                "`model` must compute in float32, and not be quantized. Received: layer "
                f"'{layer.name}' with {policy}. Make the model with dtype='float32' and load the "
                "weights into it."
            )
    for node in calls_in_order(model):
        if any(is_masked(tensor) for tensor in node.output_tensors):
            raise ValueError(
                "`model` must have no masks between layers. Received: one from layer "
                f"'{node.operation.name}'. Make it with mask_zero=False, or without `Masking`."
            )
