"""Masks of kernels of any shape, precision and values: exact, nested, shared as promised."""

import itertools
import json
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import state_of_sparsity as sos
from state_of_sparsity.masking.top_k import keep_largest
from tests import reference

few = settings(max_examples=settings().max_examples // 4)
PRECISIONS = ["float32", "float16", "bfloat16", "float64"]
# Ties, both zeros, infinities, and the smallest and largest of half precision.
VALUES = [0.0, -0.0, 0.25, -0.25, 0.5, 1.0, -3.0, 6e-8, -65504.0, math.inf, -math.inf]
DOUBLES = [1 + 2**-40, 1e-300, -1e-200]  # different in double precision alone
SPARSITIES = st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 0.5, 0.9, 1 - 2**-53])


@keras.saving.register_keras_serializable(package="fuzz")
class Weight(keras.layers.Layer):
    """A layer that is one kernel."""

    def __init__(self, shape, dtype="float32", **kwargs):
        super().__init__(**kwargs)
        self.kernel = self.add_weight(shape=shape, dtype=dtype, name="kernel")
        self.built = True
        self.config = {"shape": tuple(shape), "dtype": dtype}

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {"name": self.name, **self.config}


class Kernels(keras.Model):
    """A model that is a few kernels."""

    def __init__(self, kernels):
        super().__init__()
        self.kernels = [Weight(v.shape, p, name=f"w{i}") for i, (v, p) in enumerate(kernels)]
        for layer, (values, _) in zip(self.kernels, kernels, strict=True):
            layer.kernel.assign(values)
        self.built = True

    def call(self, inputs):
        return inputs


def shapes(smallest=1):
    return arrays.array_shapes(min_dims=2, max_dims=5, min_side=smallest, max_side=4)


KERNEL = st.tuples(
    shapes().flatmap(
        lambda shape: arrays.arrays(np.float64, shape, elements=st.sampled_from(VALUES + DOUBLES))
    )
    | shapes().map(lambda shape: np.random.default_rng(math.prod(shape)).normal(size=shape)),
    st.sampled_from(PRECISIONS),
)
KERNELS = st.lists(KERNEL, min_size=1, max_size=4)


def magnitudes(model):
    """Returns what the kernels hold, in double precision: exact for every precision."""
    stored = [getattr(layer, "layer", layer).kernel for layer in model.kernels]
    return [np.abs(kernel.numpy().astype(np.float64)) for kernel in stored]


def masks_of_every_sparsity(model, rule, sparsities):
    """Returns the model's masks at each sparsity, one update after the other."""
    sparse = sos.sparsify(model, rule(lambda step: (True, sparsities[step])))
    drive, found = sos.UpdateSparsity(), []
    for step in range(len(sparsities)):
        drive.update(sparse, step)
        found.append(list(sos.masks(sparse).values()))
    return found


def zeros_of(masks):
    return [int(mask.size - np.count_nonzero(mask)) for mask in masks]


def check_nested(found):
    for before, after in itertools.pairwise(found):
        for denser, sparser in zip(before, after, strict=True):
            assert not (sparser & ~denser).any()


growing = st.lists(SPARSITIES, min_size=1, max_size=4).map(sorted)


@pytest.mark.parametrize("technique", [sos.MagnitudePruning, sos.RandomPruning])
@few
@given(kernels=KERNELS, sparsities=growing)
def test_every_kernel_has_its_sparsity(technique, kernels, sparsities):
    model = Kernels(kernels)
    rule = lambda schedule: lambda layer: technique(layer, schedule)  # noqa: E731
    found = masks_of_every_sparsity(model, rule, sparsities)
    for sparsity, masks in zip(sparsities, found, strict=True):
        for mask, scores in zip(masks, magnitudes(model), strict=True):
            zeros = round(sparsity * scores.size)
            assert mask.shape == scores.shape and mask.dtype == bool
            assert zeros_of([mask]) == [zeros]
            if technique is sos.MagnitudePruning:
                np.testing.assert_array_equal(mask, reference.exact_mask(scores, zeros))
    check_nested(found)


@few
@given(kernels=KERNELS, sparsities=growing)
def test_a_global_threshold_drops_the_smallest_of_all(kernels, sparsities):
    model = Kernels(kernels)
    found = masks_of_every_sparsity(model, sos.distributions.global_magnitude, sparsities)
    together = np.concatenate([scores.reshape(-1) for scores in magnitudes(model)])
    for sparsity, masks in zip(sparsities, found, strict=True):
        expected = reference.exact_mask(together, round(sparsity * together.size))
        np.testing.assert_array_equal(np.concatenate([m.reshape(-1) for m in masks]), expected)
    check_nested(found)


