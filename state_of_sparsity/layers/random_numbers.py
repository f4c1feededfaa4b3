"""Random numbers of noise: Keras's own, but on JAX drawn in one pass over the tensor."""

import math
from collections.abc import Sequence
from typing import Any

import keras

_ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)  # of Threefry-2x32
_PARITY = 0x1BD11BDA


def uniform(shape: Sequence[int], dtype: str, seed: keras.random.SeedGenerator) -> Any:
    """Returns independent numbers from [0, 1), multiples of 2^-24 where they are float32.

    Args:
        shape: of the tensor.
        dtype: a floating point type.
        seed: where the seed is from; it moves on.
    """
    if not _in_one_pass(shape, dtype):
        return keras.random.uniform(shape, dtype=dtype, seed=seed)
    return _integers(shape, seed.next()) * 2.0**-24


def normal(shape: Sequence[int], dtype: str, seed: keras.random.SeedGenerator) -> Any:
    """Returns independent standard normal numbers.

    On JAX `sqrt(2) erfinv(v)` of float32 numbers `v = (2 k + 1) 2^-24 - 1`, `k` uniform in
    0..2^24 - 1: as in `jax.random`, none is beyond 5.42, which one in 17 million would be.

    Args:
        shape: of the tensor.
        dtype: a floating point type.
        seed: where the seed is from; it moves on.
    """
    if not _in_one_pass(shape, dtype):
        return keras.random.normal(shape, dtype=dtype, seed=seed)
    import jax

    centered = _integers(shape, seed.next()) * 2.0**-23 + (2.0**-24 - 1.0)
    return math.sqrt(2) * jax.lax.erf_inv(centered)


def _in_one_pass(shape, dtype):
    return keras.backend.backend() == "jax" and dtype == "float32" and len(shape) > 0


def _integers(shape, key):
    """Returns float32 integers below 2^24: Threefry-2x32 of (0, place), JAX's own generator.

    `jax.random` goes over whole arrays round by round, and joins two halves. In the shape of the
    tensor, nothing joined or reshaped, XLA makes one loop of it all.

    Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011, section 3.3.
    """
    from jax import lax
    from jax import numpy as jnp

    place = jnp.zeros(shape, jnp.uint32)
    for axis, size in enumerate(shape):
        place = place * jnp.uint32(size) + lax.broadcasted_iota(jnp.uint32, shape, axis)
    keys = key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY)
    left, right = keys[0], place + keys[1]
    for number in range(5):
        for bits in _ROTATIONS[number % 2]:
            left += right
            right = (right << bits | right >> 32 - bits) ^ left
        left += keys[(number + 1) % 3]
        right += keys[(number + 2) % 3] + jnp.uint32(number + 1)
    return (left >> 8).astype(jnp.int32).astype(jnp.float32)
