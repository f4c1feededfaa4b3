"""Distributions of one sparsity over layers, against slow statements of their definitions."""

from fractions import Fraction

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.distributions import ErdosRenyiKernel, GlobalThreshold

X = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype("float32")


def network():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, name="conv"),
            layers.Conv2D(6, 3, strides=2, name="strided"),
            layers.Flatten(),
            layers.Dense(7, name="dense"),
            layers.Dense(3, name="head"),
        ]
    )
    rng = np.random.default_rng(1)
    for layer, scale in zip(model.layers, (1.0, 0.5, 0.0, 0.1, 2.0), strict=True):
        if layer.weights:
            layer.kernel.assign(rng.normal(0.0, scale, layer.kernel.shape))
    return model


def kernels(model):
    return {f"{layer.name}/kernel": layer.kernel.numpy() for layer in model.layers if layer.weights}


SIZES = {path: value.size for path, value in kernels(network()).items()}
TOTAL = sum(SIZES.values())


def erdos_renyi(shapes, sparsity):
    """Evci et al., section 3, in exact fractions: densities that are at most 1."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    left = (1 - Fraction(str(sparsity))) * sum(sizes)
    density = {}
    while True:
        free = [i for i in range(len(shapes)) if i not in density]
        scale = (left - sum(sizes[i] for i in density)) / sum(sum(shapes[i]) for i in free)
        raw = {i: scale * Fraction(sum(shapes[i]), sizes[i]) for i in free}
        densest = max(raw, key=raw.get)
        if raw[densest] <= 1:
            return [float(1 - ({**raw, **dict.fromkeys(density, 1)})[i]) for i in range(len(sizes))]
        density[densest] = 1


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.8, 0.95, 0.99])
def test_erdos_renyi_kernel(sparsity):
    model = network()
    found = sos.distributions.erdos_renyi_kernel(model, sparsity)
    assert list(found) == list(SIZES)
    shapes = [value.shape for value in kernels(model).values()]
    for path, expected in zip(found, erdos_renyi(shapes, sparsity), strict=True):
        assert abs(found[path] - expected) * SIZES[path] <= 1
    zeros = [found[path] * SIZES[path] for path in found]
    assert all(abs(count - round(count)) < 1e-9 for count in zeros)
    assert round(sum(zeros)) == round(sparsity * TOTAL)


def test_erdos_renyi_kernel_of_a_sparse_model_is_that_of_the_dense_one():
    model = network()
    before = sos.distributions.erdos_renyi_kernel(model, 0.8)
    sparse = sos.sparsify(model, lambda layer: sos.FixedMask(layer, np.ones(layer.kernel.shape)))
    assert sos.distributions.erdos_renyi_kernel(sparse, 0.8) == before


@pytest.mark.parametrize("sparsity", [1.0, -0.1, 90, "0.5", None])
def test_erdos_renyi_kernel_refuses_other_sparsities(sparsity):
    with pytest.raises(ValueError, match=r"`sparsity` must be.*\[0, 1\)"):
        sos.distributions.erdos_renyi_kernel(network(), sparsity)


def test_erdos_renyi_kernel_refuses_models_without_kernels():
    for model in (keras.Sequential([layers.Dense(3)]), keras.Sequential([keras.Input((3,))])):
        with pytest.raises(ValueError, match="`model` must have kernels"):
            sos.distributions.erdos_renyi_kernel(model, 0.5)


RISING = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=5, frequency=1)


def test_global_magnitude_is_one_threshold_exact_at_every_update():
    model = network()
    sparse = sos.sparsify(model, sos.distributions.global_magnitude(RISING))
    values = kernels(model)
    everything = np.sort(np.abs(np.concatenate([v.ravel() for v in values.values()])))
    updater = sos.UpdateSparsity()
    for step in range(7):
        updater.update(sparse, step)
        zeros = round(RISING(min(step, 5))[1] * TOTAL)
        masks = sos.masks(sparse)
        assert sum(np.count_nonzero(~mask) for mask in masks.values()) == zeros
        threshold = everything[zeros - 1] if zeros else -1.0
        for path, mask in masks.items():
            np.testing.assert_array_equal(mask, np.abs(values[path]) > threshold)
    densities = [mask.mean() for mask in masks.values()]
    assert max(densities) > 2 * min(densities)  # it is not the uniform distribution


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float32", "float64")])
def test_scores_that_only_a_double_tells_apart_share_a_threshold(dtypes):
    model = keras.Sequential([keras.Input((3,))])
    model.add(layers.Dense(2, use_bias=False, dtype=dtypes[0], name="first"))
    model.add(layers.Dense(3, use_bias=False, dtype=dtypes[1], name="second"))
    values = {"first/kernel": np.ones((3, 2)), "second/kernel": np.ones((2, 3))}
    values["second/kernel"] += [[-3e-12, 1e-12, -1e-12], [2e-12, -2e-12, 3e-12]]
    if dtypes[0] == "float64":
        values["first/kernel"] += [[-2.5e-12, 2.5e-12], [5e-13, -5e-13], [-1.5e-12, 1.5e-12]]
    for layer, value in zip(model.layers, values.values(), strict=True):
        layer.kernel.assign(value)
    schedule = sos.schedules.ConstantSparsity(0.25, 0)
    sparse = sos.sparsify(model, sos.distributions.global_magnitude(schedule))
    sos.UpdateSparsity().update(sparse, 0)
    threshold = np.sort(np.concatenate([v.ravel() for v in values.values()]))[2]
    for path, mask in sos.masks(sparse).items():
        np.testing.assert_array_equal(mask, values[path] > threshold)


def test_erdos_renyi_kernel_magnitude_is_exact_at_every_update():
    model = network()
    sparse = sos.sparsify(model, sos.distributions.erdos_renyi_kernel_magnitude(RISING))
    values = kernels(model)
    shapes = [value.shape for value in values.values()]
    updater = sos.UpdateSparsity()
    for step in range(6):
        updater.update(sparse, step)
        sparsity = RISING(step)[1]
        masks = sos.masks(sparse)
        zeros = {path: np.count_nonzero(~mask) for path, mask in masks.items()}
        assert sum(zeros.values()) == round(sparsity * TOTAL)
        for path, expected in zip(zeros, erdos_renyi(shapes, sparsity), strict=True):
            assert abs(zeros[path] - expected * SIZES[path]) <= 1
            order = np.argsort(np.abs(values[path]).ravel())
            assert not masks[path].ravel()[order[: zeros[path]]].any()


def test_uniform_rounds_in_every_kernel():
    sparse = sos.sparsify(network(), lambda layer: sos.MagnitudePruning(layer, RISING))
    sos.UpdateSparsity().update(sparse, 5)
    for path, mask in sos.masks(sparse).items():
        assert np.count_nonzero(~mask) == round(0.9 * SIZES[path])


def test_only_the_layers_of_a_rule_share_a_threshold():
    rule = sos.distributions.global_magnitude(sos.schedules.ConstantSparsity(0.5, 0))
    sparse = sos.sparsify(network(), [("conv|dense", rule)])
    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    assert list(masks) == ["conv/kernel", "dense/kernel"]
    zeros = sum(np.count_nonzero(~mask) for mask in masks.values())
    assert zeros == round(0.5 * (SIZES["conv/kernel"] + SIZES["dense/kernel"]))


def test_two_calls_make_two_groups():
    schedule = sos.schedules.ConstantSparsity(0.5, 0)
    rules = [
        ("conv|strided", sos.distributions.global_magnitude(schedule)),
        ("dense|head", sos.distributions.global_magnitude(schedule)),
    ]
    sparse = sos.sparsify(network(), rules)
    sos.UpdateSparsity().update(sparse, 0)
    zeros = {path: np.count_nonzero(~mask) for path, mask in sos.masks(sparse).items()}
    for pair in (("conv/kernel", "strided/kernel"), ("dense/kernel", "head/kernel")):
        assert sum(zeros[path] for path in pair) == round(0.5 * sum(SIZES[path] for path in pair))


def test_scores_of_two_techniques_share_no_threshold():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    share = {"distribution": sos.distributions.GlobalThreshold("all")}
    layers = [keras.layers.Dense(4, name="a"), keras.layers.Dense(4, name="b")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    rules = [
        ("a", lambda layer: sos.MagnitudePruning(layer, schedule, **share)),
        ("b", lambda layer: sos.MovementPruning(layer, schedule, **share)),
    ]
    sparse = sos.sparsify(model, rules)
    with pytest.raises(ValueError, match=r"'all'\) of MagnitudePruning and MovementPruning"):
        sos.UpdateSparsity().update(sparse, 0)


def test_a_threshold_over_layers_with_several_kernels():
    inputs = keras.Input((5, 4))
    x = layers.LSTM(3, name="lstm")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="head")(x))
    schedule = sos.schedules.ConstantSparsity(0.7, 0)
    sparse = sos.sparsify(model, sos.distributions.global_magnitude(schedule))
    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    total = sum(mask.size for mask in masks.values())
    assert len(masks) == 3
    assert sum(np.count_nonzero(~mask) for mask in masks.values()) == round(0.7 * total)


def test_ties_do_not_change_the_total():
    model = network()
    for layer in model.layers:
        if layer.weights:
            layer.kernel.assign(np.ones(layer.kernel.shape))
    sparse = sos.sparsify(model, sos.distributions.global_magnitude(RISING))
    sos.UpdateSparsity().update(sparse, 5)
    zeros = sum(np.count_nonzero(~mask) for mask in sos.masks(sparse).values())
    assert zeros == round(0.9 * TOTAL)


@pytest.mark.parametrize(
    "rule", [sos.distributions.global_magnitude, sos.distributions.erdos_renyi_kernel_magnitude]
)
def test_a_saved_model_keeps_its_groups(rule, tmp_path):
    sparse = sos.sparsify(network(), rule(RISING))
    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for model in (sparse, loaded):
        sos.UpdateSparsity().update(model, 5)
    masks = sos.masks(loaded)
    for path, mask in sos.masks(sparse).items():
        np.testing.assert_array_equal(masks[path], mask)


def test_in_fit():
    sparse = sos.sparsify(network(), sos.distributions.global_magnitude(RISING))
    sparse.compile("adam", "mse")
    sparse.fit(
        X, np.ones((4, 3)), batch_size=1, epochs=2, verbose=0, callbacks=[sos.UpdateSparsity()]
    )
    zeros = sum(np.count_nonzero(~mask) for mask in sos.masks(sparse).values())
    assert zeros == round(0.9 * TOTAL)


@pytest.mark.parametrize("schedule", [0.9, None, "cubic"])
@pytest.mark.parametrize(
    "rule", [sos.distributions.global_magnitude, sos.distributions.erdos_renyi_kernel_magnitude]
)
def test_a_rule_needs_a_schedule(rule, schedule):
    with pytest.raises(ValueError, match="`schedule` must be callable"):
        rule(schedule)


@pytest.mark.parametrize("distribution", ["global", 0.5, {"group": "a"}, GlobalThreshold])
def test_another_distribution_is_refused(distribution):
    with pytest.raises(ValueError, match="`distribution`"):
        sos.MagnitudePruning(layers.Dense(3), RISING, distribution=distribution)


def test_groups_are_told_apart_by_kind_and_name():
    assert GlobalThreshold("a") == GlobalThreshold("a")
    assert hash(GlobalThreshold("a")) == hash(GlobalThreshold("a"))
    assert GlobalThreshold("a") != GlobalThreshold("b")
    assert GlobalThreshold("a") != ErdosRenyiKernel("a")


@pytest.mark.parametrize("technique", [sos.SET, sos.RigL])
def test_a_technique_without_scores_shares_by_shapes_alone(technique):
    moves = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=9)
    technique(keras.layers.Dense(3), moves, distribution=sos.distributions.ErdosRenyiKernel("all"))
    together = sos.distributions.GlobalThreshold("all")
    with pytest.raises(ValueError, match=f"with {technique.__name__}, which has no scores"):
        technique(keras.layers.Dense(3), moves, distribution=together)


@pytest.mark.parametrize("make", [GlobalThreshold, ErdosRenyiKernel])
def test_layers_that_share_zeros_follow_one_schedule(make):
    def rule(layer):  # a schedule a layer, which cannot be told to be the same
        schedule = lambda step: (step % 10 == 0, 0.5)  # noqa: E731
        return sos.MagnitudePruning(layer, schedule, distribution=make("one group"))

    sparse = sos.sparsify(network(), rule)
    with pytest.raises(
        ValueError, match=r"`distribution` must be of layers with one sched.*'conv'"
    ):
        sos.UpdateSparsity().update(sparse, 0)
    schedule = lambda step: (step % 10 == 0, 0.5)  # noqa: E731
    shared = sos.sparsify(
        network(), lambda layer: sos.MagnitudePruning(layer, schedule, distribution=make("one"))
    )
    sos.UpdateSparsity().update(shared, 0)
    assert len({row.sparsity for row in sos.report(shared).layers}) > 1
