"""`observe`: fill the records of techniques from batches, and train nothing."""

import contextlib
import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from state_of_sparsity.arguments import refuse_class
from state_of_sparsity.layers.recorded_inputs import RecordedInputs
from state_of_sparsity.surgery.structure import check_has_weights, sparse_layers

_LEAST_SCALE = 2.0**-24  # of a loss in float16: below it every gradient is 0


def observe(model: keras.Model, batches: Iterable[Any]) -> None:
    """Has a model's sparse layers see batches, and write down what they need to set masks.

    Where that are gradients (SNIP, RigL), a training step is taken for each batch with the loss
    that the model was compiled with, and taken back: weights, moving averages, seeds, the optimizer
    and its count of steps are as they were. Where it is the size of inputs (Wanda), the model is
    called on each batch as at evaluation. What stays is the mean, over the batches, of what each
    layer records (`RecordedMask`, `RecordedInputs`), for an update at step 0 to go by.

    Args:
        model: a model with layers that record something, such as `sos.SaliencyPruning`; compiled,
            if one of them records gradients.
        batches: an iterable of `(inputs, targets)` or `(inputs, targets, sample_weights)`, as
            `train_on_batch` takes; each counts the same.

    Raises:
        ValueError: if no layer records anything, there is no batch, or the model would have to be
            compiled and is not.

    Example:

    >>> once = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0, frequency=1)
    >>> snip = sos.sparsify(model, lambda layer: sos.SaliencyPruning(layer, once))
    >>> snip.compile("sgd", "mse")
    >>> sos.observe(snip, [(x, y)])
    >>> snip.fit(x, y, callbacks=[sos.UpdateSparsity()])  # masks are set before its first step
    """
    check_has_weights(model, "it is observed")
    wrappers = [w for w in sparse_layers(model).values() if w.records is not None]
    of_inputs = [wrapper for wrapper in wrappers if isinstance(wrapper, RecordedInputs)]
    records = _records(wrapper for wrapper in wrappers if wrapper not in of_inputs)
    if records and not getattr(model, "compiled", False):
        raise ValueError(
            "`model` must be compiled: what is recorded are gradients of its loss. "
            f"Received: '{model.name}', which is not. Call `model.compile(optimizer, loss)` first."
        )
    if not records and not of_inputs:
        raise ValueError(
            "`model` must have layers of a technique that records something, such as "
            f"sos.SaliencyPruning or sos.RigL. Received: '{model.name}', which has none."
        )
    refuse_class("batches", batches, "batches=[(x, y)]")
    if of_inputs and records:
        batches = list(batches)  # which are gone through twice
    if of_inputs:
        _see_inputs(model, of_inputs, batches)
    if records:
        _see_gradients(model, records, batches)


def _see_inputs(model, wrappers, batches):
    """Has layers see what reaches them as the model is called at evaluation."""
    count = 0
    with contextlib.ExitStack() as observed:
        for wrapper in wrappers:
            observed.enter_context(wrapper.observing())
        for batch in batches:
            model(_parts(batch)[0], training=False)
            count += 1
        _check_any(count)


def _see_gradients(model, records, batches):
    """Has layers see the gradients of training steps, which are taken back."""
    sums, count = [np.zeros(record.shape, np.float64) for record in records], 0
    with _nothing_is_trained(model, records):
        for batch in batches:
            scale = _take_step(model, _parts(batch))
            count += 1
            for total, record in zip(sums, records, strict=True):
                total += record.numpy() / scale
    _check_any(count)
    for total, record in zip(sums, records, strict=True):
        record.assign(total / count)


def _take_step(model, parts):
    """Trains on a batch, in float16 until no gradient overflows; returns what the loss is times."""
    optimizer = model.optimizer
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        model.train_on_batch(*parts)
        return 1.0
    scale = math.inf
    while (present := _scale(optimizer)) < scale:  # it is halved, and nothing recorded
        scale = present
        if scale < _LEAST_SCALE:
            raise ValueError(
                "`batches` must have gradients that are finite in float16. Received: one whose "
                f"gradients overflow with the loss times {2 * scale:g}. Use bfloat16 or float32."
            )
        model.train_on_batch(*parts)
    return scale


def _scale(optimizer):
    return float(ops.convert_to_numpy(optimizer.dynamic_scale))


def _check_any(count):
    if not count:
        raise ValueError("`batches` must have a batch at least. Received: an iterable of none.")


def _records(wrappers):
    return [
        wrapper.beside[kernel.name][wrapper.records]
        for wrapper in wrappers
        for kernel in wrapper.sparse_kernels
        if kernel.variable.trainable
    ]


def _parts(batch):
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise ValueError(
            "`batches` must give (inputs, targets) or (inputs, targets, sample_weights). "
            f"Received: {type(batch).__name__}"
            f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}."
        )
    return batch


def _without_steps(optimizer):
    """Returns an optimizer that trains nothing, and scales the loss as the model's does."""
    still = keras.optimizers.SGD(0.0)
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return still
    scale = _scale(optimizer) if optimizer.built else optimizer.initial_scale
    return keras.optimizers.LossScaleOptimizer(still, scale, dynamic_growth_steps=2**30)


@contextlib.contextmanager
def _nothing_is_trained(model, records):
    """Restores all but `records` at the end, whatever happens inside."""
    optimizer, recorded = model.optimizer, {id(record) for record in records}
    kept = [(v, v.numpy()) for v in model.variables if id(v) not in recorded]
    wrappers = list(sparse_layers(model).values())
    driven = [wrapper._driven for wrapper in wrappers]
    try:
        # What drives a model that was trained would have it refuse to be trained by anything else.
        stand_in = vars(model).pop("make_train_function", None)
        model.optimizer = _without_steps(optimizer)
        model.optimizer.build(model.trainable_variables)
        model.train_function = None
        for wrapper in wrappers:
            wrapper._driven = True
        yield
    finally:
        for wrapper, was in zip(wrappers, driven, strict=True):
            wrapper._driven = was
        model.optimizer, model.train_function = optimizer, None
        if stand_in is not None:
            model.make_train_function = stand_in
        for variable, value in kept:
            variable.assign(value)
        model.reset_metrics()
