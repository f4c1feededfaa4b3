"""The random numbers of noise, on any backend, and on JAX against JAX's own generator."""

import math

import keras
import numpy as np
import pytest

from state_of_sparsity.layers import random_numbers

SHAPE = (64, 33, 128)
SIZE = math.prod(SHAPE)


def drawn(draw, dtype="float32", seed=7):
    numbers = draw(SHAPE, dtype, keras.random.SeedGenerator(seed))
    assert numbers.shape == SHAPE and keras.backend.standardize_dtype(numbers.dtype) == dtype
    return keras.ops.convert_to_numpy(keras.ops.cast(numbers, "float32")).astype(np.float64)


def check_moments(numbers, expected):
    """The first four moments, within five standard errors."""
    for order, moment in enumerate(expected, start=1):
        powers = numbers**order
        assert abs(powers.mean() - moment) < 5 * powers.std() / math.sqrt(SIZE), order


def check_independent(numbers):
    """Neighbours along each axis, and the values of one position and another draw, do not agree."""
    centered = numbers - numbers.mean()
    for axis in range(3):
        moved = np.roll(centered, 1, axis)
        assert abs(np.mean(centered * moved)) < 5 * centered.var() / math.sqrt(SIZE)
    assert len(np.unique(numbers)) > 0.97 * SIZE  # of 2^24 values some come up twice


def test_normal_numbers():
    numbers = drawn(random_numbers.normal)
    check_moments(numbers, [0, 1, 0, 3])
    check_independent(numbers)
    # The share beyond 4 is 6.3e-5: 17 are expected, with a standard deviation of 4.
    assert 0 < np.sum(np.abs(numbers) > 4) < 40


def test_uniform_numbers():
    numbers = drawn(random_numbers.uniform)
    check_moments(numbers, [1 / 2, 1 / 3, 1 / 4, 1 / 5])
    check_independent(numbers)
    assert 0 <= numbers.min() < 1e-4 and 1 - 1e-4 < numbers.max() < 1


@pytest.mark.parametrize("draw", [random_numbers.normal, random_numbers.uniform])
def test_a_seed_moves_on_and_begins_again(draw):
    seed = keras.random.SeedGenerator(7)
    first, second = (np.asarray(draw((5, 4), "float32", seed)) for _ in range(2))
    assert (first != second).all()
    again = np.asarray(draw((5, 4), "float32", keras.random.SeedGenerator(7)))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_other_types(dtype):
    check_moments(drawn(random_numbers.normal, dtype), [0, 1])
    assert drawn(random_numbers.uniform, dtype).max() <= 1


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="drawn in one pass on JAX alone")
@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 3, 4)])
def test_the_generator_is_threefry_of_the_place(shape):
    import jax
    from jax.extend.random import threefry_2x32

    key = jax.numpy.array([123, 2**32 - 5], "uint32")
    place = np.arange(math.prod(shape), dtype="uint32")
    counts = jax.numpy.concatenate([np.zeros_like(place), place])
    words = threefry_2x32(key, counts)[: math.prod(shape)]
    expected = (np.asarray(words) >> 8).astype("float32").reshape(shape)
    found = jax.jit(lambda: random_numbers._integers(shape, key))()
    np.testing.assert_array_equal(found, expected)
