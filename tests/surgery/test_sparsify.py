"""`sparsify` on Sequential and Functional models: what is exchanged, and what must stay."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def sequential():
    return keras.Sequential(
        [
            keras.Input((6,), name="features"),
            layers.Dense(5, "relu", name="hidden"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(3, name="head"),
        ],
        name="classifier",
    )


def assert_same(plain, sparse, inputs):
    for old, new in zip(
        keras.tree.flatten(plain(inputs)), keras.tree.flatten(sparse(inputs)), strict=True
    ):
        np.testing.assert_allclose(old.numpy(), new.numpy(), rtol=1e-6, atol=1e-6)


def train(sparse, x, y, eager=True):
    sparse.compile("sgd", "mse", run_eagerly=eager)  # tracing takes longer than a few steps
    sparse.fit(x, y, batch_size=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    for mask in sos.masks(sparse).values():
        assert np.count_nonzero(~mask) == round(0.5 * mask.size)


def test_sequential():
    plain = sequential()
    sparse = sos.sparsify(plain, prune)
    assert type(sparse) is keras.Sequential
    assert sparse.name == "classifier"
    assert [layer.name for layer in sparse.layers] == ["hidden", "dropout", "head"]
    assert list(sos.sparse_layers(sparse)) == ["hidden", "head"]
    assert sparse.layers[1] is plain.layers[1]
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 3)))


def test_sequential_built_by_its_shape():
    plain = keras.Sequential([layers.Dense(5), keras.Sequential([layers.Dense(3, name="in")])])
    plain.build((None, 6))
    sparse = sos.sparsify(plain, prune)
    assert len(sos.masks(sparse)) == 2
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 3)))


def test_variables_are_shared_and_trained_weights_kept():
    plain = sequential()
    plain.compile("sgd", "mse", run_eagerly=True)
    plain.fit(X, np.ones((4, 3)), verbose=0)
    before = plain.get_weights()
    sparse = sos.sparsify(plain, prune)
    kernels = {id(v) for v in sparse.trainable_variables}
    assert kernels == {id(v) for v in plain.trainable_variables}
    for value, variable in zip(before, plain.weights, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())
    train(sparse, X, np.ones((4, 3)))
    assert not np.array_equal(before[0], plain.layers[0].kernel.numpy())


def test_the_argument_stays_compiled_and_the_result_is_not():
    plain = sequential()
    plain.compile("adam", "mse")
    plain.fit(X, np.ones((4, 3)), batch_size=2, verbose=0)
    optimizer = plain.optimizer
    sparse = sos.sparsify(plain, prune)
    assert not sparse.compiled
    assert plain.compiled and plain.optimizer is optimizer
    assert int(plain.optimizer.iterations) == 2
    assert [type(layer).__name__ for layer in plain.layers] == ["Dense", "Dropout", "Dense"]
    plain.fit(X, np.ones((4, 3)), verbose=0)
    assert int(plain.optimizer.iterations) == 3


def functional():
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(5, name="shared")
    a, b = shared(left), shared(right)
    joined = ops.concatenate([a * 2.0, ops.relu(b)], axis=-1)
    first = layers.Dense(3, name="first")(joined)
    second = layers.Dense(2, name="second")(layers.Add(name="add")([a, b]))
    return [left, right], first, second


@pytest.mark.parametrize("form", ["list", "dict"])
def test_functional_with_shared_layers_and_raw_operations(form, tmp_path):
    inputs, first, second = functional()
    if form == "list":
        plain = keras.Model(inputs, [first, second])
        data, targets = [X, -X], [np.ones((4, 3)), np.ones((4, 2))]
    else:
        plain = keras.Model({"left": inputs[0], "right": inputs[1]}, {"one": first, "two": second})
        data = {"left": X, "right": -X}
        targets = {"one": np.ones((4, 3)), "two": np.ones((4, 2))}
    sparse = sos.sparsify(plain, prune)
    assert list(sos.masks(sparse)) == ["shared/kernel", "first/kernel", "second/kernel"]
    assert [t.name for t in sparse.inputs] == ["left", "right"]
    assert sparse.output_names == plain.output_names
    assert_same(plain, sparse, data)
    losses = ["mse", "mse"] if form == "list" else {"one": "mse", "two": "mse"}
    sparse.compile("sgd", losses)
    sparse.fit(data, targets, verbose=0, callbacks=[sos.UpdateSparsity()])
    assert sos.masks(sparse)["shared/kernel"].sum() == 15
    assert_same(sparse, sos.strip(sparse), data)
    sparse.save(tmp_path / "model.keras")
    assert_same(sparse, keras.saving.load_model(tmp_path / "model.keras"), data)


def test_names_that_keras_gave_are_kept():
    a, b = keras.Input((6,)), keras.Input((6,))
    hidden = layers.Concatenate()([layers.Dense(2)(a), layers.Dense(2)(b)])
    plain = keras.Model([a, b], layers.Dense(2)(hidden))
    sparse = sos.sparsify(plain, prune)
    assert sparse.name == plain.name
    assert [layer.name for layer in sparse.layers] == [layer.name for layer in plain.layers]


def test_inputs_that_are_optional_or_of_another_dtype():
    ids, extra = keras.Input((3,), dtype="int32"), keras.Input((2,), optional=True)

    class AddIfGiven(layers.Layer):
        def call(self, x, y=None):
            return x if y is None else x + y

        def compute_output_shape(self, x_shape, y_shape):
            return x_shape

    hidden = layers.Flatten()(layers.Embedding(5, 2)(ids))
    plain = keras.Model([ids, extra], AddIfGiven()(layers.Dense(2)(hidden), extra))
    sparse = sos.sparsify(plain, prune)
    for given in (None, np.ones((4, 2), "float32")):
        assert_same(plain, sparse, [RNG.integers(0, 5, (4, 3)), given])


def test_arguments_of_calls_are_kept():
    x, y = keras.Input((5, 4)), keras.Input((6, 4))
    attended = layers.MultiHeadAttention(2, 3, name="attention")(
        query=x, value=y, use_causal_mask=True
    )
    state = layers.Dense(3, name="state")(y[:, 0])
    outputs = layers.GRU(3, name="gru")(attended, initial_state=state)
    plain = keras.Model([x, y], outputs)
    sparse = sos.sparsify(plain, prune)
    assert list(sos.sparse_layers(sparse)) == ["attention", "state", "gru"]
    data = [RNG.normal(size=(2, *shape)).astype("float32") for shape in ((5, 4), (6, 4))]
    assert_same(plain, sparse, data)
    train(sparse, data, np.ones((2, 3)), eager=False)


def nested():
    def model(depth, name):
        inputs = keras.Input((6,))
        x = layers.Dense(6, "relu", name="dense")(inputs)
        if depth:
            inner = model(depth - 1, "inner")
            x = inner(inner(x))  # the inner model is called twice
        return keras.Model(inputs, layers.Dense(6, name="out")(x), name=name)

    return model(2, "outer")


def test_models_nested_twice_deep(tmp_path):
    plain = nested()
    sparse = sos.sparsify(plain, prune)
    paths = [
        *("dense/kernel", "inner/dense/kernel", "inner/inner/dense/kernel"),
        *("inner/inner/out/kernel", "inner/out/kernel", "out/kernel"),
    ]
    assert list(sos.masks(sparse)) == paths
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 6)))
    assert_same(sparse, sos.strip(sparse), X)
    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_same(sparse, loaded, X)
    assert list(sos.masks(loaded)) == paths


def test_a_layer_shared_between_an_outer_and_a_nested_model():
    shared = layers.Dense(6, name="shared")
    inner_input = keras.Input((6,))
    inner = keras.Model(inner_input, layers.Dense(6, name="own")(shared(inner_input)), name="in")
    inputs = keras.Input((6,))
    plain = keras.Model(inputs, inner(shared(inputs)))
    sparse = sos.sparsify(plain, prune)
    assert len(sos.masks(sparse)) == 2
    assert sparse.get_layer("shared") is sparse.get_layer("in").get_layer("shared")
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 6)))
    assert_same(sparse, sos.strip(sparse), X)


def test_no_kernel_gets_two_wrappers():
    class Holder(layers.Layer):
        def __init__(self, layer):
            super().__init__()
            self.held = layer

        def call(self, inputs):
            return self.held(inputs)

    inputs = keras.Input((6,))
    shared = layers.Dense(6, name="shared")
    plain = keras.Model(inputs, Holder(shared)(shared(inputs)))
    try:
        sparse = sos.sparsify(plain, prune)
    except ValueError as error:
        assert "shared" in str(error)
        return
    wrappers = sos.sparse_layers(sparse).values()
    kernels = [id(kernel.variable) for w in wrappers for kernel in w.sparse_kernels]
    assert kernels == [id(shared.kernel)]


class Block(layers.Layer):
    """A composite layer of a user's own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(5, "relu", name="first")
        self.second = layers.Dense(6, name="second")

    def call(self, inputs):
        return self.second(self.first(inputs))


