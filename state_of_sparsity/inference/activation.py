"""`Activation`: functions of one number, which are 0 at 0, of all numbers in maps."""

import keras
import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.inference import work
from state_of_sparsity.inference.exponential import exponentials
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.pointers import floats
from state_of_sparsity.inference.steps import Bound, Step, as_array

with extras.explained():
    import numba

_GELU, _SILU = range(2)
_COMPILED = ((keras.activations.gelu, _GELU), (keras.activations.silu, _SILU))
_AT_ONCE = 1024  # numbers, which stay in the cache


class Activation(Step):
    """Changes maps in place, zeros between them included, which stay zero.

    Args:
        function: one of `layer_rows.KEEP_ZEROS`; what is not compiled here Keras computes.
        maps: which.
    """

    def __init__(self, function, maps: Maps):
        self.function = function
        self.reads, self.writes = [maps], [maps]

    def bind(self, memory):
        (maps,) = self.reads
        kinds = [kind for function, kind in _COMPILED if function is self.function]
        if kinds:
            (kind,), count = kinds, memory.buffer(maps).size
            place = memory.place("y", maps)
            fields = {"activation": kind, "vectors": count}
            return Bound(work.work(work.ACTIVATION, -(-count // _AT_ONCE), **place, **fields))
        buffer, function = memory.buffer(maps), self.function

        def call():
            buffer[:] = as_array(function(keras.ops.convert_to_tensor(buffer)))

        return Bound(call=call)


@numba.njit
def activation(work, item):
    """Changes some numbers of a buffer, of `vectors` numbers in all.

    The error function is 1 - polynomial(1 / (1 + p |x|)) * exp(-x**2), with the sign of x, within
    1.5e-7 (Abramowitz and Stegun, 1964, 7.1.26).
    """
    y, first = floats(work.y), item * _AT_ONCE
    count = min(_AT_ONCE, work.vectors - first)
    powers = np.empty(count, np.float32)
    one, half = np.float32(1), np.float32(0.5)
    if work.activation == _SILU:
        for at in range(count):
            powers[at] = -abs(y[first + at])
        exponentials(powers, count)
        for at in range(count):
            x = y[first + at]
            y[first + at] = x * (one if x >= 0 else powers[at]) / (one + powers[at])
    else:
        for at in range(count):
            powers[at] = -half * y[first + at] * y[first + at]
        exponentials(powers, count)
        for at in range(count):
            x = y[first + at]
            t = one / (one + np.float32(0.3275911 * 0.5**0.5) * abs(x))
            tail = np.float32(1.061405429) * t - np.float32(1.453152027)
            tail = (tail * t + np.float32(1.421413741)) * t - np.float32(0.284496736)
            tail = (tail * t + np.float32(0.254829592)) * t * powers[at]  # 1 - erf(|x| / sqrt(2))
            y[first + at] = x * half * (np.float32(2) - tail if x >= 0 else tail)
