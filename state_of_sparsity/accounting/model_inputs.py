"""Symbolic inputs of a model, from its own shapes or from shapes given by the user."""

import inspect
from typing import Any

import keras


class UnknownInputShapeError(ValueError):
    """The model alone does not say which shapes it is called with."""


def symbolic_inputs(model: keras.Model, input_shape: Any = None, dtype: str = "float32") -> Any:
    """Symbolic tensors to call a model with.

    Args:
        model: A built Keras model or layer.
        input_shape: shape without the batch dimension, or a list or dict of those for several
            inputs. None takes the shapes the model was made or built with.
        dtype: type of the tensors where the model does not say it (subclassed models).

    Returns:
        `(arguments, keyword_arguments, batch)` for calling `model`. Batch is 1, unless every input
        of the model has a fixed batch dimension.

    Raises:
        ValueError: `input_shape` is no shape, or does not fit the model's inputs.
        UnknownInputShapeError: `input_shape` is None and the model's own shapes do not suffice.
    """
    inputs = getattr(model, "inputs", None)
    if isinstance(inputs, list | tuple) and all(isinstance(t, keras.KerasTensor) for t in inputs):
        return _of_graph(model, list(inputs), input_shape)
    if input_shape is None:
        return *_of_build_config(model, dtype), 1
    tensors = _map_shapes(lambda shape: _tensor(_checked(shape), dtype), input_shape)
    return *_of_signature(model, tensors), 1


def _tensor(shape, dtype, batch=1, sparse=False):
    return keras.KerasTensor((batch, *shape), dtype=dtype, sparse=sparse)


def _of_graph(model, inputs, input_shape):
    """Inputs of a Sequential or Functional model, whose structure and types are known."""
    shapes = [t.shape[1:] for t in inputs]
    if input_shape is not None:
        shapes = _shapes_in_order(model, inputs, input_shape)
        for tensor, shape in zip(inputs, shapes, strict=True):
            _check_fits(tensor, shape)
    elif any(None in shape for shape in shapes):
        raise UnknownInputShapeError(f"the model's inputs have unknown dimensions: {shapes}")
    batches = {t.shape[0] for t in inputs}
    batch = batches.pop() if len(batches) == 1 and None not in batches else 1
    tensors = [
        _tensor(shape, tensor.dtype, batch, tensor.sparse)
        for tensor, shape in zip(inputs, shapes, strict=True)
    ]
    if isinstance(model, keras.Sequential):
        return (tensors[0],), {}, batch
    return (keras.tree.pack_sequence_as(model.input, tensors),), {}, batch


def _shapes_in_order(model, inputs, input_shape):
    names = [t.name for t in inputs]
    structure = getattr(model, "input", None) if not isinstance(model, keras.Sequential) else None
    if isinstance(structure, dict):
        by_tensor = {id(t): key for key, t in structure.items()}
        names = [by_tensor[id(t)] for t in inputs]
    if isinstance(input_shape, dict):
        if set(input_shape) != set(names):
            raise ValueError(
                f"`input_shape` needs one shape for each of the inputs {names}. "
                f"Received: input_shape={input_shape}. Use these names as keys."
            )
        shapes = [input_shape[name] for name in names]
    else:
        several = isinstance(input_shape, list | tuple) and not _is_shape(input_shape)
        shapes = list(input_shape) if several else [input_shape]
    if len(shapes) != len(inputs):
        raise ValueError(
            f"`input_shape` needs {len(inputs)} shapes, for the inputs {names}. "
            f"Received: input_shape={input_shape}. Pass a list in this order, or a dict by name."
        )
    return [_checked(shape) for shape in shapes]


def _check_fits(tensor, shape):
    expected = tensor.shape[1:]
    if len(shape) != len(expected) or any(
        e is not None and e != s for e, s in zip(expected, shape, strict=True)
    ):
        raise ValueError(
            f"`input_shape` must fit the model's input {tensor.name!r} of shape {expected}. "
            f"Received: {shape}. Leave the batch dimension out."
        )


def _of_build_config(model, dtype):
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    shapes = (config or {}).get("input_shape") or (config or {}).get("shapes_dict")
    if not shapes:
        raise UnknownInputShapeError("the model does not record the shapes it was built with")

    def without_batch(shape):
        if None in shape[1:]:
            raise UnknownInputShapeError(f"the model was built with unknown dimensions: {shape}")
        return _tensor(shape[1:], dtype)

    if "shapes_dict" in config:
        names = {name.removesuffix("_shape"): shape for name, shape in shapes.items()}
        return (), {name: _map_shapes(without_batch, shape) for name, shape in names.items()}
    return (_map_shapes(without_batch, shapes),), {}


def _of_signature(model, tensors):
    """Spread several inputs over the arguments of `call`, if it takes that many."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(model.call).parameters.values()
    names = [p.name for p in parameters if p.kind in kinds and p.name not in ("training", "mask")]
    if isinstance(tensors, dict) and set(tensors) <= set(names):
        return (), tensors
    required = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    if isinstance(tensors, list) and 1 < len(required) <= len(tensors) <= len(names):
        return tuple(tensors), {}
    return (tensors,), {}


def _is_shape(value):
    return isinstance(value, list | tuple) and all(
        isinstance(size, int) or size is None for size in value
    )


def _map_shapes(function, structure):
    """Apply `function` to every shape in a nest of lists, tuples and dicts."""
    if isinstance(structure, dict):
        return {key: _map_shapes(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple) and not _is_shape(structure):
        return [_map_shapes(function, value) for value in structure]
    return function(structure)


def _checked(shape):
    if not _is_shape(shape) or any(size is None or size < 1 for size in shape):
        raise ValueError(
            "`input_shape` must be a tuple of positive integers without the batch dimension, or a "
            f"list or dict of such tuples. Received: {shape!r}."
        )
    return tuple(shape)
