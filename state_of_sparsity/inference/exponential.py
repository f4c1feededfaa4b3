"""`exponentials`: of many numbers at once, as the library's function takes one at a time."""

from state_of_sparsity import extras

with extras.explained():
    import numba
    import numpy as np

# exp(x) = 2**n * exp(r), r = x - n * log(2) in two parts, so that it is exact where it counts; and
# exp(r) = 1 + r + r**2 * polynomial(r): Cephes's expf by S. L. Moshier, whose error is below 2e-7.
_LOG2_E = np.float32(1.44269504088896341)
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_P0, _P1 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3)
_P2, _P3 = np.float32(8.3334519073e-3), np.float32(4.1665795894e-2)
_P4, _P5 = np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
_LEAST = np.float32(-87.3)  # below it results have fewer digits, and are taken for this one's


@numba.njit
def exponentials(numbers, count):
    """Makes the first of an array of float32 numbers, none above 0, their exponentials."""
    powers = np.empty(count, np.int32)
    for at in range(count):
        x = max(numbers[at], _LEAST)
        n = np.floor(x * _LOG2_E + np.float32(0.5))
        r = x - n * _LOG_2_HIGH - n * _LOG_2_LOW
        p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
        numbers[at] = p * r * r + r + np.float32(1)
        powers[at] = (np.int32(n) + np.int32(127)) << np.int32(23)
    scales = powers.view(np.float32)
    for at in range(count):
        numbers[at] *= scales[at]
