"""`opened`: multi-head attention as the calls of its projections, and what is between them."""

import dataclasses
import math

import keras

from state_of_sparsity.inference.calls import Call, Value
from state_of_sparsity.wrapping.keras_graphs import arguments_of


@dataclasses.dataclass(eq=False)
class DotProductAttention:
    """What attention does to projected queries, keys and values, `(batch, tokens, heads, size)`.

    Args:
        is_causal: whether no token sees a later one.
    """

    is_causal: bool

    def __call__(self, query, key, value):
        scale = 1 / math.sqrt(query.shape[-1])
        return keras.ops.dot_product_attention(
            query, key, value, scale=scale, is_causal=self.is_causal
        )


def opened(calls: list[Call]) -> list[Call]:
    """Returns calls with those inside each `MultiHeadAttention` in its place, where it is plain.

    That is: three axes, no masks but the causal one, no gate, no window, no scores wanted, and as
    many features a head in values as in keys.
    """
    return [inner for call in calls for inner in _opened(call) or [call]]


def _opened(call):
    layer = call.operation
    if type(layer) is not keras.layers.MultiHeadAttention or call.node is None:
        return None
    arguments = arguments_of(call.node)
    is_causal = bool(arguments.pop("use_causal_mask", False))
    told = {
        name: given for name, given in arguments.items() if not (given is None or given is False)
    }
    told.setdefault("key", told.get("value"))
    by_tensor = dict(zip(map(id, call.node.input_tensors), call.inputs, strict=True))
    sources = {role: by_tensor.get(id(told.pop(role, None))) for role in ("query", "key", "value")}
    three_axes = all(value is not None and len(value.shape) == 3 for value in sources.values())
    if told or not three_axes or not _is_simple(layer):
        return None
    shape = layer.num_heads, layer.key_dim
    projected = [Value((*source.shape[:2], *shape)) for source in sources.values()]
    calls = [
        _inner(layer, f"{role}_dense", source, made)
        for (role, source), made in zip(sources.items(), projected, strict=True)
    ]
    mixed = Value(projected[0].shape)
    calls.append(Call(DotProductAttention(is_causal), projected, [mixed], name=call.name))
    return [*calls, _inner(layer, "output_dense", mixed, call.outputs[0])]


def _inner(attention, attribute, source, made):
    layer = getattr(attention, attribute)
    return Call(layer, [source], [made], name=f"{attention.name}/{layer.name}")


def _is_simple(layer):
    config = layer.get_config()
    unusual = [config.get(name) for name in ("use_gate", "sliding_window")]
    axes = config["attention_axes"] or [1]
    one_axis = axes == 1 or list(axes) == [1]
    return not any(unusual) and one_axis and layer.value_dim == layer.key_dim
