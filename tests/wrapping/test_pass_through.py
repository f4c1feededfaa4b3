"""What a wrapper answers for the layer it wraps: attributes, methods, and kernels as effective."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos
from tests.slow_variants import slow_but

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
TECHNIQUES = {
    "masks": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational dropout": lambda layer: sos.VariationalDropout(layer, 0.0, seed=0),
    "l0": lambda layer: sos.L0Regularization(layer, 0.0, seed=0),
}
every_technique = pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES)


def prune(layer):
    return TECHNIQUES["masks"](layer)


def spread(wrapper):
    """Leaves zeros and non-zeros, of any technique."""
    for variable in wrapper.variables:
        rng = np.random.default_rng(1)
        if variable.name.endswith("mask"):
            half = np.arange(np.prod(variable.shape)) % 2 > 0
            variable.assign(rng.permutation(half).reshape(variable.shape))
        elif variable.name.endswith(("log_alpha", "log_sigma2")):
            variable.assign(rng.uniform(-8, 2, variable.shape))


class Projection(layers.Layer):
    """A layer with a method of its own beside `call`, and one that computes from the kernel."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")

    def call(self, x):
        return x @ self.w

    def back(self, x):
        return x @ ops.transpose(self.w)

    @property
    def doubled(self):
        return 2.0 * self.w


@every_technique
@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (layers.Dense(5), "kernel"),
        (layers.Conv1D(5, 2), "kernel"),
        (layers.Embedding(7, 5), "embeddings"),
        (Projection(5), "w"),
    ],
)
def test_kernels_are_the_effective_ones(technique, layer, name):
    layer = type(layer).from_config(layer.get_config())
    layer.build((None, 4, 6))
    wrapper = technique(layer)
    spread(wrapper)
    expected = wrapper.evaluation_kernel(wrapper.sparse_kernels[0])
    assert (expected == 0).any() and (expected != 0).any()
    np.testing.assert_allclose(getattr(wrapper, name), expected, rtol=1e-6)
    assert getattr(wrapper.layer, name).numpy().all()


@every_technique
def test_methods_and_properties_compute_with_effective_kernels(technique):
    layer = Projection(5)
    layer.build((None, 6))
    wrapper = technique(layer)
    spread(wrapper)
    kernel = wrapper.evaluation_kernel(wrapper.sparse_kernels[0])
    np.testing.assert_allclose(wrapper.back(X[:, :5]), X[:, :5] @ kernel.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(wrapper.doubled, 2 * kernel, rtol=1e-6)


def test_attributes_are_those_of_the_layer():
    wrapper = prune(layers.Dense(5, "relu"))
    assert wrapper.units == 5 and wrapper.activation is keras.activations.relu
    assert hasattr(wrapper, "bias_initializer") and not hasattr(wrapper, "reset_state")
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        _ = wrapper.unknown
    with pytest.raises(AttributeError, match="'MagnitudePruning' object has no attribute '_lock_'"):
        _ = wrapper._lock_


def test_attributes_that_are_set_reach_the_layer():
    model = sos.sparsify(keras.Sequential([keras.Input((6,)), layers.Dense(5, "relu")]), prune)
    model.layers[0].activation = keras.activations.softmax
    np.testing.assert_allclose(model(X).numpy().sum(axis=1), 1.0, rtol=1e-6)
    assert model.layers[0].layer.activation is keras.activations.softmax


def test_what_a_technique_sets_is_its_own():
    attention = layers.MultiHeadAttention(2, 3, seed=7)
    wrapper = sos.RandomPruning(attention, HALF, seed=3)
    assert wrapper.seed == 3 and attention.seed == 7
    wrapper.seed = 4
    assert wrapper.seed == 4 and attention.seed == 7
    learned = sos.L0Regularization(layers.GRU(2, seed=7), 1e-4, seed=1)
    assert learned.seed == 1 and learned.layer.cell.seed == 7


def test_states_of_recurrent_layers_are_reset():
    inputs = keras.Input(batch_shape=(4, 3, 6))
    plain = keras.Model(inputs, layers.LSTM(5, stateful=True, name="lstm")(inputs))
    sparse = sos.sparsify(plain, prune)
    sequence = np.stack([X] * 3, axis=1)
    first = sparse.predict(sequence, batch_size=4, verbose=0)
    assert np.abs(sparse.predict(sequence, batch_size=4, verbose=0) - first).max() > 1e-3
    for layer in sparse.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
    again = sparse.predict(sequence, batch_size=4, verbose=0)
    np.testing.assert_allclose(again, first, rtol=1e-6)
    assert len(sparse.get_layer("lstm").states) == 2


class Tied(layers.Layer):
    """Reads the kernel of a layer that it holds."""

    def __init__(self, embedding, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.embedding.embeddings))


