"""Masks made from what a run kept, each against numpy that says the same slowly."""

import functools

import numpy as np
import pytest

from state_of_sparsity.training import ticket_masks
from state_of_sparsity.training.runs.snapshot import Snapshot

SHAPES = {"a/kernel": (6, 8), "b/kernel": (3, 3, 4, 5), "c/kernel": (20, 7), "d/kernel": (7, 10)}
LENET = {"hidden_1/kernel": (784, 300), "hidden_2/kernel": (300, 100), "logits/kernel": (100, 10)}


def snapshot(shapes=None, density=0.5, ties=False, masked=None, **parts):
    """Returns a snapshot of random kernels, whose masks have their own random places."""
    shapes = SHAPES if shapes is None else shapes
    generator = np.random.default_rng(0)
    weights = {p: generator.normal(size=shape).astype("float32") for p, shape in shapes.items()}
    if ties:
        weights = {path: np.round(array) for path, array in weights.items()}
    masks = {
        path: generator.uniform(size=shape) < density
        for path, shape in shapes.items()
        if masked is None or path in masked
    }
    # A file has them in another order than the layers have.
    masks = dict(reversed(masks.items()))
    return Snapshot(9, tuple(shapes), {**weights, "a/bias": np.zeros(8)}, masks, **parts)


def counts(masks):
    return {path: int(mask.sum()) for path, mask in masks.items()}


def check_form(masks, source, paths=None):
    assert list(masks) == list(source.kernels if paths is None else paths)
    for path, mask in masks.items():
        assert mask.dtype == bool and mask.shape == source.weights[path].shape


def same(masks, others):
    return masks.keys() == others.keys() and all(
        np.array_equal(masks[path], others[path]) for path in masks
    )


def test_as_found():
    source = snapshot(masked=["c/kernel", "a/kernel"])
    masks = ticket_masks.as_found(source, 0)
    check_form(masks, source, ["a/kernel", "c/kernel"])
    assert same(masks, source.masks)


@pytest.mark.parametrize("make", [ticket_masks.shuffled, ticket_masks.smart_ratios])
def test_random_masks_go_by_the_seed(make):
    source = snapshot(density=0.2)
    one, again, other = make(source, 3), make(source, 3), make(source, 4)
    check_form(one, source)
    assert same(one, again)
    assert all(not np.array_equal(one[path], other[path]) for path in one)
    assert counts(one) == counts(other)


def test_shuffled_keeps_the_number_of_each_kernel_and_no_place():
    source = snapshot(density=0.2)
    masks = ticket_masks.shuffled(source, 0)
    assert counts(masks) == counts(source.masks)
    for path, mask in masks.items():
        assert np.mean(mask & source.masks[path]) < 0.12  # 0.04 by chance, 0.2 of the same places


def test_inverted_keeps_the_smallest():
    source = snapshot(density=0.3)
    masks = ticket_masks.inverted(source, 0)
    check_form(masks, source)
    for path, mask in masks.items():
        left = int(source.masks[path].sum())
        assert mask.sum() == left
        sizes = np.sort(np.abs(source.weights[path]).reshape(-1))
        assert np.abs(source.weights[path][mask]).max() == sizes[left - 1]


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("last_density", [0.3, 0.01, 1.0])
def test_smart_ratios(density, last_density):
    source = snapshot(density=density)
    total, last = sum(counts(source.masks).values()), round(70 * last_density)
    if not 0 <= total - last <= 48 + 180 + 140:
        with pytest.raises(ValueError, match="`last_density` must leave"):
            ticket_masks.smart_ratios(source, 0, last_density)
        return
    masks = ticket_masks.smart_ratios(source, 0, last_density)
    check_form(masks, source)
    found = counts(masks)
    assert sum(found.values()) == total
    assert found["d/kernel"] == last
    # The kernels that are not full share what is left by (L - l + 1)^2 + (L - l + 1).
    ratios, sizes = (
        {"a/kernel": 20, "b/kernel": 12, "c/kernel": 6},
        {p: m.size for p, m in masks.items()},
    )
    open_ = [path for path in ratios if found[path] < sizes[path]]
    left = total - last - sum(sizes[path] for path in ratios if path not in open_)
    scale = left / max(1, sum(ratios[path] * sizes[path] for path in open_))
    for path in ratios:
        assert path not in open_ or abs(found[path] - scale * ratios[path] * sizes[path]) < 1
        assert path in open_ or scale * ratios[path] >= 1 - 1e-6 or not open_


def test_smart_ratios_of_one_kernel():
    source = snapshot({"a/kernel": (10, 10)}, density=0.3)
    total = sum(counts(source.masks).values())
    with pytest.raises(ValueError, match="Give a greater one"):
        ticket_masks.smart_ratios(source, 0, 0.1)
    assert counts(ticket_masks.smart_ratios(source, 0, total / 100)) == {"a/kernel": total}


