"""`strip`: a plain model that predicts the same, and a sparse one that is left as it was."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


TECHNIQUES = {
    "magnitude": prune,
    "random": lambda layer: sos.RandomPruning(layer, HALF, seed=1),
    "fixed": lambda layer: sos.FixedMask(layer, np.eye(*layer.kernel.shape)),
    "variational": lambda layer: sos.VariationalDropout(layer, 0.1, threshold=-3.0, seed=1),
    "l0": lambda layer: sos.L0Regularization(layer, 0.0, initial_keep=1 / 12, seed=1),
}


def network():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.2, seed=1, name="dropout"),
            layers.Dense(3, name="second"),
        ]
    )


def trained(sparse, x=X, y=Y, epochs=2):
    # Eager steps: a few of them take less time than to trace one.
    sparse.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=True)
    sparse.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=[sos.UpdateSparsity()])
    return sparse


def state_of(model):
    return [v.numpy().copy() for v in model.variables]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_predictions_zeros_and_the_sparse_model(technique, tmp_path):
    sparse = trained(sos.sparsify(network(), TECHNIQUES[technique]))
    before, outputs = state_of(sparse), sparse(X).numpy()
    masks = sos.masks(sparse)
    plain = sos.strip(sparse)

    assert type(plain) is keras.Sequential and plain.name == sparse.name
    kinds = [type(layer).__name__ for layer in plain.layers]
    assert kinds == ["Dense", "BatchNormalization", "Dropout", "Dense"]
    assert [layer.name for layer in plain.layers] == ["first", "norm", "dropout", "second"]
    np.testing.assert_allclose(plain(X).numpy(), outputs, rtol=1e-6, atol=1e-6)
    for name in ("first", "second"):
        kernel = plain.get_layer(name).kernel.numpy()
        np.testing.assert_array_equal(kernel != 0, masks[f"{name}/kernel"])
        assert 0 < np.count_nonzero(kernel) < kernel.size
    statistics = sparse.get_layer("norm").moving_mean.numpy()
    np.testing.assert_array_equal(plain.get_layer("norm").moving_mean.numpy(), statistics)
    assert np.abs(statistics).max() > 0

    # the sparse model is as it was, shares nothing, and can be trained on
    for old, variable in zip(before, sparse.variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    assert not {id(v) for v in plain.variables} & {id(v) for v in sparse.variables}
    sparse.fit(X, Y, verbose=0, callbacks=[sos.UpdateSparsity()])
    np.testing.assert_allclose(plain(X).numpy(), outputs, rtol=1e-6, atol=1e-6)

    plain.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    np.testing.assert_allclose(loaded(X).numpy(), outputs, rtol=1e-6, atol=1e-6)


@pytest.mark.slow  # the suite has stripped files of all techniques load in such a process
def test_the_stripped_file_loads_without_this_package(tmp_path):
    plain = sos.strip(trained(sos.sparsify(network(), prune)))
    plain.save(tmp_path / "plain.keras")
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", plain(X).numpy())
    code = (
        "import sys, keras, numpy as np\n"
        "sys.modules['state_of_sparsity'] = None\n"
        "model = keras.saving.load_model('plain.keras')\n"
        "np.testing.assert_allclose(model(np.load('x.npy')), np.load('y.npy'), 1e-6, 1e-6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("ignore:Frozen layers are sparse")
def test_frozen_flags_are_kept():
    model = network()
    model.get_layer("first").trainable = False
    model.get_layer("norm").trainable = False
    plain = sos.strip(sos.sparsify(model, prune))
    flags = {layer.name: layer.trainable for layer in plain.layers}
    assert flags == {"first": False, "norm": False, "dropout": True, "second": True}
    model = network()
    model.trainable = False
    assert sos.strip(sos.sparsify(model, prune)).trainable_variables == []


def test_a_model_that_was_frozen_after_it_became_sparse():
    sparse = trained(sos.sparsify(network(), prune))
    sparse.trainable = False
    plain = sos.strip(sparse)
    assert plain.trainable_variables == []
    np.testing.assert_allclose(plain(X).numpy(), sparse(X).numpy(), rtol=1e-6, atol=1e-6)


def test_a_model_without_sparse_layers_is_copied():
    model = network()
    plain = sos.strip(model)
    assert plain is not model
    np.testing.assert_allclose(plain(X).numpy(), model(X).numpy(), rtol=1e-6)


def test_stripping_twice():
    sparse = trained(sos.sparsify(network(), prune))
    plain = sos.strip(sos.strip(sparse))
    np.testing.assert_allclose(plain(X).numpy(), sparse(X).numpy(), rtol=1e-6, atol=1e-6)


def test_a_stripped_model_can_be_made_sparse_again():
    sparse = trained(sos.sparsify(network(), prune))
    again = sos.sparsify(sos.strip(sparse), prune)
    np.testing.assert_allclose(again(X).numpy(), sparse(X).numpy(), rtol=1e-6, atol=1e-6)


def test_shared_layers_stay_shared():
    inputs = keras.Input((6,))
    shared = layers.Dense(6, name="shared")
    inner = keras.Sequential([keras.Input((6,)), shared], name="inner")
    sparse = sos.sparsify(keras.Model(inputs, inner(shared(shared(inputs)))), prune)
    plain = sos.strip(sparse)
    assert plain.get_layer("inner").get_layer("shared") is plain.get_layer("shared")
    assert len(plain.weights) == 2


@pytest.mark.parametrize("kind", ["integer", "text", "hashing"])
def test_an_adapted_vocabulary_is_copied(kind):
    if kind == "text":
        import tensorflow as tf

        first = layers.TextVectorization(output_sequence_length=3)
        first.adapt(["a b c", "b c d"])
        data, dtype = tf.constant([["a b"], ["c d"], ["e"]]), "string"
    else:
        first = layers.IntegerLookup() if kind == "integer" else layers.Hashing(4)
        data, dtype = np.array([[10], [20], [77]]), "int32"
        if kind == "integer":
            first.adapt(np.array([10, 20, 20, 30]))
    model = keras.Sequential(
        [
            keras.Input((1,), dtype=dtype),
            first,
            layers.Embedding(9, 3),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    sparse = sos.sparsify(model, prune)
    np.testing.assert_allclose(
        sos.strip(sparse)(data).numpy(), model(data).numpy(), rtol=1e-6, atol=1e-6
    )


class Subclassed(keras.Model):
    """Has what it takes to be made anew: arguments that `get_config` returns."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.body = [layers.Dense(width, name="first"), layers.BatchNormalization(name="norm")]
        self.head = {"second": layers.Dense(3, name="second")}

    def call(self, x, training=None):
        for layer in self.body:
            x = layer(x)
        return self.head["second"](x)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