def tied_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,), dtype="int32")
    embedding = layers.Embedding(9, 6, name="embedding")
    hidden = layers.Dense(6, name="hidden")(embedding(inputs))
    return keras.Model(inputs, Tied(embedding, name="tied")(hidden))


@every_technique
@pytest.mark.parametrize("rules", slow_but(["all"], ["all", "listed"]))
def test_a_layer_that_reads_anothers_kernel(technique, rules):
    ids = np.arange(12).reshape(4, 3) % 9
    given = technique if rules == "all" else [("^tied$", None), ("", technique)]
    sparse = sos.sparsify(tied_model(), given)
    assert list(sos.sparse_layers(sparse)) == ["embedding", "hidden"]
    for wrapper in sos.sparse_layers(sparse).values():
        spread(wrapper)
    table, kernel = (
        wrapper.evaluation_kernel(wrapper.sparse_kernels[0])
        for wrapper in sos.sparse_layers(sparse).values()
    )
    bias = sparse.get_layer("hidden").layer.bias.numpy()
    expected = (table[ids] @ kernel + bias) @ table.T
    np.testing.assert_allclose(sparse(ids), expected, rtol=1e-5, atol=1e-5)
    sparse.compile("sgd", "mse")
    sparse.fit(ids, np.zeros((4, 3, 9)), verbose=0, callbacks=[sos.UpdateSparsity()])


def test_a_kernel_read_in_training_is_the_one_of_training():
    noisy = sos.L0Regularization(layers.Dense(6, name="noisy"), 0.0, initial_keep=0.5, seed=0)

    class Reader(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = noisy

        def call(self, x, training=None):
            self.dense(x)
            return x @ self.dense.kernel

    model = Reader()
    first, second = (model(X, training=True).numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(model(X, training=False), model(X, training=False))


def test_masters_stay_float32_when_read_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    sparse = sos.sparsify(tied_model(), TECHNIQUES["variational dropout"])
    for wrapper in sos.sparse_layers(sparse).values():
        spread(wrapper)
    assert keras.backend.standardize_dtype(sparse(np.ones((4, 3), "int32")).dtype) == "bfloat16"
    wrapper = sos.sparse_layers(sparse)["embedding"]
    expected = wrapper.evaluation_kernel(wrapper.sparse_kernels[0])
    np.testing.assert_array_equal(wrapper.embeddings, expected)


class Tempered(layers.Dense):
    """A dense layer with a setting that is no argument of its constructor, and odd members."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = 1.0

    def call(self, x):
        return super().call(x) / self.temperature

    @property
    def norm(self):
        return float(ops.norm(self.kernel))

    def clip(self):
        self.kernel.assign(ops.clip(self.kernel, -0.1, 0.1))


def test_a_setting_that_is_no_argument_of_the_constructor():
    wrapper = prune(Tempered(5))
    before = wrapper(X)
    wrapper.temperature = 10.0
    assert wrapper.layer.temperature == 10.0 and "temperature" not in vars(wrapper)
    np.testing.assert_allclose(wrapper(X), before / 10.0, rtol=1e-5)
    wrapper.of_my_own = 1
    assert wrapper.of_my_own == 1 and not hasattr(wrapper.layer, "of_my_own")


@every_technique
def test_a_kernel_is_not_set_but_assigned_to(technique):
    layer = Projection(5)
    layer.build((None, 6))
    wrapper = technique(layer)
    with pytest.raises(AttributeError, match=r"wrapper\.layer\.w\.assign"):
        wrapper.w = np.zeros((6, 5))


@every_technique
def test_a_property_of_another_kind_is_of_the_effective_kernel(technique):
    layer = Tempered(5)
    layer.build((None, 6))
    wrapper = technique(layer)
    spread(wrapper)
    effective = wrapper.evaluation_kernel(wrapper.sparse_kernels[0])
    assert wrapper.norm == pytest.approx(np.linalg.norm(effective), rel=1e-5)


@every_technique
def test_a_method_that_assigns_the_kernel(technique):
    layer = Tempered(5)
    layer.build((None, 6))
    wrapper = technique(layer)
    if technique is not TECHNIQUES["masks"]:
        with pytest.raises(RuntimeError, match="assigns its own kernel"):
            wrapper.clip()
        return
    spread(wrapper)
    mask = wrapper.present(wrapper.sparse_kernels[0])
    wrapper.clip()
    assert np.abs(layer.kernel.numpy()[mask]).max() <= 0.1 < np.abs(layer.kernel.numpy()).max()