def slowly_pruned(source, share, groups):
    """Masks without the smallest weights left of each group of kernels, by a stable sort."""
    masks = {}
    for group, own in groups:
        found = []  # (magnitude, number of the kernel, place)
        for number, path in enumerate(group):
            mask = source.masks.get(path, np.ones(SHAPES[path], bool)).reshape(-1)
            values = np.abs(source.weights[path]).reshape(-1)
            found += [(values[i], number, i) for i in range(mask.size) if mask[i]]
            masks[path] = mask.copy()
        drop = round((share if own is None else own) * len(found))
        for _, number, place in sorted(found)[:drop]:
            masks[group[number]][place] = False
    return {path: mask.reshape(SHAPES[path]) for path, mask in masks.items()}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("masked", [None, ["a/kernel", "d/kernel"], []])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.37, 0.9])
def test_pruned(share, masked, ties):
    source = snapshot(ties=ties, masked=masked)
    paths = list(SHAPES)
    by_layer = [([path], None) for path in paths]
    for arguments, groups in (
        ({}, [(paths, None)]),
        ({"by_layer": True}, by_layer),
        (
            {"shares": [("^[ab]/", 0.5)]},
            [(["a/kernel"], 0.5), (["b/kernel"], 0.5), (paths[2:], None)],
        ),
        ({"by_layer": True, "shares": [("^c/", 0.1)]}, [*by_layer, (["c/kernel"], 0.1)]),
        (
            {"shares": [("^a/", 0.6), (".", 0.3)]},
            [*(([p], 0.3) for p in paths), (["a/kernel"], 0.6)],
        ),
    ):
        masks = ticket_masks.pruned(source, 0, share=share, **arguments)
        check_form(masks, source)
        assert same(masks, slowly_pruned(source, share, groups)), arguments
        for path, mask in source.masks.items():
            assert not (masks[path] & ~mask).any()  # what is gone stays so


def test_pruned_leaves_kernels_with_a_share_of_0_dense_or_as_they_are():
    source = snapshot(masked=["b/kernel"])
    masks = ticket_masks.pruned(source, 0, share=0.5, shares=[("^[ab]/", 0)])
    check_form(masks, source, ["b/kernel", "c/kernel", "d/kernel"])
    np.testing.assert_array_equal(masks["b/kernel"], source.masks["b/kernel"])
    assert counts(masks)["c/kernel"] + counts(masks)["d/kernel"] == 105


def test_pruned_goes_by_the_values_that_evaluation_computes_with():
    gate = np.linspace(0, 1, 48, dtype="float32").reshape(6, 8)
    source = snapshot({"a/kernel": (6, 8)}, density=1.1)
    source = snapshot({"a/kernel": (6, 8)}, density=1.1, values={"a/kernel": gate})
    mask = ticket_masks.pruned(source, 0, share=0.25)["a/kernel"]
    np.testing.assert_array_equal(mask, gate >= np.sort(gate.reshape(-1))[12])


def test_fifteen_rounds_of_the_original_recipe():
    prune = functools.partial(ticket_masks.pruned, by_layer=True, shares=[("^logits/", 0.1)])
    source, left = snapshot(LENET, masked=[]), []
    for _ in range(15):
        masks = prune(source, 0)
        left.append(100 * sum(counts(masks).values()) / 266_200)
        source = Snapshot(9, source.kernels, source.weights, masks)
    found = [round(left[rounds - 1], 2) for rounds in (3, 7, 9, 15)]
    assert found == [51.28, 21.07, 13.52, 3.58]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"share": 1.0}, "`share` must be"),
        ({"by_layer": 1}, "`by_layer` must be"),
        ({"shares": [("^a/", 1.5)]}, "`shares` must be"),
        ({"shares": [("(", 0.5)]}, "`shares` must be pairs"),
        ({"shares": ("^a/", 0.5)}, "`shares` must be pairs"),
        ({"shares": [("nowhere", 0.5)]}, r"`shares` must name kernels, which are \['a/kernel'"),
    ],
)
def test_arguments_of_pruned(arguments, message):
    with pytest.raises(ValueError, match=message):
        ticket_masks.pruned(snapshot(), 0, **arguments)


def test_a_run_that_has_diverged():
    source = snapshot()
    source.weights["c/kernel"][3, 3] = np.nan
    with pytest.raises(ValueError, match=r"'c/kernel'.*NaN"):
        ticket_masks.pruned(source, 0)
    with pytest.raises(ValueError, match=r"'c/kernel'.*NaN"):
        ticket_masks.inverted(source, 0)


@pytest.mark.parametrize(
    "make",
    [
        ticket_masks.as_found,
        ticket_masks.shuffled,
        ticket_masks.smart_ratios,
        ticket_masks.inverted,
    ],
)
def test_a_dense_run_has_no_masks(make):
    with pytest.raises(ValueError, match="`masks_of` must be a run with sparse kernels"):
        make(snapshot(masked=[]), 0)
    with pytest.raises(ValueError, match=r"sparse kernels.*Received: one without a zero"):
        make(snapshot(density=1.1), 0)


def test_what_given_masks_hide_is_not_to_be_inverted():
    with pytest.raises(ValueError, match=r"run that pruned its own weights.*of 'b/kernel'"):
        ticket_masks.inverted(snapshot(fixed=("b/kernel",)), 0)


@pytest.mark.parametrize("last_density", [0, 1.1, "0.3"])
def test_the_density_of_the_last_kernel(last_density):
    with pytest.raises(ValueError, match="`last_density` must be a number"):
        ticket_masks.smart_ratios(snapshot(), 0, last_density)
