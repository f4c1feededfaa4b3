"""`fix_masks`: masks by the paths of kernels, in every kind of model, all or nothing."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.surgery.structure import model_kernels
from tests import hub_like_tasks

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
TASKS = ("causal_lm", "text_classifier", "masked_lm", "image_classifier")


def graph():
    inputs = keras.Input((5, 4))
    x = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs)
    x = layers.Bidirectional(layers.GRU(3, name="gru"), name="both")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x), name="graph")


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.first, self.rest = layers.Dense(4, name="first"), [layers.Dense(3, name="second")]

    def call(self, inputs):
        return self.rest[0](self.first(inputs))


def subclassed():
    model = Subclassed()
    model(np.ones((2, 5), "float32"))
    return model


def random_masks(model, share=0.5):
    generator = np.random.default_rng(0)
    return {k.path: generator.uniform(size=k.shape) < share for k in model_kernels(model)}


def weights(model):
    return {k.path: k.variable.numpy() for k in model_kernels(model)}


@pytest.mark.parametrize("make", [graph, subclassed, *(getattr(hub_like_tasks, t) for t in TASKS)])
def test_every_kernel_that_is_named_gets_its_mask_and_keeps_its_weights(make):
    model = make()
    masks, before = random_masks(model), weights(model)
    sparse = sos.fix_masks(model, masks)
    found = sos.masks(sparse)
    assert list(found) == list(before) and len(found) > 1
    for path, mask in masks.items():
        np.testing.assert_array_equal(found[path], mask, err_msg=path)
        np.testing.assert_array_equal(weights(sparse)[path], before[path], err_msg=path)
    stripped = weights(sos.strip(sparse))
    for path, mask in masks.items():
        np.testing.assert_array_equal(stripped[path], np.where(mask, before[path], 0))
    assert all(type(w) is sos.FixedMask for w in sos.sparse_layers(sparse).values())


@pytest.mark.parametrize("make", [graph, subclassed, hub_like_tasks.image_classifier])
def test_kernels_that_are_not_named_stay_dense(make):
    model = make()
    masks = random_masks(model)
    chosen = dict(list(masks.items())[1::2])
    sparse = sos.fix_masks(model, chosen)
    assert list(sos.masks(sparse)) == list(chosen)


def test_one_of_the_kernels_of_a_layer_that_is_wrapped_whole():
    model = graph()
    path = "both/backward_gru/gru_cell/recurrent_kernel"
    sparse = sos.fix_masks(model, {path: random_masks(model)[path]})
    assert list(sos.masks(sparse)) == [path]
    inputs = np.ones((2, 5, 4), "float32")
    np.testing.assert_allclose(sparse(inputs), sos.strip(sparse)(inputs), rtol=1e-5, atol=1e-6)


def test_a_graph_is_rebuilt_and_another_model_is_changed_in_place():
    model, other = graph(), subclassed()
    assert sos.fix_masks(model, random_masks(model)) is not model
    assert not sos.sparse_layers(model)
    assert sos.fix_masks(other, random_masks(other)) is other


def test_masks_of_another_model_that_is_built_alike():
    pruned = sos.sparsify(graph(), lambda layer: sos.MagnitudePruning(layer, HALF))
    sos.UpdateSparsity().update(pruned, 0)
    ticket = sos.fix_masks(graph(), sos.masks(pruned))
    for path, mask in sos.masks(pruned).items():
        assert mask.mean() == pytest.approx(0.5, abs=0.02)
        np.testing.assert_array_equal(sos.masks(ticket)[path], mask)


def test_masks_stay_in_training_and_numbers_will_do(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="dense")])
    sparse = sos.fix_masks(model, {"dense/kernel": [[1, 0], [0, 2], [0.0, -1]]})
    expected = np.array([[1, 0], [0, 1], [0, 1]], bool)
    sparse.compile("adam", "mse")
    sparse.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0, callbacks=[sos.UpdateSparsity()])
    np.testing.assert_array_equal(sos.masks(sparse)["dense/kernel"], expected)
    sparse.save(tmp_path / "ticket.keras")
    loaded = keras.saving.load_model(tmp_path / "ticket.keras")
    np.testing.assert_array_equal(sos.masks(loaded)["dense/kernel"], expected)


def test_a_kernel_without_a_weight_is_warned_of():
    masks = random_masks(subclassed()) | {"second/kernel": np.zeros((4, 3))}
    with pytest.warns(UserWarning, match=r"no weight of \['second/kernel'\]") as warned:
        sparse = sos.fix_masks(subclassed(), masks)
    assert warned[0].filename == __file__ and not sos.masks(sparse)["second/kernel"].any()


def wrong_shape(model):
    return {**random_masks(model), list(random_masks(model))[-1]: np.ones((2, 2), bool)}


WRONG = {
    "must name kernels of .* Received: \\['nowhere/kernel'\\]": lambda model: {
        **random_masks(model),
        "nowhere/kernel": np.ones(3),
    },
    "must name kernels of .* Received: no mask": lambda model: {},
    "must be a dict {kernel path: array}.*type list": lambda model: [("head/kernel", 1)],
    "must have the shape of the kernel": wrong_shape,
    "a number but NaN, where a weight of the layer .* stays": lambda model: {
        path: np.where(mask, np.nan, 0) for path, mask in random_masks(model).items()
    },
}


@pytest.mark.parametrize("message", WRONG)
@pytest.mark.parametrize("make", [graph, subclassed])
def test_what_does_not_fit_leaves_the_model_as_it_was(make, message):
    model = make()
    before, layers_before = weights(model), list(model._flatten_layers())
    with pytest.raises(ValueError, match=message):
        sos.fix_masks(model, WRONG[message](model))
    assert not sos.sparse_layers(model)
    assert [id(layer) for layer in model._flatten_layers()] == [id(la) for la in layers_before]
    for path, kernel in weights(model).items():
        np.testing.assert_array_equal(kernel, before[path])
    assert len(sos.masks(sos.fix_masks(model, random_masks(model)))) == len(before)


def test_a_model_that_is_sparse_or_has_no_weights_or_holds_the_kernel_itself():
    sparse = sos.fix_masks(subclassed(), {"first/kernel": np.ones((5, 4))})
    with pytest.raises(ValueError, match=r"no sparse layers.*\['first'\].*sos\.strip"):
        sos.fix_masks(sparse, {"second/kernel": np.ones((4, 3))})
    with pytest.raises(ValueError, match="must be built before"):
        sos.fix_masks(keras.Sequential([layers.Dense(2)]), {"dense/kernel": np.ones((2, 2))})

    class Own(Subclassed):
        def build(self, input_shape):
            self.own = self.add_weight(name="own", shape=(5, 5))

        def call(self, inputs):
            return super().call(inputs @ self.own)

    model = Own()
    model(np.ones((2, 5), "float32"))
    assert "own" in [kernel.path for kernel in model_kernels(model)]
    with pytest.raises(ValueError, match="which are \\['first/kernel', 'second/kernel'\\]"):
        sos.fix_masks(model, random_masks(model))
    assert not sos.sparse_layers(model)


def test_tables_alone():
    model = hub_like_tasks.causal_lm()
    path = "decoder_backbone/position_embedding/embeddings"
    assert list(sos.masks(sos.fix_masks(model, {path: random_masks(model)[path]}))) == [path]
    words = keras.Sequential(
        [keras.Input((5,)), layers.Embedding(6, 3, name="position_embedding")], name="words"
    )
    assert len(sos.masks(sos.fix_masks(words, random_masks(words)))) == 1


class OwnKernel(layers.Layer):
    """Has a kernel, and a layer inside whose kernel's path ends like it."""

    def build(self, shape):
        self.own = self.add_weight(shape=(4, 4), name="kernel")
        self.dense = layers.Dense(4, name="dense")
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x) @ self.own


def test_a_whole_name_is_no_end_of_another():
    def model():
        return keras.Sequential([keras.Input((4,)), OwnKernel(name="own")])

    fixed = sos.fix_masks(model(), {"own/kernel": np.eye(4)})
    assert {r.path: r.sparsity for r in sos.report(fixed).layers} == {
        "own/kernel": 0.75,
        "own/dense/kernel": 0.0,
    }
    sparse = sos.sparsify(model(), lambda layer: sos.MagnitudePruning(layer, HALF))
    sos.UpdateSparsity().update(sparse, 0)
    masks = sos.masks(sparse)
    assert len(masks) == 2
    for name, mask in sos.masks(sos.freeze(sparse)).items():
        np.testing.assert_array_equal(mask, masks[name])
