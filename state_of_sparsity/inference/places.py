"""`Places`: where the values of a graph are as steps are made for it: in maps, or in arrays."""

import math

from state_of_sparsity.inference.calls import Call, Value
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.keras_calls import KerasCalls
from state_of_sparsity.inference.steps import FromChannels, Product, Step, ToChannels

NO_PADDING = ((0, 0), (0, 0))


class Places:
    """Knows where each value is, and brings it to where it is needed.

    Args:
        inputs: the values that a model is given.
        calls: all that are to be made.
        outputs: the values that are wanted.
    """

    def __init__(self, inputs: list[Value], calls: list[Call], outputs: list[Value]):
        self.steps: list[Step] = []
        self.arrays = set(inputs)  # values that are arrays
        self.maps: dict[Value, Maps] = {}
        self.products: dict[Value, Product] = {}  # what more can be asked of, which none has read
        self.paddings: dict[Value, Call] = {}  # of ZeroPadding2D, made where somebody needs them
        self.readers: dict[Value, int] = {}
        for value in [value for call in calls for value in call.inputs] + outputs:
            self.readers[value] = self.readers.get(value, 0) + 1

    def array(self, value: Value):
        """Has a value brought into an array, channels last."""
        if value in self.arrays:
            return
        if value in self.maps:
            self.steps.append(FromChannels(self.maps[value], value))
            self.arrays.add(value)
        else:
            self.by_keras(self.paddings[value])

    def channels(self, value: Value, count: int) -> Maps:
        """Returns maps of a value, with so many channels."""
        maps = self.maps.get(value)
        if maps is not None and _lies(maps, value, count):
            return maps
        self.array(value)
        maps = Maps(count, *maps_shape(value.shape, count))
        self.steps.append(ToChannels(value, maps))
        if count == value.shape[-1]:
            self.maps[value] = maps
        return maps

    def by_keras(self, call: Call):
        """Has Keras make a call."""
        for value in call.inputs:
            self.array(value)
        last = self.steps[-1] if self.steps else None
        if not isinstance(last, KerasCalls):
            last = KerasCalls(self.readers)
            self.steps.append(last)
        last.calls.append(call)
        self.arrays.update(call.outputs)

    def is_in_maps(self, value: Value) -> bool:
        """Returns whether a value lies channel by channel, the channels being its last axis."""
        return value in self.maps and _lies(self.maps[value], value, value.shape[-1])

    def unpadded(self, value: Value):
        """Returns what `ZeroPadding2D` was called on and how much it pads, or a value itself."""
        if value not in self.paddings or value in self.arrays:
            return value, NO_PADDING
        call = self.paddings[value]
        return call.inputs[0], call.operation.padding

    def open_product(self, value: Value) -> Product | None:
        """Returns the product that makes a value, if it may still be changed, else None."""
        return self.products.get(value) if self.readers[value] == 1 else None


def _lies(maps, value, channels):
    """Returns whether maps have so many channels of a value, and positions where others look."""
    place = maps_shape(value.shape, channels)
    return (maps.channels, maps.height, maps.width) == (channels, *place)


def maps_shape(shape, channels: int) -> tuple[int, int]:
    """Returns height and width of maps: all but the last axes of a value are positions.

    Example:

    >>> maps_shape((None, 8, 8, 3), 3), maps_shape((None, 7, 32), 32), maps_shape((None, 5), 5)
    ((8, 8), (1, 7), (1, 1))
    """
    if len(shape) == 4 and shape[-1] == channels:
        return shape[1], shape[2]
    return 1, math.prod(shape[1:]) // channels