INSIDE = ["block/first", "block/second"]


@pytest.mark.parametrize(
    ("rules", "wrapped", "kernels"),
    [
        (prune, [*INSIDE, "head"], [*INSIDE, "head"]),
        ([("block", prune)], INSIDE, INSIDE),
        ([("^block$", prune)], ["block"], INSIDE),
        ([("^block$", None), ("", prune)], ["head"], ["head"]),
        ([("block/second", prune)], ["block/second"], ["block/second"]),
        ([("second$", prune), ("head", prune)], ["block/second", "head"], ["block/second", "head"]),
        ([("block/first", None), ("second", prune)], ["block/second"], ["block/second"]),
    ],
)
def test_a_composite_layer_is_taken_whole_or_entered(rules, wrapped, kernels):
    inputs = keras.Input((6,))
    plain = keras.Model(inputs, layers.Dense(3, name="head")(Block(name="block")(inputs)))
    before = plain(X).numpy()
    sparse = sos.sparsify(plain, rules)
    assert list(sos.sparse_layers(sparse)) == wrapped
    assert list(sos.masks(sparse)) == [f"{path}/kernel" for path in kernels]
    np.testing.assert_allclose(sparse(X).numpy(), before, rtol=1e-6, atol=1e-6)
    train(sparse, X, np.ones((4, 3)))
    assert_same(sparse, sos.strip(sparse), X)


