"""`read`: the calls of a model as the steps of a runner."""

import math

import keras

from state_of_sparsity.arguments import is_number
from state_of_sparsity.inference import layer_rows
from state_of_sparsity.inference.activation import Activation
from state_of_sparsity.inference.attention import DotProductAttention
from state_of_sparsity.inference.calls import Call, Value
from state_of_sparsity.inference.dot_product import DotProduct
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.layer_norm import LayerNorm
from state_of_sparsity.inference.places import NO_PADDING, Places
from state_of_sparsity.inference.sparse_rows import SparseRows
from state_of_sparsity.inference.steps import (
    ActivateArray,
    FromChannels,
    Means,
    PoolMaxima,
    Product,
    Reshape,
    SplitPhases,
    Step,
)

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
_DENSE = (keras.layers.Dense, keras.layers.EinsumDense)
WEIGHTED = (*_CONVOLUTIONS, *_DENSE)


def read(
    inputs: list[Value], calls: list[Call], outputs: list[Value], dense=frozenset()
) -> list[Step]:
    """Returns the steps that compute outputs as arrays, in order.

    Args:
        inputs: the values that are given.
        calls: of a model, in order.
        outputs: the values that are wanted.
        dense: layers with weights that are left to Keras.
    """
    reader = _Reader(inputs, calls, outputs)
    for call in calls:
        if call.operation in dense or not reader.take(call):
            reader.by_keras(call)
    for value in outputs:
        reader.array(value)
    return reader.steps


