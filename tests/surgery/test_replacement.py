"""`sparsify` on subclassed models: layers exchanged in place, wherever the model holds them."""

from collections import namedtuple

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
Y = np.ones((4, 6), "float32")
Pair = namedtuple("Pair", "left right")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def dense(name, **kwargs):
    return layers.Dense(6, name=name, **kwargs)


class Branch(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.up = dense("up")
        self.down = dense("down")

    def call(self, x):
        return self.down(self.up(x))


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [dense("a"), layers.ReLU(name="relu"), dense("b")]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x


def graph():
    inputs = keras.Input((6,))
    return keras.Model(inputs, dense("g")(inputs), name="graph")


class Everything(keras.Model):
    """Holds layers in every way that Keras tracks."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attribute = dense("attribute")
        self.same = self.attribute
        self.in_list = [dense("list_0"), layers.BatchNormalization(name="norm"), dense("list_1")]
        self.in_dict = {"x": dense("dict_x"), "y": [dense("dict_y")]}
        self.in_tuple = (dense("tuple_0"), (dense("tuple_1"), 3.0))
        self.named = Pair(dense("left"), dense("right"))
        self.branch = Branch(name="branch")
        self.graph = graph()
        self.chain = keras.Sequential([keras.Input((6,)), dense("c")], name="chain")
        self.block = Block(name="block")
        self.activation = layers.ReLU(name="activation")

    def call(self, x, training=None):
        x = self.same(self.attribute(x))
        for layer in self.in_list:
            x = layer(x)
        x = self.in_dict["y"][0](self.in_dict["x"](x))
        x = self.in_tuple[1][0](self.in_tuple[0](x)) / self.in_tuple[1][1]
        x = self.named.left(x) + self.named.right(x)
        return self.activation(self.block(self.chain(self.graph(self.branch(x)))))


PATHS = [
    *("attribute", "list_0", "list_1", "dict_x", "dict_y", "tuple_0", "tuple_1"),
    *("left", "right", "branch/up", "branch/down", "graph/g", "chain/c", "block/a", "block/b"),
]


def built(model):
    model(X)
    return model


def train(model, x=X, y=Y, eager=True):
    model.compile("sgd", "mse", run_eagerly=eager)  # tracing takes longer than a few steps
    model.fit(x, y, batch_size=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    for path, mask in sos.masks(model).items():
        assert np.count_nonzero(~mask) == round(0.5 * mask.size), path


def test_layers_in_every_place_are_exchanged():
    model = built(Everything())
    before = model(X).numpy()
    weights = {id(v) for v in model.trainable_variables}
    order = [layer.name for layer in model.layers]
    assert sos.sparsify(model, prune) is model
    assert sorted(sos.masks(model)) == sorted(f"{path}/kernel" for path in PATHS)
    assert type(model.attribute) is sos.MagnitudePruning and model.same is model.attribute
    assert model.in_dict["y"][0].name == "dict_y" and model.in_tuple[1][1] == 3.0
    assert isinstance(model.named, Pair)
    assert [layer.name for layer in model.layers] == order
    np.testing.assert_allclose(model(X).numpy(), before, rtol=1e-6, atol=1e-6)
    # every variable is tracked, once, and no old layer hangs on
    assert len(model.trainable_variables) == len(weights)
    assert {id(v) for v in model.trainable_variables} == weights
    train(model, eager=False)


def test_the_effect_of_masks_on_a_subclassed_model():
    model = built(Branch())
    sos.sparsify(model, prune)
    train(model)
    masks = sos.masks(model)
    up, down = model.up.layer, model.down.layer
    hidden = X @ (up.kernel.numpy() * masks["up/kernel"]) + up.bias.numpy()
    expected = hidden @ (down.kernel.numpy() * masks["down/kernel"]) + down.bias.numpy()
    np.testing.assert_allclose(model(X).numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_functions_compiled_before_do_not_run_on_dense(method):
    model = built(Branch())
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    sos.sparsify(model, prune)
    if method == "fit":
        try:
            model.fit(X, Y, verbose=0)
        except Exception as error:
            assert "compile" in str(error) or "UpdateSparsity" in str(error)
            return
        pytest.fail("trained dense in silence")
    for wrapper in sos.sparse_layers(model).values():
        wrapper.mask(wrapper.sparse_kernels[0]).assign(np.zeros((6, 6)))
    bias = np.tile(model.down.layer.bias.numpy(), (4, 1))
    np.testing.assert_allclose(model.predict(X, verbose=0), bias, atol=1e-6)


def test_rules_reach_into_a_subclassed_model():
    model = built(Everything())
    rules = [("^branch/up$", None), ("^(branch|graph|chain)/", prune), ("block/a", prune)]
    sos.sparsify(model, rules)
    assert list(sos.masks(model)) == [
        *("branch/down/kernel", "graph/g/kernel", "chain/c/kernel", "block/a/kernel")
    ]
    train(model)


def test_weights_can_be_saved_and_loaded(tmp_path):
    model = sos.sparsify(built(Everything()), prune)
    train(model)
    model.save_weights(tmp_path / "model.weights.h5")
    other = sos.sparsify(built(Everything()), prune)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(other(X).numpy(), model(X).numpy(), rtol=1e-6)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(sos.masks(other)[path], mask)


def test_a_saved_subclassed_model_never_comes_back_dense_in_silence(tmp_path):
    model = sos.sparsify(built(Branch()), prune)
    train(model)
    outputs = model(X).numpy()
    try:
        with pytest.warns(UserWarning, match="cannot be loaded: 'Branch'"):
            model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(
            tmp_path / "model.keras", custom_objects={"Branch": Branch}
        )
    except ValueError:
        return  # the class would rebuild plain layers, and Keras says so
    np.testing.assert_allclose(loaded(X).numpy(), outputs, rtol=1e-6)


@pytest.mark.parametrize("technique", [sos.VariationalDropout, sos.L0Regularization])
def test_training_mode_reaches_wrappers_in_a_model_that_does_not_take_it(technique):
    model = built(Branch())  # Keras calls it as `model(x)`, in training and in evaluation
    try:
        sos.sparsify(model, lambda layer: technique(layer, 0.1, seed=0))
        model.compile("sgd", "mse")
        seeds = [wrapper.seed_generator.state for wrapper in sos.sparse_layers(model).values()]
        before = [seed.numpy().copy() for seed in seeds]
        model.fit(X, Y, verbose=0)
    except (ValueError, RuntimeError) as error:
        assert "`training`" in str(error)  # refusing it, with advice, would do
        return
    for seed, old in zip(seeds, before, strict=True):
        assert not np.array_equal(seed.numpy(), old), "trained without noise"
    outputs = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), outputs)


class Trained(keras.Model):
    """A subclassed model with a training step of its own."""

    def __init__(self):
        super().__init__()
        self.body = dense("body")
        self.seen = 0

    def call(self, x):
        return self.body(x)

    def train_step(self, data):
        self.seen += 1
        return {**super().train_step(data), "own": 1.0}


def test_a_training_step_of_its_own_is_kept():
    model = sos.sparsify(built(Trained()), prune)
    model.compile("sgd", "mse")
    history = model.fit(X, Y, verbose=0, callbacks=[sos.UpdateSparsity()])
    assert history.history["own"] == [1.0] and model.seen > 0


class MadeInBuild(keras.Model):
    def build(self, shape):
        self.blocks = [[dense(f"block_{i}_{j}") for j in range(2)] for i in range(2)]
        for block in self.blocks:
            for layer in block:
                layer.build(shape)

    def call(self, x):
        for block in self.blocks:
            for layer in block:
                x = layer(x)
        return x


def test_layers_made_in_build():
    model = MadeInBuild()
    model.build((None, 6))
    before = model(X).numpy()
    sos.sparsify(model, prune)
    assert len(sos.masks(model)) == 4
    np.testing.assert_allclose(model(X).numpy(), before, rtol=1e-6)
    train(model)


def test_attributes_with_names_like_keras_own():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self._layers_of_mine = [dense("a")]
            self._metrics_head = dense("b")
            self._functional_part = dense("c")

        def call(self, x):
            return self._functional_part(self._metrics_head(self._layers_of_mine[0](x)))

    model = sos.sparsify(built(Net()), prune)
    assert list(sos.masks(model)) == ["a/kernel", "b/kernel", "c/kernel"]
    train(model)


def test_weights_of_the_model_itself_are_left_dense():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.w = self.add_weight(shape=(6, 6), name="w")
            self.body = dense("body")

        def call(self, x):
            return self.body(x @ self.w)

    model = sos.sparsify(built(Own()), prune)
    assert list(sos.masks(model)) == ["body/kernel"]
    assert [row.path for row in sos.report(model, input_shape=(6,)).layers] == ["w", "body/kernel"]
    train(model)


def test_frozen_layers_of_a_subclassed_model_stay_frozen():
    model = built(Branch())
    model.up.trainable = False
    before = model.up.kernel.numpy()
    with pytest.warns(UserWarning, match=r"Frozen layers are sparse: \['up'\]"):
        sos.sparsify(model, prune)
    assert not model.up.trainable
    train(model)
    np.testing.assert_array_equal(model.up.layer.kernel.numpy(), before)


def test_layers_held_where_they_cannot_be_found_are_an_error():
    class InSet(keras.Model):
        def __init__(self):
            super().__init__()
            self.held = {dense("hidden")}

        def call(self, x):
            return next(iter(self.held))(x)

    model = built(InSet())
    before = model(X).numpy()
    with pytest.raises(ValueError, match=r"`model` must hold its layers in .*\['hidden'\]"):
        sos.sparsify(model, prune)
    np.testing.assert_array_equal(model(X).numpy(), before)


def test_an_unbuilt_subclassed_model_is_refused():
    with pytest.raises(ValueError, match="`model` must be built"):
        sos.sparsify(Branch(), prune)


def test_a_subclassed_model_inside_a_functional_one():
    inputs = keras.Input((6,))
    plain = keras.Model(inputs, dense("head")(Branch(name="branch")(inputs)))
    before = plain(X).numpy()
    sparse = sos.sparsify(plain, prune)
    assert list(sos.masks(sparse)) == ["branch/up/kernel", "branch/down/kernel", "head/kernel"]
    np.testing.assert_allclose(sparse(X).numpy(), before, rtol=1e-6)
    train(sparse)


def test_a_model_with_shared_embeddings():
    class Tied(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = layers.ReversibleEmbedding(7, 6, name="embed")
            self.mix = dense("mix")

        def call(self, ids):
            return self.embed(self.mix(self.embed(ids)), reverse=True)

    ids = np.arange(12).reshape(4, 3) % 7
    model = Tied()
    before = model(ids).numpy()
    sos.sparsify(model, prune)
    assert list(sos.masks(model)) == ["embed/embeddings", "mix/kernel"]
    np.testing.assert_allclose(model(ids).numpy(), before, rtol=1e-5)
    train(model, ids, np.ones((4, 3, 7)))
