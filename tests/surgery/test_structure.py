"""Paths: one name for each kernel, the same before and after surgery, saving and nesting."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.surgery.structure import model_kernels, walk

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def encoder():
    inputs = keras.Input((5, 4))
    x = layers.Dense(4, name="dense")(inputs)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Bidirectional(layers.LSTM(3, name="lstm"), name="both")(x)
    return keras.Model(inputs, x, name="encoder")


def outer():
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.Dense(2, name="head")(encoder()(inputs)), name="outer")


INNER = [
    "dense/kernel",
    *(f"attention/{name}/kernel" for name in ("query", "key", "value", "attention_output")),
    *(f"both/forward_lstm/lstm_cell/{name}" for name in ("kernel", "recurrent_kernel")),
    *(f"both/backward_lstm/lstm_cell/{name}" for name in ("kernel", "recurrent_kernel")),
]
PATHS = [*(f"encoder/{path}" for path in INNER), "head/kernel"]


def paths(model):
    return [kernel.path for kernel in model_kernels(model)]


def test_a_kernel_has_one_path_dense_or_sparse():
    plain = outer()
    assert sorted(paths(plain)) == sorted(PATHS)
    sparse = sos.sparsify(plain, prune)
    assert paths(sparse) == paths(plain)
    assert list(sos.masks(sparse)) == paths(plain)
    assert [row.path for row in sos.report(sparse).layers] == paths(plain)
    assert [row.path for row in sos.report(plain).layers] == paths(plain)
    assert list(sos.distributions.erdos_renyi_kernel(plain, 0.5)) == paths(plain)


def test_paths_survive_saving_stripping_and_nesting(tmp_path):
    sparse = sos.sparsify(outer(), prune)
    sos.UpdateSparsity().update(sparse, 0)
    before = sos.masks(sparse)
    sparse.save(tmp_path / "sparse.keras")
    loaded = keras.saving.load_model(tmp_path / "sparse.keras")
    for path, mask in sos.masks(loaded).items():
        np.testing.assert_array_equal(mask, before[path])
    assert list(sos.masks(loaded)) == list(before)

    stripped = sos.strip(sparse)
    assert paths(stripped) == list(before)
    stripped.save(tmp_path / "plain.keras")
    assert paths(keras.saving.load_model(tmp_path / "plain.keras")) == list(before)

    inputs = keras.Input((5, 4))
    nested = keras.Model(inputs, layers.Dense(3, name="top")(sparse(inputs)))
    assert list(sos.masks(nested)) == [f"outer/{path}" for path in before]
    assert paths(nested)[-1] == "top/kernel"


def test_sparse_layers_of_a_model_and_of_a_wrapper():
    sparse = sos.sparsify(outer(), prune)
    found = sos.sparse_layers(sparse)
    assert list(found) == ["encoder/dense", "encoder/attention", "encoder/both", "head"]
    assert all(type(wrapper) is sos.MagnitudePruning for wrapper in found.values())
    assert sos.sparse_layers(outer()) == {}
    wrapper = prune(layers.Dense(3, name="alone"))
    wrapper.build((None, 4))
    assert sos.sparse_layers(wrapper) == {"alone": wrapper}
    assert list(sos.masks(wrapper)) == ["kernel"]


def test_names_of_the_variables_that_wrappers_add():
    sparse = sos.sparsify(outer(), prune)
    names = {
        path: [v.name for v in wrapper.non_trainable_variables if "mask" in v.name]
        for path, wrapper in sos.sparse_layers(sparse).items()
    }
    assert names["head"] == ["mask"]
    assert sorted(names["encoder/attention"]) == [
        *("attention_output_kernel_mask", "key_kernel_mask"),
        *("query_kernel_mask", "value_kernel_mask"),
    ]
    assert len(set(names["encoder/both"])) == 4
    lstm = prune(layers.LSTM(3))
    lstm.build((None, 5, 4))
    assert [v.name for v in lstm.weights if "mask" in v.name] == [
        *("kernel_mask", "recurrent_kernel_mask")
    ]


@pytest.mark.parametrize(
    ("technique", "name"),
    [
        (lambda layer: sos.VariationalDropout(layer, 0.1), "log_sigma2"),
        (lambda layer: sos.L0Regularization(layer, 0.1), "log_alpha"),
    ],
)
def test_names_of_the_variables_that_learned_techniques_add(technique, name):
    dense, separable = technique(layers.Dense(3)), technique(layers.SeparableConv1D(3, 2))
    dense.build((None, 4))
    separable.build((None, 5, 4))
    assert name in [v.name for v in dense.weights]
    assert {f"depthwise_kernel_{name}", f"pointwise_kernel_{name}"} <= {
        v.name for v in separable.weights
    }


def test_layers_of_one_name_get_different_paths():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.pair = [layers.Dense(3, name="twin"), layers.Dense(3, name="twin")]

        def call(self, x):
            return self.pair[0](x) + self.pair[1](x)

    model = Twins()
    model(np.ones((2, 4)))
    before = paths(model)
    assert len(set(before)) == 2
    sparse = sos.sparsify(model, prune)
    assert list(sos.masks(sparse)) == before


def test_walk_visits_every_layer_once():
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    inner = keras.Sequential([keras.Input((4,)), shared, layers.ReLU(name="relu")], name="inner")
    model = keras.Model(inputs, layers.Add(name="add")([inner(inputs), shared(inputs)]))
    found = [(path, layer.name) for path, layer in walk(model)]
    assert sorted(name for _, name in found) == ["add", "inner", "relu", "shared"]
    assert len(paths(model)) == 1


def test_masks_of_a_model_without_sparse_layers():
    with pytest.raises(ValueError, match=r"`model` has no sparse kernel.*'head'.*sos.sparsify"):
        sos.masks(outer())


def test_masks_are_boolean_and_tell_what_is_present():
    rng = np.random.default_rng(0)
    for technique, name in (
        (prune, "mask"),
        (lambda layer: sos.VariationalDropout(layer, 0.1, threshold=1.0), "log_sigma2"),
        (lambda layer: sos.L0Regularization(layer, 0.1), "log_alpha"),
    ):
        wrapper = technique(layers.Dense(5, name="dense"))
        wrapper.build((None, 4))
        state = next(v for v in wrapper.weights if v.name == name)
        value = rng.random((4, 5)) < 0.5 if name == "mask" else rng.normal(-2.0, 3.0, (4, 5))
        state.assign(value)
        theta = wrapper.layer.kernel.numpy()
        expected = {
            "mask": value,
            "log_sigma2": value - np.log(theta**2 + 1e-8) < 1.0,
            "log_alpha": 16 * value > -np.log(11),
        }[name]
        (mask,) = sos.masks(wrapper).values()
        assert mask.dtype == bool
        np.testing.assert_array_equal(mask, expected)
