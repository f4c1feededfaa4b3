"""A user's own layers in the wrappers: which weights are kernels, and that all they do is kept."""

import pickle

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos
from state_of_sparsity.wrapping.kernels import find_kernels

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def prune(layer, **kwargs):
    return sos.MagnitudePruning(layer, HALF, **kwargs)


def names(layer):
    return [kernel.name for kernel in find_kernels(layer)]


def set_mask(wrapper, mask):
    (kernel,) = wrapper.sparse_kernels
    wrapper.mask(kernel).assign(mask)


@keras.saving.register_keras_serializable(package="user_layers")
class Bilinear(layers.Layer):
    """Two kernels, one without a name; weights that look like kernels and are none."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 3), name="w")
        self.second = self.add_weight(shape=(3, 2))
        self.offset = self.add_weight(shape=(2,), name="offset")
        self.row_bias = self.add_weight(shape=(1, 2), name="row_bias")
        self.count = self.add_weight(shape=(2, 2), name="count", trainable=False)
        self.steps = self.add_weight(shape=(2, 2), dtype="int32", name="steps", trainable=False)

    def call(self, inputs):
        return ops.matmul(ops.matmul(inputs, self.w), self.second) + self.offset + self.row_bias


@keras.saving.register_keras_serializable(package="user_layers")
class ManyKernels(layers.Layer):
    """Weights without names in a list and in a dict."""

    def build(self, shape):
        self.steps = [self.add_weight(shape=(shape[-1], shape[-1])) for _ in range(2)]
        self.heads = {"a": self.add_weight(shape=(shape[-1], 2))}

    def call(self, inputs):
        for kernel in self.steps:
            inputs = ops.matmul(inputs, kernel)
        return ops.matmul(inputs, self.heads["a"])


@keras.saving.register_keras_serializable(package="user_layers")
class Block(layers.Layer):
    """Layers inside, and no `build`: Keras builds it by calling it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(5, "relu", name="first")
        self.norm = layers.BatchNormalization(name="norm")
        self.second = layers.Dense(6, name="second")

    def call(self, inputs, training=None):
        return inputs + self.second(self.norm(self.first(inputs), training=training))


@keras.saving.register_keras_serializable(package="user_layers")
class BuiltBlock(Block):
    """The same with a `build`."""

    def build(self, shape):
        self.first.build(shape)
        self.norm.build((*shape[:-1], 5))
        self.second.build((*shape[:-1], 5))


@keras.saving.register_keras_serializable(package="user_layers")
class Busy(layers.Layer):
    """Counts its calls, adds a loss, notes `training`, and takes and returns structures."""

    def build(self, shape):
        self.w = self.add_weight(shape=(6, 3), name="w")
        self.calls = self.add_weight(shape=(), name="calls", trainable=False, initializer="zeros")
        self.modes = []

    def call(self, inputs, factors=None, *, negate=False, training=False):
        self.calls.assign(self.calls + 1)
        self.modes.append(training)
        outputs = ops.matmul(inputs["x"], self.w) * (1.0 if factors is None else factors[0])
        self.add_loss(ops.sum(self.w))
        return {"out": -outputs if negate else outputs, "in": inputs["x"]}


