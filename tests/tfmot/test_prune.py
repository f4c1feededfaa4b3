"""TF-MOT's names for pruning: models, layers and lists, what is pruned, and what is refused."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity import tfmot

prune_low_magnitude = tfmot.sparsity.keras.prune_low_magnitude
HALF = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=0, frequency=1)


def data(shape=(8,), outputs=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, *shape)).astype("float32")
    return x, rng.normal(size=(16, outputs)).astype("float32")


def trained(model, x, y):
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
    return model


def sparsities(model):
    return {row.path: row.sparsity for row in sos.report(model).layers}


def sequential():
    layers = [keras.layers.Dense(8, activation="relu", name="a"), keras.layers.Dense(2, name="b")]
    return keras.Sequential([keras.Input((8,)), *layers])


def functional():
    source = keras.Input((8,))
    x = keras.layers.Dense(8, name="a")(source)
    x = keras.layers.Add()([x, keras.layers.Dense(8, name="c")(x)])
    return keras.Model(source, keras.layers.Dense(2, name="b")(x))


def nested():
    return keras.Sequential([keras.Input((8,)), sequential(), keras.layers.Dense(2, name="head")])


@pytest.mark.parametrize("make", [sequential, functional, nested])
def test_a_model_there_and_back(make, tmp_path):
    x, y = data()
    model = make()
    before = model.predict(x, verbose=0)
    sparse = prune_low_magnitude(model, pruning_schedule=HALF)
    np.testing.assert_allclose(sparse.predict(x, verbose=0), before, rtol=1e-6)
    trained(sparse, x, y)
    sparse.save(tmp_path / "sparse.keras")
    with tfmot.sparsity.keras.prune_scope():
        loaded = keras.saving.load_model(tmp_path / "sparse.keras")
    plain = tfmot.sparsity.keras.strip_pruning(loaded)
    assert set(sparsities(plain).values()) == {0.5}
    assert not sos.sparse_layers(plain)
    np.testing.assert_allclose(plain.predict(x, verbose=0), sparse.predict(x, verbose=0), rtol=1e-5)


def test_layers_are_named_as_there():
    sparse = prune_low_magnitude(sequential(), HALF)
    assert [layer.name for layer in sparse.layers] == [
        "prune_low_magnitude_a",
        "prune_low_magnitude_b",
    ]
    ((weight, mask, threshold),) = sparse.layers[0].pruning_vars
    assert weight is sparse.layers[0].layer.kernel and mask.shape == weight.shape
    assert threshold == 0
    sos.UpdateSparsity().update(sparse, 0)
    ((weight, mask, threshold),) = sparse.layers[0].pruning_vars
    assert threshold == np.abs(weight.numpy())[~mask.numpy()].max()


def test_a_model_without_weights_yet():
    model = keras.Sequential([keras.layers.Dense(8), keras.layers.ReLU(), keras.layers.Dense(2)])
    sparse = prune_low_magnitude(model, HALF)
    x, y = data()
    with pytest.raises(ValueError, match=r"`model` must be built .*call\n?.*model.build"):
        trained(sparse, x, y)
    sparse.build((None, 8))
    assert set(sparsities(trained(sparse, x, y)).values()) == {0.5}


def test_single_layers_and_lists():
    x, y = data()
    first = prune_low_magnitude(keras.layers.Dense(8), HALF, name="first")
    assert first.name == "first"
    rest = prune_low_magnitude([keras.layers.Dropout(0.1), keras.layers.Dense(2)], HALF)
    model = trained(keras.Sequential([keras.Input((8,)), first, *rest]), x, y)
    assert set(sparsities(model).values()) == {0.5}


def test_half_of_the_weights_by_default():
    x, y = data()
    assert set(sparsities(trained(prune_low_magnitude(sequential()), x, y)).values()) == {0.5}


def test_kernels_are_those_that_tfmot_prunes():
    source = keras.Input((6, 6, 4))
    x = keras.layers.SeparableConv2D(8, 3, name="separable")(source)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.Reshape((4, 8))(x)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.LSTM(4, name="lstm")(x)
    model = keras.Model(source, x)
    sos.UpdateSparsity().update(sparse := prune_low_magnitude(model, HALF), 0)
    kept = {path for path, sparsity in sparsities(sparse).items() if sparsity == 0}
    assert kept == {"prune_low_magnitude_separable/depthwise_kernel", "depthwise/kernel"}


class Scaled(keras.layers.Layer):
    """A layer with two kernels."""

    def build(self, shape):
        self.first = self.add_weight(shape=(shape[-1], 4), name="first")
        self.second = self.add_weight(shape=(4, 2), name="second")

    def call(self, x):
        return x @ self.first @ self.second


class SaysItself(Scaled, tfmot.sparsity.keras.PrunableLayer):
    """Of which the second is pruned."""

    def get_prunable_weights(self):
        return [self.second]


@pytest.mark.parametrize("built", [True, False])
def test_layers_that_say_what_to_prune(built):
    x, y = data()
    layers = [SaysItself(name="own")]
    model = keras.Sequential([keras.Input((8,)), *layers] if built else layers)
    sparse = prune_low_magnitude(model, HALF)
    sparse.build((None, 8))
    found = sparsities(trained(sparse, x, y))
    assert sorted(found.values()) == [0, 0.5]
    assert next(s for path, s in found.items() if path.endswith("second")) == 0.5


def test_weights_that_are_no_variables_are_refused():
    layer = SaysItself(name="own")
    layer.get_prunable_weights = lambda: [layer.second.value]
    layer.build((None, 8))
    with pytest.raises(ValueError, match="`get_prunable_weights` must return trainable variables"):
        prune_low_magnitude(layer, HALF)


def test_layers_that_do_not_are_refused():
    model = keras.Sequential([keras.Input((8,)), Scaled(name="own")])
    with pytest.raises(ValueError, match=r"`to_prune` must have .*'own' \(Scaled\)"):
        prune_low_magnitude(model, HALF)
    assert not sos.sparse_layers(model)


class NoHead(tfmot.sparsity.keras.PruningPolicy):
    """All but a layer called b; not of models of one layer."""

    def allow_pruning(self, layer):
        return layer.name != "b"

    def ensure_model_supports_pruning(self, model):
        if len(model.layers) < 2:
            raise ValueError("too few layers")


def test_a_policy_decides():
    sos.UpdateSparsity().update(
        sparse := prune_low_magnitude(sequential(), HALF, pruning_policy=NoHead()), 0
    )
    assert sorted(sparsities(sparse).values()) == [0, 0.5]
    small = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="too few layers"):
        prune_low_magnitude(small, HALF, pruning_policy=NoHead())


def test_the_policy_of_1x1_convolutions():
    policy = tfmot.sparsity.keras.PruneForLatencyOnXNNPack()
    layers = [keras.layers.Conv2D(4, 3, name="a"), keras.layers.Conv2D(4, 1, name="b")]
    model = keras.Sequential([keras.Input((6, 6, 3)), *layers])
    sparse = prune_low_magnitude(model, HALF, pruning_policy=policy)
    assert list(sos.sparse_layers(sparse)) == ["prune_low_magnitude_b"]
    with pytest.raises(ValueError, match="`model` must have 1x1 Conv2D layers"):
        prune_low_magnitude(sequential(), HALF, pruning_policy=policy)


def test_m_by_n_whatever_the_schedule_says():
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.8, 0, 4, frequency=1)
    x, y = data()
    model = prune_low_magnitude(sequential(), schedule, sparsity_m_by_n=(1, 4))
    for mask in sos.masks(trained(model, x, y)).values():
        assert (mask.reshape(-1, 4, mask.shape[-1]).sum(axis=1) == 3).all()


@pytest.mark.parametrize(("kind", "pool"), [("AVG", np.mean), ("MAX", np.max)])
def test_blocks_go_together(kind, pool):
    layer = keras.layers.Dense(4)
    layer.build((None, 8))
    blocks = np.abs(layer.kernel.numpy()).reshape(4, 2, 2, 2).transpose(0, 2, 1, 3)
    pooled = pool(blocks.reshape(4, 2, 4), axis=-1)
    sparse = prune_low_magnitude(layer, HALF, block_size=(2, 2), block_pooling_type=kind)
    sos.UpdateSparsity().update(keras.Sequential([keras.Input((8,)), sparse]), 0)
    expected = pooled > np.sort(pooled, axis=None)[3]
    (kernel,) = sparse.sparse_kernels
    np.testing.assert_array_equal(sparse.present(kernel)[::2, ::2], expected)


class EveryOther(tfmot.sparsity.keras.PruningSchedule):
    """Updates at even steps."""

    def __call__(self, step):
        return self._should_prune_in_step(step, 0, -1, 2), 0.25

    def get_config(self):
        return {}


def test_a_schedule_of_ones_own():
    schedule = EveryOther()
    assert [schedule(step)[0] for step in range(4)] == [True, False, True, False]
    x, y = data()
    assert set(sparsities(trained(prune_low_magnitude(sequential(), schedule), x, y)).values()) == {
        0.25
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block_pooling_type": "MIN"}, "`block_pooling_type` must be 'AVG' or 'MAX'"),
        ({"block_size": (0, 1)}, "`block_size` must be two integers of at least 1"),
        ({"sparsity_m_by_n": (4, 4)}, "`sparsity_m_by_n` must be the zeros of"),
        ({"sparsity_m_by_n": 2}, "`sparsity_m_by_n` must be two integers"),
        ({"sparsity_m_by_n": (2, 4), "block_size": (2, 2)}, "a layer has one pattern"),
        ({"pruning_shedule": HALF}, "`pruning_shedule` is no argument"),
        ({"pruning_policy": tfmot.sparsity.keras.PruneForLatencyOnXNNPack}, "an instance of"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        prune_low_magnitude(sequential(), HALF, **arguments)


def test_what_is_no_model():
    with pytest.raises(ValueError, match="`to_prune` must be a layer of Keras 3"):
        prune_low_magnitude("a model")
    with pytest.raises(ValueError, match="`model` must be a Keras model"):
        tfmot.sparsity.keras.strip_pruning("a model")


def test_the_callback_must_be_there():
    x, y = data()
    model = prune_low_magnitude(sequential(), HALF)
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="nothing updates its sparsity"):
        model.fit(x, y, verbose=0)


class Mine(tfmot.sparsity.keras.PruningSchedule):
    """A schedule that was not registered for saving."""

    def __call__(self, step):
        return self._should_prune_in_step(step, 0, 100, 10), 0.5

    def get_config(self):
        return {}


@pytest.mark.parametrize("schedule", [Mine(), lambda step: (True, 0.5)])
def test_m_by_n_takes_schedules_that_cannot_be_saved(schedule):
    sparse = prune_low_magnitude(sequential(), schedule, sparsity_m_by_n=(2, 4))
    sos.UpdateSparsity().update(sparse, 0)
    assert all(sparsity == 0.5 for sparsity in sparsities(sparse).values())


def test_m_by_n_that_never_begins_is_told():
    late = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, 1000, 2000)
    with pytest.warns(UserWarning, match="has no update up to step 2"):
        trained(prune_low_magnitude(sequential(), late, sparsity_m_by_n=(2, 4)), *data())


class OwnDense(keras.layers.Dense, tfmot.sparsity.keras.PrunableLayer):
    """Says that its bias is pruned too."""

    def get_prunable_weights(self):
        return [self.kernel, self.bias]


def test_masks_of_prunable_layers_can_be_fixed():
    model = keras.Sequential([keras.Input((8,)), OwnDense(16)])
    sparse = prune_low_magnitude(model, HALF)
    sparse.layers[0].layer.bias.assign(np.arange(16))
    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    frozen = sos.masks(sos.freeze(sparse))
    assert [m.mean() for m in masks.values()] == [0.5, 0.5]
    for old, new in zip(masks.values(), frozen.values(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_unbuilt_model_may_hold_a_built_one():
    inputs = keras.Input((8,))
    base = keras.Model(inputs, keras.layers.Dense(4, name="inner")(inputs), name="base")
    model = keras.Sequential([keras.layers.Rescaling(1 / 255), base, keras.layers.Dense(2)])
    sparse = prune_low_magnitude(model, HALF)
    sparse.build((None, 8))
    trained(sparse, *data())
    assert len(sparsities(sparse)) == 2 and set(sparsities(sparse).values()) == {0.5}
