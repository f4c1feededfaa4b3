"""TF-MOT's `sparsity_m_by_n` and block pooling, on Keras 2 in the same process, as the oracle.

What TF-MOT does otherwise: it knows kernels of ranks 2 and 4 alone, whose outputs are last; of
equal weights in a group it keeps the first; m by n, with m zeros, it makes at step 1 alone; and of
blocks it keeps `max(1, round(blocks * (1 - sparsity)))`, of any size, and all that tie.
"""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.patterns import Block, NOfM

tf = pytest.importorskip("tensorflow")


def magnitudes(shape):
    """Returns distinct magnitudes, with signs."""
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    signed = (rng.permutation(size) + 1) * rng.choice([-1.0, 1.0], size)
    return signed.reshape(shape).astype("float32")


def our_mask(layer, inputs, values, sparsity, pattern):
    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0, frequency=1)
    wrapper = sos.MagnitudePruning(layer, schedule, pattern=pattern)
    model = keras.Sequential([keras.Input(inputs), wrapper])
    wrapper.layer.kernel.assign(values)
    sos.UpdateSparsity().update(model, 0)
    (mask,) = sos.masks(model).values()
    return mask


def their_mask(values, sparsity, **options):
    from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

    schedule = pruning_schedules().ConstantSparsity(sparsity, begin_step=0, frequency=1)
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl

    weight, mask, threshold = tf.Variable(values), tf.Variable(values), tf.Variable(0.0)
    pruning = pruning_impl.Pruning(
        lambda: tf.constant(1, tf.int64), [(weight, mask, threshold)], schedule, **options
    )
    pruning.conditional_mask_update()
    return mask.numpy().astype(bool)


@pytest.mark.parametrize(("zeros", "m"), [(2, 4), (1, 4), (3, 4), (1, 2), (4, 8)])
@pytest.mark.parametrize(
    ("layer", "inputs", "shape"),
    [
        ("dense", (16,), (16, 5)),
        ("dense", (23,), (23, 3)),  # the last groups are short
        ("convolution", (6, 6, 8), (3, 2, 8, 4)),
        ("convolution", (6, 6, 11), (2, 2, 11, 3)),
    ],
)
def test_n_of_m(layer, inputs, shape, zeros, m):
    values = magnitudes(shape)
    layer = (
        keras.layers.Dense(shape[-1])
        if layer == "dense"
        else keras.layers.Conv2D(shape[-1], shape[:2])
    )
    ours = our_mask(layer, inputs, values, zeros / m, NOfM(m - zeros, m))
    options = {"block_size": (1, 1), "block_pooling_type": "AVG", "sparsity_m_by_n": (zeros, m)}
    np.testing.assert_array_equal(ours, their_mask(values, 0.5, **options))


@pytest.mark.parametrize("block", [(4, 1), (1, 4), (2, 2), (3, 4)])
@pytest.mark.parametrize("sparsity", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_blocks(block, sparsity, pooling):
    values = magnitudes((24, 16))
    ours = our_mask(keras.layers.Dense(16), (24,), values, sparsity, Block(block, pooling))
    theirs = {"mean": "AVG", "max": "MAX"}[pooling]
    options = {"block_size": block, "block_pooling_type": theirs}
    np.testing.assert_array_equal(ours, their_mask(values, sparsity, **options))