class WithoutConfig(keras.Model):
    def __init__(self, width):
        super().__init__()
        self.only = layers.Dense(width, name="only")

    def call(self, x):
        return self.only(x)


def test_a_subclassed_model_with_a_configuration(tmp_path):
    model = Subclassed(5)
    model(X)
    sparse = trained(sos.sparsify(model, prune))
    plain = sos.strip(sparse)
    assert type(plain) is Subclassed and plain is not sparse
    assert type(plain.body[0]) is layers.Dense
    np.testing.assert_allclose(plain(X).numpy(), sparse(X).numpy(), rtol=1e-6, atol=1e-6)
    assert type(sparse.body[0]) is sos.MagnitudePruning
    plain.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(
        tmp_path / "plain.keras", custom_objects={"Subclassed": Subclassed}
    )
    np.testing.assert_allclose(loaded(X).numpy(), plain(X).numpy(), rtol=1e-6, atol=1e-6)


def test_a_subclassed_model_without_a_configuration_is_a_clear_error():
    model = WithoutConfig(3)
    model(X)
    sparse = trained(sos.sparsify(model, prune))
    outputs = sparse(X).numpy()
    with pytest.raises(
        ValueError, match=r"(?s)`model` cannot be copied.*WithoutConfig.*`get_config`"
    ):
        sos.strip(sparse)
    np.testing.assert_array_equal(sparse(X).numpy(), outputs)


def test_a_configuration_that_does_not_tell_everything_is_a_clear_error():
    class Growing(keras.Model):
        def __init__(self, width=2, **kwargs):
            super().__init__(**kwargs)
            self.only = layers.Dense(width, name="only")

        def call(self, x):
            return self.only(x)

        def get_config(self):
            return {"name": self.name}

    model = Growing(3)
    model(X)
    with pytest.raises(ValueError, match="`model` cannot be copied"):
        sos.strip(trained(sos.sparsify(model, prune)))


def test_a_model_whose_constructor_places_the_wrappers(tmp_path):
    class Sparse(keras.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.first = prune(layers.Dense(width, name="first"))
            self.second = layers.Dense(3, name="second")

        def call(self, x):
            return self.second(self.first(x))

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    model = Sparse(5)
    model(X)
    trained(model)
    plain = sos.strip(model)
    assert type(plain.first) is layers.Dense
    np.testing.assert_allclose(plain(X).numpy(), model(X).numpy(), rtol=1e-6, atol=1e-6)
    assert type(model.first) is sos.MagnitudePruning


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(3)]), "must be built before `sos.strip`"),
        (lambda: WithoutConfig(3), "must be built before `sos.strip`"),
        (lambda: None, "must be a Keras model"),
    ],
)
def test_what_cannot_be_stripped(model, message):
    with pytest.raises(ValueError, match=f"`model` {message}"):
        sos.strip(model())


def test_a_model_as_narrow_as_its_dtype():
    keras.config.set_dtype_policy("mixed_bfloat16")
    sparse = trained(sos.sparsify(network(), prune))
    plain = sos.strip(sparse)
    assert plain.get_layer("first").dtype_policy.name == "mixed_bfloat16"
    assert plain.get_layer("first").kernel.dtype == "float32"
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(keras.ops.cast(plain(X), "float32")),
        keras.ops.convert_to_numpy(keras.ops.cast(sparse(X), "float32")),
    )
