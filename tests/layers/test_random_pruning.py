"""Random masks: exact, nested, the same when made again, different between layers."""

import itertools

import keras
import numpy as np
import pytest

import state_of_sparsity as sos

SPARSITIES = (0.0, 0.1, 0.35, 0.5, 0.8, 0.97)


def pruned(sparsity, seed=0, name="dense", layer=keras.layers.Dense, shape=(None, 20)):
    """Returns the masks of a layer at a sparsity, by kernel."""
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    wrapper = sos.RandomPruning(layer(30, name=name), schedule, seed=seed)
    wrapper.build(shape)
    wrapper.update(0, sparsity, [wrapper])
    return {kernel.name: wrapper.present(kernel) for kernel in wrapper.sparse_kernels}


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_counts_are_exact(sparsity):
    (mask,) = pruned(sparsity).values()
    assert mask.size - mask.sum() == round(sparsity * mask.size)


def test_masks_are_nested_as_sparsity_grows():
    masks = [pruned(sparsity)["kernel"] for sparsity in SPARSITIES]
    for larger, smaller in itertools.pairwise(masks):
        assert not (smaller & ~larger).any()


def test_masks_do_not_depend_on_the_weights_or_the_time():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    wrapper = sos.RandomPruning(keras.layers.Dense(30, name="dense"), schedule)
    wrapper.build((None, 20))
    for value in (1.0, -3.0):
        wrapper.layer.kernel.assign(np.full((20, 30), value))
        wrapper.update(0, 0.5, [wrapper])
        np.testing.assert_array_equal(
            wrapper.mask(wrapper.sparse_kernels[0]), pruned(0.5)["kernel"]
        )


def test_two_constructions_give_equal_masks_whatever_the_global_seed():
    keras.utils.set_random_seed(1)
    first = pruned(0.5)["kernel"]
    keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(first, pruned(0.5)["kernel"])


@pytest.mark.parametrize("other", [{"seed": 1}, {"name": "dense_1"}])
def test_other_seeds_and_other_layers_have_unrelated_masks(other):
    first, second = pruned(0.5)["kernel"], pruned(0.5, **other)["kernel"]
    # Of 600 weights half stay in each; the overlap of unrelated masks is 150 +- 6.1.
    assert abs((first & second).sum() - 150) < 5 * 6.2


def test_kernels_of_one_layer_have_unrelated_masks():
    masks = pruned(0.5, layer=keras.layers.SimpleRNN, shape=(None, 4, 30))
    first, second = masks.values()
    assert first.shape == second.shape == (30, 30)
    assert abs((first & second).sum() - 225) < 5 * 7.6


def test_zeros_are_spread_evenly():
    mask = pruned(0.5, layer=keras.layers.Dense, shape=(None, 1000))["kernel"]
    # 1000 fair coins a column: 500 +- 15.8.
    assert (np.abs(mask.sum(0) - 500) < 5 * 15.9).all()


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_seeds_that_are_none_are_refused(seed):
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    with pytest.raises(ValueError, match=r"`seed` must be .*at least 0\. Received: "):
        sos.RandomPruning(keras.layers.Dense(2), schedule, seed=seed)


def test_the_configuration_holds_every_argument():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=3, frequency=7)
    layer = keras.layers.SimpleRNN(2)
    arguments = {"seed": 11, "name": "random", "trainable": False}
    kernels = ("recurrent_kernel",)
    wrapper = sos.RandomPruning(layer, schedule, kernels=kernels, **arguments)
    again = sos.RandomPruning.from_config(wrapper.get_config())
    assert {name: getattr(again, name) for name in arguments} == arguments
    assert again.schedule == schedule
    again.build((None, 3, 4))
    assert [kernel.variable.name for kernel in again.sparse_kernels] == ["recurrent_kernel"]


def test_layers_of_one_name_in_different_blocks_have_unrelated_masks():
    def block(name):
        return keras.Sequential(
            [keras.Input((30,)), keras.layers.Dense(30, name="dense")], name=name
        )

    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    model = keras.Sequential([keras.Input((30,)), block("a"), block("b")])
    sparse = sos.sparsify(model, lambda layer: sos.RandomPruning(layer, schedule, seed=3))
    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    agreement = np.mean(masks["a/dense/kernel"] == masks["b/dense/kernel"])
    assert abs(agreement - 0.5) < 5 * 0.5 / 30  # five standard errors of 900 coin flips