class Halved(keras.Model):
    """A training step of its own, and no constructor."""

    def train_step(self, data):
        return {"steps": 0.5 * super().train_step(data)["loss"], "own": 1.0}


def test_a_training_step_of_its_own_is_kept():
    inputs = keras.Input((6,))
    plain = Halved(inputs, layers.Dense(3)(inputs))
    sparse = sos.sparsify(plain, prune)
    assert type(sparse) is Halved
    sparse.compile("sgd", "mse")
    history = sparse.fit(X, np.ones((4, 3)), verbose=0, callbacks=[sos.UpdateSparsity()])
    assert history.history["own"] == [1.0]


def test_frozen_layers_stay_frozen():
    plain = sequential()
    plain.get_layer("hidden").trainable = False
    with pytest.warns(UserWarning, match=r"Frozen layers are sparse: \['hidden'\]"):
        sparse = sos.sparsify(plain, prune)
    assert [v.name for v in sparse.trainable_variables] == ["kernel", "bias"]
    assert not sparse.get_layer("hidden").trainable
    before = plain.get_layer("hidden").kernel.numpy()
    train(sparse, X, np.ones((4, 3)))
    np.testing.assert_array_equal(plain.get_layer("hidden").kernel.numpy(), before)


@pytest.mark.filterwarnings("ignore:Frozen layers are sparse")
def test_a_frozen_model_stays_frozen():
    plain = nested()
    plain.get_layer("inner").trainable = False
    sparse = sos.sparsify(plain, prune)
    assert not sparse.get_layer("inner").trainable
    assert len(sparse.trainable_variables) == len(plain.trainable_variables) == 4
    whole = sequential()
    whole.trainable = False
    assert sos.sparsify(whole, prune).trainable_variables == []


