"""Patterns in techniques: what moves, how zeros are shared, and what is left by other ways out."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.layers.mask_update import Update
from state_of_sparsity.patterns import Block, NOfM, PerOutput
from tests import reference
from tests.patterns.kernels_by_hand import blocks_of, groups_of, outputs_of

PATTERNS = {"2:4": NOfM(2, 4), "blocks": Block((2, 2)), "per output": PerOutput()}
every_pattern = pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
EVERY_STEP = sos.schedules.ConstantSparsity(0.5, 0, end_step=10**9, frequency=1)
RISING = sos.schedules.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, frequency=2)


def network():
    """Returns a model whose rows do not divide by 4: some groups and blocks are short."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 7))
    x = layers.Conv2D(6, 3, name="convolution")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(5, name="head")(x))


def sparse(technique, pattern, schedule=RISING, **options):
    rule = lambda layer: technique(layer, schedule, pattern=pattern, **options)  # noqa: E731
    model = sos.sparsify(network(), rule)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.1), "mse")
    return model


def fit(model, epochs=2, callbacks=None):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 6, 6, 7)), rng.normal(size=(16, 5))
    callbacks = [sos.UpdateSparsity()] if callbacks is None else callbacks
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, epochs=epochs, callbacks=callbacks)


def matrices(mask):
    """Returns the indices of a kernel of `network`, by position, row and column."""
    positions = list(np.ndindex(*mask.shape[:-2]))
    rows, columns = (range(size) for size in mask.shape[-2:])
    return [[[(*p, r, c) for c in columns] for r in rows] for p in positions]


def expect(pattern, masks, sparsity=0.5):
    """Every mask has its pattern, and the zeros that it can have at `sparsity`."""
    for mask in masks.values():
        indices, zeros = matrices(mask), np.count_nonzero(~mask)
        if isinstance(pattern, NOfM):
            kept = pattern.m - int(sparsity * pattern.m + 1e-9)
            for group in groups_of(indices, pattern.m):
                assert sum(mask[index] for index in group) == min(len(group), kept)
        elif isinstance(pattern, Block):
            for block in blocks_of(indices, *pattern.shape):
                assert len({mask[index] for index in block}) == 1
            assert 0 <= round(sparsity * mask.size) - zeros < 4
        else:
            counts = [sum(mask[index] for index in own) for own in outputs_of(indices)]
            assert max(counts) - min(counts) <= 1
            assert zeros == round(sparsity * mask.size)


TECHNIQUES = {
    "magnitude": sos.MagnitudePruning,
    "random": sos.RandomPruning,
    "saliency": sos.SaliencyPruning,
    "set": sos.SET,
    "rigl": sos.RigL,
}


HELD = [*((name, "2:4") for name in TECHNIQUES), ("saliency", "blocks"), ("rigl", "per output")]


@pytest.mark.parametrize(("name", "pattern"), HELD)
def test_the_pattern_holds_at_every_update(name, pattern):
    pattern = PATTERNS[pattern]
    schedule = sos.schedules.PolynomialDecay(0.0, 0.5, begin_step=2, end_step=8, frequency=2)
    model, seen = sparse(TECHNIQUES[name], pattern, schedule), []

    def look(epoch, logs):
        step = 4 * (epoch + 1)
        seen.append(step)
        expect(pattern, sos.masks(model), schedule.sparsity(step))

    look = keras.callbacks.LambdaCallback(on_epoch_end=look)
    fit(model, callbacks=[sos.UpdateSparsity(), look])
    assert seen == [4, 8]


def moved(technique, pattern, zeros, fraction=0.5):
    """Returns the kernel, its mask before and its mask after one update of a technique."""
    model = sparse(technique, pattern, EVERY_STEP, fraction=fraction)
    sos.UpdateSparsity().update(model, 0)
    wrapper = model.get_layer("convolution")
    (kernel,) = wrapper.sparse_kernels
    if technique is sos.RigL:
        rng = np.random.default_rng(3)
        wrapper.beside[kernel.name]["gradient"].assign(rng.normal(size=kernel.shape))
    before = wrapper.present(kernel)
    return kernel, before, wrapper.new_mask(kernel, Update(1, zeros / before.size, zeros))


