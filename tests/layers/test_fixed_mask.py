"""Masks given once: taken as they are, kept as they are, refused if they do not fit."""

import json
import zipfile

import keras
import numpy as np
import pytest

import state_of_sparsity as sos

MASK = np.array([[1, 0, 1], [0, 0, 1]], bool)


def sparse_model(wrapper, features=2):
    model = keras.Sequential([keras.Input((features,)), wrapper])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


@pytest.mark.parametrize(
    "given",
    [MASK, MASK.tolist(), MASK.astype("int64"), MASK * -0.5, {"kernel": MASK}],
    ids=["array", "list", "integers", "floats", "dict"],
)
def test_every_form_of_a_mask(given):
    model = sparse_model(sos.FixedMask(keras.layers.Dense(3, name="dense"), given))
    np.testing.assert_array_equal(sos.masks(model)["dense/kernel"], MASK)
    kernel = model.layers[0].layer.kernel.numpy()
    assert (kernel != 0).all()
    outputs = model.predict_on_batch(np.eye(2, dtype="float32"))
    np.testing.assert_array_equal(outputs, np.where(MASK, kernel, 0))


def test_around_a_layer_that_is_built():
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    wrapper = sos.FixedMask(layer, MASK)
    np.testing.assert_array_equal(wrapper.present(wrapper.sparse_kernels[0]), MASK)


def test_training_leaves_the_mask_and_what_it_covers():
    model = sparse_model(sos.FixedMask(keras.layers.Dense(3, name="dense"), MASK))
    layer = model.layers[0].layer
    before = layer.kernel.numpy()
    x, y = np.random.default_rng(0).normal(size=(2, 8, 3)).astype("float32")
    model.fit(x[:, :2], y, epochs=3, verbose=0)  # no callback, no error
    np.testing.assert_array_equal(sos.masks(model)["dense/kernel"], MASK)
    np.testing.assert_array_equal(layer.kernel.numpy() == before, ~MASK)


def test_several_kernels_by_the_shortest_name():
    masks = {"recurrent_kernel": np.eye(4), "kernel": np.ones((2, 4))}
    layer = keras.layers.SimpleRNN(4, name="rnn")
    wrapper = sos.FixedMask(layer, masks)
    wrapper.build((None, 5, 2))
    found = {kernel.variable.name: wrapper.present(kernel) for kernel in wrapper.sparse_kernels}
    np.testing.assert_array_equal(found["recurrent_kernel"], np.eye(4, dtype=bool))
    np.testing.assert_array_equal(found["kernel"], np.ones((2, 4), bool))


def test_attention_by_projection():
    names = ("query", "key", "value", "attention_output")
    shapes = dict.fromkeys(names, (4, 2, 3)) | {"attention_output": (2, 3, 4)}
    rng = np.random.default_rng(0)
    masks = {f"{name}/kernel": rng.random(shapes[name]) < 0.5 for name in names}
    layer = keras.layers.MultiHeadAttention(2, 3, name="attention")
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, sos.FixedMask(layer, masks)(inputs, inputs))
    found = sos.masks(model)
    assert set(found) == {f"attention/{name}" for name in masks}
    for name, mask in masks.items():
        np.testing.assert_array_equal(found[f"attention/{name}"], mask)


@pytest.mark.parametrize("shape", [(1,), (3, 3), (5, 13), (2, 1, 7), (8, 8)])
def test_the_configuration_of_a_layer_that_is_not_built_keeps_the_mask(shape):
    mask = np.random.default_rng(0).random(shape) < 0.5
    wrapper = sos.FixedMask(keras.layers.Dense(3), mask)
    config = json.loads(json.dumps(wrapper.get_config()))
    again = sos.FixedMask.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    (kept,) = again.given_masks.values()
    np.testing.assert_array_equal(kept, mask)


def test_a_file_holds_the_mask_once(tmp_path):
    mask = np.random.default_rng(0).random((40, 50)) < 0.5
    model = sparse_model(sos.FixedMask(keras.layers.Dense(50, name="dense"), mask), 40)
    wrapper = model.layers[0]
    assert wrapper.given_masks is None
    model.save(tmp_path / "model.keras")
    config = zipfile.ZipFile(tmp_path / "model.keras").read("config.json")
    assert len(config) < 8000 and b"bits" not in config
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(sos.masks(loaded)["dense/kernel"], mask)


@pytest.mark.parametrize(
    "copied",
    [
        keras.models.clone_model,
        lambda model: keras.models.model_from_json(model.to_json()),
        lambda model: keras.Sequential.from_config(model.get_config()),
    ],
    ids=["clone_model", "to_json", "from_config"],
)
def test_a_copy_without_weights_has_the_mask(copied):
    mask = np.random.default_rng(0).random((4, 3)) < 0.5
    model = sparse_model(sos.FixedMask(keras.layers.Dense(3, name="dense"), mask), 4)
    np.testing.assert_array_equal(sos.masks(copied(model))["dense/kernel"], mask)


@pytest.mark.parametrize("built", [True, False])
def test_a_mask_of_the_wrong_shape(built):
    layer = keras.layers.Dense(3, name="my_layer")
    if built:
        layer.build((None, 2))
    with pytest.raises(ValueError, match=r"`mask`.*'my_layer'.*\(2, 3\).*Received.*\(3, 2\)"):
        sos.FixedMask(layer, MASK.T).build((None, 2))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"kernel": np.ones((2, 4))}, r"one mask for each kernel.*recurrent_kernel"),
        (np.ones((2, 4)), r"one mask for each kernel"),
        (
            {"kernel": np.ones((2, 4)), "recurrent_kernel": np.ones((4, 4)), "kernal": [[1]]},
            r"must name kernels.*recurrent_kernel.*Received: \['kernal'\]",
        ),
    ],
    ids=["one missing", "no names", "one too many"],
)
def test_masks_that_do_not_match_the_kernels(masks, message):
    with pytest.raises(ValueError, match=message):
        sos.FixedMask(keras.layers.SimpleRNN(4), masks).build((None, 5, 2))


def test_a_mask_for_some_kernels_only():
    layer = keras.layers.SimpleRNN(4)
    wrapper = sos.FixedMask(layer, np.eye(4), kernels=("recurrent_kernel",))
    wrapper.build((None, 5, 2))
    assert [kernel.variable.name for kernel in wrapper.sparse_kernels] == ["recurrent_kernel"]