def test_preprocessing_lambda_and_normalization_layers_are_left_alone():
    normalization = layers.Normalization(name="normalization")
    normalization.adapt(3.0 * X + 1.0)
    plain = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Rescaling(2.0, name="rescaling"),
            normalization,
            layers.Lambda(lambda x: x - 1.0, output_shape=(6,), name="lambda"),
            layers.Dense(5, name="dense"),
            layers.BatchNormalization(name="batch_normalization"),
            layers.PReLU(name="prelu"),
            layers.Dense(3, name="head"),
        ]
    )
    sparse = sos.sparsify(plain, prune)
    assert list(sos.sparse_layers(sparse)) == ["dense", "head"]
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 3)))
    assert_same(sparse, sos.strip(sparse), X)


def test_a_second_call_leaves_sparse_layers_alone():
    plain = sequential()
    once = sos.sparsify(plain, [("hidden", prune)])
    wrapper = once.get_layer("hidden")
    twice = sos.sparsify(once, lambda layer: sos.FixedMask(layer, np.ones((5, 3))))
    assert twice.get_layer("hidden") is wrapper
    assert type(twice.get_layer("head")) is sos.FixedMask
    assert_same(plain, twice, X)
    with pytest.raises(ValueError, match=r"not sparse yet.*left alone"):
        sos.sparsify(twice, prune)


def test_wrappers_that_the_user_placed_are_left_alone():
    inputs = keras.Input((6,))
    hidden = sos.FixedMask(layers.Dense(5, name="hidden"), np.ones((6, 5)))(inputs)
    sparse = sos.sparsify(keras.Model(inputs, layers.Dense(3, name="head")(hidden)), prune)
    kinds = {path: type(layer) for path, layer in sos.sparse_layers(sparse).items()}
    assert kinds == {"hidden": sos.FixedMask, "head": sos.MagnitudePruning}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(3)]), "must be built"),
        (lambda: layers.Dense(3), "must be a Keras model"),
        (lambda: "model.keras", "must be a Keras model"),
        (lambda: keras.Sequential([keras.Input((3,)), layers.ReLU()]), "layer with a kernel"),
    ],
)
def test_what_cannot_be_made_sparse(model, message):
    with pytest.raises(ValueError, match=f"`model` .*{message}"):
        sos.sparsify(model(), prune)


def test_under_a_distribution_strategy():
    import tensorflow as tf

    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    with strategy.scope():
        plain = sequential()
    sparse = sos.sparsify(plain, prune)  # outside the scope in which the model was built
    assert_same(plain, sparse, X)
    train(sparse, X, np.ones((4, 3)))


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_what_is_beside_a_kernel_has_a_path_of_its_own_beside_the_kernels(kind):
    def part(name):
        inputs, dense = keras.Input((4,)), keras.layers.Dense(4, name="dense")
        if kind == "sequential":
            return keras.Sequential([inputs, dense], name=name)
        return keras.Model(inputs, dense(inputs), name=name)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, part("b")(part("a")(inputs)))
    sparse = sos.sparsify(model, prune)
    expected = [f"{path}_mask" for path in sos.masks(sparse)]
    assert expected == ["a/dense/kernel_mask", "b/dense/kernel_mask"]
    assert [v.path for v in sparse.variables if v.name == "mask"] == expected
    frozen = sos.freeze(sparse)
    assert [v.path for v in frozen.variables if v.name == "mask"] == expected