class _Reader(Places):
    """Makes steps of calls, one after the other."""

    def __init__(self, inputs, calls, outputs):
        super().__init__(inputs, calls, outputs)
        self.phases = {}  # maps that strided layers share
        self.batch = inputs[0].shape[0]
        kinds = keras.layers
        self.by_class = {
            **dict.fromkeys(_CONVOLUTIONS, self.convolution),
            **dict.fromkeys(_DENSE, self.dense_layer),
            kinds.BatchNormalization: self.normalization,
            DotProductAttention: self.attention,
            kinds.LayerNormalization: self.layer_normalization,
            **dict.fromkeys((kinds.ReLU, kinds.Activation), self.activation),
            kinds.Add: self.addition,
            kinds.ZeroPadding2D: self.padding,
            kinds.MaxPooling2D: self.max_pooling,
            kinds.GlobalAveragePooling2D: self.mean,
            kinds.GlobalMaxPooling2D: self.maximum,
            kinds.Rescaling: self.rescaling,
            **dict.fromkeys((kinds.Flatten, kinds.Reshape), self.reshape),
            **dict.fromkeys((kinds.Dropout, kinds.Identity), self.reshape),
        }

    def take(self, call) -> bool:
        """Makes steps of a call, if its layer is of a class that is known, and used plainly."""
        layer = call.operation
        channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
        known = self.by_class.get(type(layer))
        values = (*call.inputs, *call.outputs)
        is_known = all(None not in value.shape[1:] for value in values)
        # A table of its own first axis is one for all examples.
        is_known = is_known and all(value.shape[0] == self.batch for value in values)
        if known is None or not channels_last or not call.is_plain or not is_known:
            return False
        return known(layer, call, call.inputs[0], call.outputs[0])

    def product(self, call, rows, source, shape, activation=None):
        """Appends a product that makes a call's output, and what its layer's activation does."""
        target = Maps(rows.outputs, *shape)
        product = Product(rows, source, target, [call])
        self.steps.append(product)
        output, limits = call.outputs[0], layer_rows.limits_of(activation)
        if limits is not None:
            self.maps[output], self.products[output] = target, product
            self.clip(product, limits, output)
        elif layer_rows.keeps_zeros(activation):
            self.maps[output] = target
            self.steps.append(Activation(activation, target))
        else:
            linear = Value(output.shape)
            self.steps += [FromChannels(target, linear), ActivateArray(activation, linear, output)]
            self.arrays.add(output)
        return product

    def clip(self, product, limits, output):
        product.limits = limits
        if limits != layer_rows.NO_LIMITS:
            self.products.pop(output, None)

    def goes_on(self, call, product, before):
        """Has a product stand for one more call, whose output it computes as well."""
        after = call.outputs[0]
        product.calls.append(call)
        self.maps[after], self.products[after] = self.maps.pop(before), self.products.pop(before)

    def diagonal(self, call, value, scale, shift):
        """Appends a product that scales and shifts each channel of a value."""
        maps = self.maps[value]
        rows = SparseRows.diagonal(scale, shift)
        return self.product(call, rows, maps, (maps.height, maps.width))

    def identity(self, call, value):
        count = self.maps[value].channels
        return self.diagonal(call, value, [1] * count, [0] * count)

    # Layers, by class; each returns whether it was taken.

    def convolution(self, layer, call, value, _):
        source, padding = self.unpadded(value) if layer.padding == "valid" else (value, NO_PADDING)
        maps = self.channels(source, source.shape[-1])
        rows, *shape = layer_rows.convolution(layer, (maps.height, maps.width), padding)
        if rows.phases is not None:
            maps = self.split(maps, tuple(layer.strides), rows.phases)
        self.product(call, rows, maps, shape, layer.activation)
        return True

    def split(self, maps, strides, phases):
        """Returns the phases of maps, made once for all layers that need the same."""
        key = maps, strides, phases.tobytes()
        if key not in self.phases:
            first, shape = phases.min(axis=0), (maps.height, maps.width)
            sides = zip(shape, first, strides, strict=True)
            shape = (math.ceil(max(0, size - begin) / stride) for size, begin, stride in sides)
            target = Maps(maps.channels * len(phases), *shape)
            self.steps.append(SplitPhases(maps, target, strides, phases))
            self.phases[key] = target
        return self.phases[key]

    def dense_layer(self, layer, call, value, _):
        is_einsum = type(layer) is keras.layers.EinsumDense
        rows = layer_rows.einsum_dense(layer) if is_einsum else layer_rows.dense(layer)
        if rows is None:
            return False
        maps = self.channels(value, rows.inputs)
        self.product(call, rows, maps, (maps.height, maps.width), layer.activation)
        return True

    def normalization(self, layer, call, value, _):
        if layer.axis not in (-1, len(value.shape) - 1) or not self.is_in_maps(value):
            return False
        scale, shift = layer_rows.scale_and_shift(layer)
        product = self.open_product(value)
        if product is None or product.residual is not None:
            self.diagonal(call, value, scale, shift)
        else:
            product.rows = product.rows.scaled(scale, shift)
            self.goes_on(call, product, value)
        return True

    def layer_normalization(self, layer, call, value, output):
        axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
        last = axes in ([-1], [len(value.shape) - 1])
        if not last or not self.is_in_maps(value) or getattr(layer, "rms_scaling", False):
            return False
        maps = self.maps[value]
        target = self.maps[output] = Maps(maps.channels, maps.height, maps.width)
        self.steps.append(LayerNorm(layer, maps, target))
        return True

    def attention(self, operation, call, query, output):
        _, tokens, heads, size = query.shape
        maps = [self.maps.get(value) for value in call.inputs]
        if any(each is None or (each.channels, each.height) != (heads * size, 1) for each in maps):
            return False  # Keras has made them, and goes on without copies
        target = self.maps[output] = Maps(heads * size, 1, tokens)
        self.steps.append(DotProduct(*maps, target, heads, operation.is_causal))
        return True

    def activation(self, layer, call, value, output):
        limits, function = layer_rows.limits(layer), getattr(layer, "activation", None)
        if not self.is_in_maps(value) or (limits is None and not layer_rows.keeps_zeros(function)):
            return False
        product = self.open_product(value)
        if product is None:
            product = self.identity(call, value)
        else:
            self.goes_on(call, product, value)
        if limits is not None:
            self.clip(product, limits, output)
        else:
            self.products.pop(output)
            self.steps.append(Activation(function, product.target))
        return True

    def addition(self, layer, call, first, output):
        values = call.inputs
        if len(values) != 2 or values[0].shape[1:] != values[1].shape[1:]:
            return False
        for value, other in (values, values[::-1]):
            product = self.open_product(value)
            if product is not None and product.residual is None and self.is_in_maps(value):
                residual = self.channels(other, other.shape[-1])
                # Nothing has read it yet, so that it can wait until the other sum is there.
                self.steps.remove(product)
                self.steps.append(product)
                product.add(residual)
                self.goes_on(call, product, value)
                return True
        if not any(map(self.is_in_maps, values)):
            return False
        one, other = values if self.is_in_maps(values[0]) else values[::-1]
        residual = self.channels(other, other.shape[-1])
        self.identity(call, one).add(residual)
        return True

    def padding(self, layer, call, value, output):
        self.paddings[output] = call
        return True

    def max_pooling(self, layer, call, value, output):
        source, padding = self.unpadded(value) if layer.padding == "valid" else (value, NO_PADDING)
        if not self.is_in_maps(source):
            return False
        maps, size, strides = self.maps[source], tuple(layer.pool_size), tuple(layer.strides)
        places = [
            layer_rows.window_places(side, pads, window, stride, layer.padding)
            for side, pads, window, stride in zip(
                (maps.height, maps.width), padding, size, strides, strict=True
            )
        ]
        before, shape = zip(*places, strict=True)
        target = self.maps[output] = Maps(maps.channels, *shape)
        zeros = padding != NO_PADDING
        self.steps.append(PoolMaxima(maps, target, size, strides, before, zeros))
        return True

    def mean(self, layer, call, value, output):
        if not self.is_in_maps(value) or layer.keepdims:
            return False
        maps = self.maps[value]
        target = self.maps[output] = Maps(maps.channels, 1, 1)
        self.steps.append(Means(maps, target))
        return True

    def maximum(self, layer, call, value, output):
        if not self.is_in_maps(value) or layer.keepdims:
            return False
        maps = self.maps[value]
        whole, target = (maps.height, maps.width), Maps(maps.channels, 1, 1)
        self.maps[output] = target
        self.steps.append(PoolMaxima(maps, target, whole, whole, (0, 0), False))
        return True

    def rescaling(self, layer, call, value, output):
        numbers = is_number(layer.scale) and is_number(layer.offset)
        if not numbers or not self.is_in_maps(value):
            return False
        count = self.maps[value].channels
        self.diagonal(call, value, [layer.scale] * count, [layer.offset] * count)
        return True

    def reshape(self, layer, call, value, output):
        if self.is_in_maps(value) and value.shape[1:] == output.shape[1:]:
            self.maps[output] = self.maps[value]
            if self.open_product(value) is not None:
                self.products[output] = self.products.pop(value)
            return True
        self.array(value)
        self.steps.append(Reshape(value, output))
        self.arrays.add(output)
        return True