@every_pattern
@pytest.mark.parametrize("zeros", [189, 200], ids=["as before", "sparser"])
@pytest.mark.parametrize("technique", [sos.SET, sos.RigL])
def test_the_largest_weights_stay_where_they_are(technique, zeros, pattern):
    """What is dropped is smaller than what stays, and the mask is full of what had to stay."""
    if isinstance(pattern, NOfM):
        zeros = 189
    kernel, before, after = moved(technique, pattern, zeros)
    magnitude = np.abs(kernel.variable.numpy())
    if isinstance(pattern, Block):
        magnitude = pattern.pooled(kernel, magnitude)
    dropped, stayed, grown = before & ~after, before & after, after & ~before
    assert min(dropped.sum(), grown.sum()) > before.sum() / 6  # a third, by chance, of SET
    expect(pattern, {"": after}, zeros / after.size)
    # Half of those that could stay did whatever happens; of those that went some were grown again.
    fits = pattern.keep(kernel, np.where(before, magnitude, -1), zeros) & before
    largest = reference.exact_mask(np.where(fits, magnitude, -1), after.size - fits.sum() // 2)
    assert not (largest & ~stayed).any()


@every_pattern
def test_nothing_moves_without_a_fraction(pattern):
    for technique in (sos.SET, sos.RigL):
        _, before, after = moved(technique, pattern, 189, fraction=0.0)
        np.testing.assert_array_equal(before, after)


def test_rigl_grows_by_gradient_inside_each_group():
    """Of 2:4, by hand: the smaller present one goes, the largest gradient comes."""
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(1, use_bias=False, name="dense")])
    options = {"fraction": 1.0, "pattern": NOfM(2, 4)}
    model = sos.sparsify(plain, lambda layer: sos.RigL(layer, EVERY_STEP, **options))
    wrapper = model.get_layer("dense")
    (kernel,) = wrapper.sparse_kernels
    sos.UpdateSparsity().update(model, 0)
    wrapper.mask(kernel).assign([[True], [True], [False], [False]])
    kernel.variable.assign([[0.1], [0.2], [0.0], [0.0]])
    wrapper.beside[kernel.name]["gradient"].assign([[0.0], [-3.0], [0.5], [-1.0]])
    for fraction, expected in ((0.5, [0, 1, 0, 1]), (1.0, [0, 1, 0, 1]), (0.0, [1, 1, 0, 0])):
        wrapper.fraction = fraction
        mask = wrapper.new_mask(kernel, Update(1, 0.5, 2))
        np.testing.assert_array_equal(mask[:, 0], np.array(expected, bool))


@pytest.mark.parametrize("kind", ["GlobalThreshold", "ErdosRenyiKernel"])
@pytest.mark.parametrize("pattern", [Block((2, 2)), PerOutput()], ids=str)
def test_zeros_shared_among_layers(kind, pattern):
    share = getattr(sos.distributions, kind)("all")
    model = sparse(sos.MagnitudePruning, pattern, EVERY_STEP, distribution=share)
    kernels = [kernel for w in sos.sparse_layers(model).values() for kernel in w.sparse_kernels]
    sos.UpdateSparsity().update(model, 0)
    masks = sos.masks(model)
    size = sum(mask.size for mask in masks.values())
    zeros = sum(np.count_nonzero(~mask) for mask in masks.values())
    for mask in masks.values():
        expect(pattern, {"": mask}, np.count_nonzero(~mask) / mask.size)
    if isinstance(pattern, PerOutput):
        assert zeros == round(0.5 * size)
        return
    assert 0 <= round(0.5 * size) - zeros < 4 * len(masks)
    if kind == "GlobalThreshold":  # every block that stays is above all that went
        means = [pattern.pooled(k, np.abs(k.variable.numpy())) for k in kernels]
        pairs = list(zip(means, masks.values(), strict=True))
        left, gone = (np.concatenate([m[mask == kept] for m, mask in pairs]) for kept in (1, 0))
        assert np.count_nonzero(left < gone.max()) <= 4  # one may not have fitted in


@pytest.mark.parametrize("pattern", [NOfM(2, 4), Block((2, 2))], ids=str)
def test_it_is_kept_through_files_copies_and_ways_out(pattern, tmp_path):
    model = sparse(sos.MagnitudePruning, pattern)
    fit(model)
    masks = sos.masks(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    frozen = sos.freeze(keras.saving.load_model(tmp_path / "model.keras"))
    frozen.save(tmp_path / "frozen.keras")
    again = keras.saving.load_model(tmp_path / "frozen.keras")
    for each in (loaded, frozen, again, keras.models.clone_model(model)):
        assert {w.pattern for w in sos.sparse_layers(each).values()} == {pattern}
        report = sos.report(each)
        assert {row.pattern for row in report.layers} == {str(pattern)}
        assert str(report).count(str(pattern)) == report.to_markdown().count(str(pattern)) == 3
        assert report.to_csv().count(f",{pattern},") == 2
    for each in (loaded, frozen, again):
        for path, mask in sos.masks(each).items():
            np.testing.assert_array_equal(mask, masks[path])
    stripped = sos.strip(model)
    expect(pattern, {k: stripped.get_layer(k).kernel.numpy() != 0 for k in ("convolution", "head")})
    assert sos.report(stripped).layers[0].pattern is None


def test_a_report_without_patterns_has_no_column_of_them():
    model = sparse(sos.MagnitudePruning, None)
    assert "Pattern" not in str(sos.report(model))
    assert "pattern" not in model.get_layer("head").get_config()


@pytest.mark.parametrize("pattern", [NOfM(2, 4), Block((2, 2))], ids=str)
def test_what_a_pattern_leaves_out_is_not_made_up_for_later(pattern):
    """An update is over, with fewer zeros than were asked for: to train on changes no mask."""
    model = sparse(sos.MagnitudePruning, pattern)
    fit(model, epochs=3)  # the last update, at step 8, is past
    masks = sos.masks(model)
    assert any(np.count_nonzero(~m) < round(0.5 * m.size) for m in masks.values())
    for wrapper in sos.sparse_layers(model).values():
        for kernel in wrapper.sparse_kernels:
            kernel.variable.assign(-kernel.variable[::-1])
    fit(model, epochs=1)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, masks[path])
    late = sparse(sos.MagnitudePruning, pattern)
    sos.UpdateSparsity().update(late, 100)
    expect(pattern, sos.masks(late))
