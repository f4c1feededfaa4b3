"""Magnitude pruning, and how its zeros are shared among layers."""

import numpy as np

import state_of_sparsity as sos
from tests import reference
from tests.golden_state import GROWING, Golden, Scheduled
from tests.technique import NEVER, Technique, expect_masks, kernels_of


def expect_smallest(model, sparsity):
    magnitudes = {path: np.abs(kernel) for path, kernel in kernels_of(model).items()}
    zeros = {path: round(sparsity * values.size) for path, values in magnitudes.items()}
    expect_masks(
        model, {path: reference.exact_mask(magnitudes[path], zeros[path]) for path in zeros}
    )


def expect_smallest_of_all(model, sparsity):
    magnitudes = np.concatenate([np.abs(k).reshape(-1) for k in kernels_of(model).values()])
    found = np.concatenate([sos.masks(model)[path].reshape(-1) for path in kernels_of(model)])
    expected = reference.exact_mask(magnitudes, round(sparsity * magnitudes.size))
    np.testing.assert_array_equal(found, expected)


def expect_erdos_renyi_kernel(model, sparsity):
    kernels, masks = kernels_of(model), sos.masks(model)
    size = sum(kernel.size for kernel in kernels.values())
    zeros = round(sparsity * size)
    assert sum(mask.size - mask.sum() for mask in masks.values()) == zeros
    shapes = [kernel.shape for kernel in kernels.values()]
    densities = reference.erdos_renyi_kernel_densities(shapes, 1 - zeros / size)
    for (path, kernel), density in zip(kernels.items(), densities, strict=True):
        assert abs(masks[path].sum() - density * kernel.size) < 1 + 1e-6
        own = reference.exact_mask(np.abs(kernel), kernel.size - masks[path].sum())
        np.testing.assert_array_equal(masks[path], own)


def power(alpha, schedule):
    form = sos.Powerpropagation(alpha)
    return lambda layer: sos.MagnitudePruning(layer, schedule, reparametrization=form)


ROWS = {
    "magnitude": Technique(
        lambda schedule: lambda layer: sos.MagnitudePruning(layer, schedule),
        inert=lambda layer: sos.MagnitudePruning(layer, NEVER),
        expect=expect_smallest,
    ),
    "global magnitude": Technique(
        sos.distributions.global_magnitude,
        inert=sos.distributions.global_magnitude(NEVER),
        expect=expect_smallest_of_all,
    ),
    "erdos-renyi-kernel": Technique(
        sos.distributions.erdos_renyi_kernel_magnitude,
        inert=sos.distributions.erdos_renyi_kernel_magnitude(NEVER),
        expect=expect_erdos_renyi_kernel,
    ),
    "powerpropagation": Technique(
        lambda schedule: power(2, schedule),
        inert=power(1, NEVER),  # with another power it learns in another way
        expect=expect_smallest,
    ),
}

GOLDEN = Golden(lambda layer: sos.MagnitudePruning(layer, GROWING), Scheduled)