def model_of(layer, shape=(6,)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


def test_kernels_of_a_users_layer():
    layer = Bilinear()
    layer.build((None, 6))
    assert names(layer) == ["w", "second"]


def test_unnamed_weights_in_containers_have_stable_names(tmp_path):
    first, second = (sos.sparsify(model_of(ManyKernels(name="m")), prune) for _ in range(2))
    paths = list(sos.masks(first))
    assert len(set(paths)) == 3
    assert list(sos.masks(second)) == paths
    first.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert list(sos.masks(loaded)) == paths


@pytest.mark.parametrize("chosen", ["w", "second"])
def test_named_kernels_alone_are_sparse(chosen, tmp_path):
    model = model_of(prune(Bilinear(name="layer"), kernels=(chosen,)))
    model.compile("sgd", "mse")
    model.fit(X, np.ones((4, 2)), verbose=0, callbacks=[sos.UpdateSparsity()])
    (path,) = sos.masks(model)
    assert path == f"layer/{chosen}"
    layer = model.get_layer("layer").layer
    w, second = layer.w.numpy(), layer.second.numpy()
    values = {"w": w, "second": second}
    value = values[chosen]
    order = np.argsort(np.abs(value).ravel())
    value.ravel()[order[: round(0.5 * value.size)]] = 0
    expected = X @ w @ second + layer.offset.numpy() + layer.row_bias.numpy()
    np.testing.assert_allclose(model(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert list(sos.masks(loaded)) == [path]


def test_names_reach_weights_that_the_rule_leaves_out():
    wrapper = prune(layers.PReLU(), kernels=("alpha",))
    wrapper.build((None, 5, 3))
    assert [kernel.name for kernel in wrapper.sparse_kernels] == ["alpha"]


def test_names_of_inner_kernels():
    wrapper = prune(layers.MultiHeadAttention(2, 3), kernels=("query/kernel", "value/kernel"))
    wrapper(np.ones((2, 5, 4)), np.ones((2, 5, 4)))
    assert [kernel.name for kernel in wrapper.sparse_kernels] == ["query/kernel", "value/kernel"]


@pytest.mark.parametrize("built", [True, False])
def test_a_wrong_name_is_an_error_that_shows_the_names(built):
    layer = Bilinear()
    if built:
        layer.build((None, 6))
    with pytest.raises(ValueError, match=r"`kernels`.*'kernel'.*\['w', 'second', 'offset'"):
        prune(layer, kernels=("kernel",))(X)


def test_a_string_of_names_is_taken_whole_or_refused():
    layer = layers.Dense(3)
    layer.build((None, 6))
    try:
        wrapper = prune(layer, kernels="kernel")
    except ValueError as error:
        assert "Received: 'kernel'" in str(error)
    else:
        assert [kernel.name for kernel in wrapper.sparse_kernels] == ["kernel"]


def test_weights_that_are_no_kernels():
    lora = layers.Dense(3)
    lora.build((None, 6))
    lora.enable_lora(2)
    assert names(lora) == ["kernel"]
    quantized = layers.Dense(3)
    quantized.build((None, 6))
    quantized.quantize("int8")
    assert names(quantized) == []
    for layer in (
        layers.LayerNormalization(axis=(1, 2)),
        layers.RMSNormalization(axis=(1, 2)),
        layers.GroupNormalization(1),
        layers.BatchNormalization(),
        layers.PReLU(),
        layers.STFTSpectrogram("log", frame_length=4, frame_step=2, fft_length=4),
    ):
        layer.build((None, 4, 6))
        assert layer.weights and names(layer) == []


def test_a_frozen_layer_has_its_kernels():
    layer = layers.Dense(3, trainable=False)
    layer.build((None, 6))
    assert names(layer) == ["kernel"]


@pytest.mark.parametrize("kind", [Block, BuiltBlock])
def test_a_composite_layer_is_wrapped_whole(kind, tmp_path):
    plain = model_of(kind(name="block"))
    sparse = sos.sparsify(plain, prune, whole_blocks=True)
    assert list(sos.sparse_layers(sparse)) == ["block"]
    assert list(sos.masks(sparse)) == ["block/first/kernel", "block/second/kernel"]
    sparse.compile("sgd", "mse")
    sparse.fit(X, X, verbose=0, callbacks=[sos.UpdateSparsity()])
    outputs = sparse(X).numpy()
    block = plain.get_layer("block")
    moving_mean = block.norm.moving_mean.numpy()
    assert np.abs(moving_mean).max() > 0  # the statistics inside were updated
    for dense in (block.first, block.second):  # zeros written in, in place, by hand
        values = dense.kernel.numpy()
        order = np.argsort(np.abs(values).ravel(), kind="stable")
        values.ravel()[order[: values.size // 2]] = 0
        dense.kernel.assign(values)
    np.testing.assert_allclose(plain(X).numpy(), outputs, rtol=1e-5, atol=1e-6)
    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X).numpy(), outputs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sos.strip(sparse)(X).numpy(), outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [Block, BuiltBlock])
def test_a_composite_layer_used_directly(kind):
    wrapper = prune(kind(name="block"))
    outputs = wrapper(X)
    assert list(sos.masks(wrapper)) == ["first/kernel", "second/kernel"]
    np.testing.assert_allclose(outputs.numpy(), wrapper.layer(X).numpy(), rtol=1e-6)
    assert {v.name for v in wrapper.weights if "mask" in v.name} == {
        "first_kernel_mask",
        "second_kernel_mask",
    }


@pytest.mark.parametrize(
    "technique",
    [
        prune,
        lambda layer: sos.VariationalDropout(layer, 0.0, seed=0),
        lambda layer: sos.L0Regularization(layer, 0.0, seed=0),
    ],
)
def test_signature_state_and_losses_of_a_layer_are_kept(technique):
    layer = Busy()
    wrapper = technique(layer)
    outputs = wrapper({"x": X}, factors=[2.0], negate=True)
    (kernel,) = wrapper.sparse_kernels
    value = wrapper.evaluation_kernel(kernel)
    np.testing.assert_allclose(outputs["out"].numpy(), -2 * X @ value, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(outputs["in"].numpy(), X)
    wrapper({"x": X}, factors=[1.0], training=True)
    assert layer.calls.numpy() == 2
    assert layer.modes == [False, True]
    assert len(wrapper.losses) >= 1


def test_an_added_loss_is_of_the_effective_kernel():
    wrapper = prune(Busy())
    wrapper({"x": X})
    mask = np.random.default_rng(1).random((6, 3)) < 0.5
    set_mask(wrapper, mask)
    wrapper({"x": X})
    expected = np.sum(wrapper.layer.w.numpy() * mask)
    np.testing.assert_allclose(sum(wrapper.losses).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_activity_and_kernel_regularizers_count_once():
    layer = layers.Dense(3, kernel_regularizer="l2", activity_regularizer="l1")
    model = model_of(prune(layer))
    model(X)
    plain_kernel = layer.kernel.numpy()
    expected = 0.01 * np.sum(plain_kernel**2) + 0.01 * np.sum(np.abs(X @ plain_kernel)) / len(X)
    np.testing.assert_allclose(sum(model.losses).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "layer", [layers.ReLU(), layers.Dropout(0.5), layers.BatchNormalization(), layers.PReLU()]
)
def test_a_layer_without_a_kernel_passes_through(layer, tmp_path):
    layer = type(layer).from_config(layer.get_config())
    inputs = keras.Input((6,))
    hidden = prune(layer)(inputs)
    model = keras.Model(inputs, prune(layers.Dense(2, name="dense"))(hidden))
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, np.ones((4, 2)), verbose=0, callbacks=[sos.UpdateSparsity()])
    assert list(sos.masks(model)) == ["dense/kernel"]
    kernel = model.get_layer("dense").evaluation_kernel(model.get_layer("dense").sparse_kernels[0])
    expected = layer(X, training=False).numpy() if isinstance(layer, layers.Dropout) else layer(X)
    expected = np.asarray(expected) @ kernel + model.get_layer("dense").layer.bias.numpy()
    np.testing.assert_allclose(model(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_stateful_layer_carries_its_state_on():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 2, 3, 4)).astype("float32")
    layer = layers.LSTM(3, stateful=True)
    layer.build((2, 3, 4))
    wrapper = prune(layer)
    for kernel in wrapper.sparse_kernels:
        wrapper.mask(kernel).assign(rng.random(kernel.variable.shape) < 0.5)
    outputs = [wrapper(first).numpy(), wrapper(second).numpy(), wrapper(second).numpy()]
    oracle = layers.LSTM(3)
    oracle.build((2, 3, 4))
    oracle.set_weights(layer.get_weights())
    oracle.cell.kernel.assign(wrapper.evaluation_kernel(wrapper.sparse_kernels[0]))
    oracle.cell.recurrent_kernel.assign(wrapper.evaluation_kernel(wrapper.sparse_kernels[1]))
    for i, sequence in enumerate([[first], [first, second], [first, second, second]]):
        expected = oracle(np.concatenate(sequence, axis=1)).numpy()
        np.testing.assert_allclose(outputs[i], expected, rtol=1e-5, atol=1e-6)


def test_masks_of_the_inputs_pass_through_wrappers():
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [1, 2, 3, 4]])
    inputs = keras.Input((4,), dtype="int32")
    embedded = prune(layers.Embedding(5, 3, mask_zero=True))(inputs)
    model = keras.Model(inputs, prune(layers.LSTM(2))(embedded))
    long = model(ids).numpy()
    for row, length in ((0, 2), (1, 1), (2, 4)):
        alone = model(np.concatenate([ids[row : row + 1, :length], np.zeros((1, 4 - length))], 1))
        np.testing.assert_allclose(long[row], alone[0].numpy(), rtol=1e-5)
    # padding has no influence: other padded positions give the same
    plain = model.layers[2].layer
    embedding = model.layers[1].layer.embeddings.numpy()
    np.testing.assert_allclose(
        long[0], plain(embedding[ids[:1, :2]]).numpy()[0], rtol=1e-5, atol=1e-6
    )


def test_a_wrapper_inside_time_distributed(tmp_path):
    model = model_of(layers.TimeDistributed(prune(layers.Dense(2, name="d")), name="t"), (3, 6))
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.random.default_rng(0).normal(size=(4, 3, 6)).astype("float32")
    model.fit(x, np.ones((4, 3, 2)), verbose=0, callbacks=[sos.UpdateSparsity()])
    assert {path: int((~mask).sum()) for path, mask in sos.masks(model).items()} == {
        "t/d/kernel": 6
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x).numpy(), model(x).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("dense", "`layer` must be a Keras layer"),
        (lambda: prune(layers.Dense(1)), "must not be sparse already"),
        (lambda: layers.TimeDistributed(prune(layers.Dense(1))), "must not be sparse already"),
        (lambda: keras.Sequential([layers.Dense(1)]), "not a whole model"),
    ],
)
def test_what_cannot_be_wrapped(layer, message):
    layer = layer() if callable(layer) else layer
    with pytest.raises(ValueError, match=message):
        prune(layer)


def test_a_sparse_model_can_be_pickled():
    model = model_of(prune(layers.Dense(3)))
    set_mask(model.layers[1], np.arange(18).reshape(6, 3) % 2 == 0)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(copy(X).numpy(), model(X).numpy(), rtol=1e-6)