@few
@given(kernels=KERNELS, sparsities=growing)
def test_erdos_renyi_kernel_adds_up_within_every_kernel(kernels, sparsities):
    model = Kernels(kernels)
    rule = sos.distributions.erdos_renyi_kernel_magnitude
    found = masks_of_every_sparsity(model, rule, sparsities)
    scores = magnitudes(model)
    size = sum(array.size for array in scores)
    for sparsity, masks in zip(sparsities, found, strict=True):
        zeros = round(sparsity * size)
        assert sum(zeros_of(masks)) == zeros
        kernel_shapes = [mask.shape for mask in masks]
        densities = reference.erdos_renyi_kernel_densities(kernel_shapes, 1 - zeros / size)
        for mask, array, density in zip(masks, scores, densities, strict=True):
            own = zeros_of([mask])[0]
            assert abs(own - mask.size * (1 - density)) < 1 + 1e-6
            np.testing.assert_array_equal(mask, reference.exact_mask(array, own))


@given(kernel_shapes=st.lists(shapes(), min_size=1, max_size=5), sparsity=SPARSITIES)
def test_erdos_renyi_kernel_sparsities_are_whole_numbers_of_zeros(kernel_shapes, sparsity):
    model = Kernels([(np.zeros(shape), "float32") for shape in kernel_shapes])
    per_kernel = sos.distributions.erdos_renyi_kernel(model, sparsity)
    sizes = [math.prod(shape) for shape in kernel_shapes]
    zeros = [round(value * n) for value, n in zip(per_kernel.values(), sizes, strict=True)]
    assert sum(zeros) == round(sparsity * sum(sizes))
    for value, count, n in zip(per_kernel.values(), zeros, sizes, strict=True):
        assert 0 <= count <= n and value == pytest.approx(count / n, abs=1e-15)


@given(
    scores=st.sampled_from([np.float16, np.float32, np.float64]).flatmap(
        lambda dtype: arrays.arrays(
            dtype,
            arrays.array_shapes(min_dims=1, max_dims=5, max_side=6),
            elements=st.sampled_from(VALUES) | st.floats(-3, 3, width=16),
        )
    ),
    data=st.data(),
)
def test_any_number_of_the_largest_is_kept(scores, data):
    fewer, more = sorted(data.draw(st.tuples(*[st.integers(0, scores.size)] * 2)))
    denser, sparser = keep_largest(scores, fewer), keep_largest(scores, more)
    np.testing.assert_array_equal(denser, reference.exact_mask(scores, fewer))
    np.testing.assert_array_equal(sparser, reference.exact_mask(scores, more))
    check_nested([[denser], [sparser]])


EMPTY = shapes(smallest=0).filter(lambda shape: 0 in shape)
RULES = {
    "magnitude": lambda schedule: lambda layer: sos.MagnitudePruning(layer, schedule),
    "random": lambda schedule: lambda layer: sos.RandomPruning(layer, schedule),
    "global": sos.distributions.global_magnitude,
    "erdos-renyi-kernel": sos.distributions.erdos_renyi_kernel_magnitude,
}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=settings().max_examples // 20)
@given(empty=EMPTY, others=st.lists(KERNEL, min_size=1, max_size=2), sparsity=SPARSITIES)
def test_a_weight_without_entries_is_no_kernel(rule, empty, others, sparsity):
    model = Kernels([(np.zeros(empty), "float32"), *others])
    (masks,) = masks_of_every_sparsity(model, RULES[rule], [sparsity])
    assert [mask.shape for mask in masks] == [values.shape for values, _ in others]


@few
@given(
    mask=arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=5, max_side=5)),
    dtype=st.sampled_from([bool, np.int64, np.float32]),
)
def test_fixed_masks_are_packed_and_unpacked(mask, dtype):
    wrapper = sos.FixedMask(Weight(mask.shape), mask.astype(dtype))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(wrapper)))
    again = keras.saving.deserialize_keras_object(config)
    for layer in (wrapper, again):
        np.testing.assert_array_equal(*sos.masks(layer).values(), mask)
    assert again.get_config() == wrapper.get_config()
