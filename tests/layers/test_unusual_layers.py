"""Layers off the beaten track: nested, of other dtypes, of users; the same in every technique."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos

# Beyond the kinds that are promised; test_layer_kinds.py has those, in every run.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:No gate of"),  # nor can one shut in two steps
    pytest.mark.filterwarnings("ignore:Frozen layers are sparse"),  # by LoRA
]

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational": lambda layer: sos.VariationalDropout(layer, kl_weight=1e-3, seed=1),
    "l0": lambda layer: sos.L0Regularization(layer, l0_weight=1e-3, seed=1),
}
register = keras.saving.register_keras_serializable(package="unusual_layers")


@register
class Cell(layers.Layer):
    """A recurrent cell of a user's."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.loop = self.add_weight(shape=(self.units, self.units), name="loop")

    def call(self, inputs, states):
        outputs = ops.tanh(inputs @ self.kernel + states[0] @ self.loop)
        return outputs, [outputs]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class Halved(layers.Wrapper):
    """A wrapper of a user's."""

    def call(self, inputs):
        return 0.5 * self.layer(inputs)


@register
class Repeated(layers.Layer):
    """Uses its kernel in every turn of a loop of the graph."""

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], shape[-1]), name="w")

    def call(self, inputs):
        return ops.fori_loop(0, 3, lambda _, x: ops.tanh(ops.matmul(x, self.w)), inputs)


@register
class Shifted(layers.Dense):
    """A subclass of a Keras layer that computes something else."""

    def call(self, inputs, training=None):
        return super().call(inputs) + 1.0


@register
class Mixture(layers.Layer):
    """Experts in a list, and a router."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.experts = [layers.Dense(4, name=f"expert_{i}") for i in range(2)]
        self.router = layers.Dense(2, "softmax", name="router")

    def build(self, shape):
        for layer in [*self.experts, self.router]:
            layer.build(shape)

    def call(self, inputs):
        shares = self.router(inputs)
        return sum(shares[:, i : i + 1] * e(inputs) for i, e in enumerate(self.experts))


@register
class Encoder(layers.Layer):
    """A transformer block as the Keras examples write it, with a Sequential inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.norm = layers.LayerNormalization(name="norm")
        self.feed_forward = keras.Sequential(
            [layers.Dense(8, "relu", name="in"), layers.Dense(4, name="out")], name="ffn"
        )

    def build(self, shape):
        self.attention.build(shape, shape)
        self.norm.build(shape)
        self.feed_forward.build(shape)

    def call(self, inputs, training=None):
        x = self.norm(inputs + self.attention(inputs, inputs, training=training))
        return x + self.feed_forward(x)


def lora():
    inputs = keras.Input((4,))
    layer = layers.Dense(3, name="layer")
    model = keras.Model(inputs, layer(inputs))
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    return model


def model_of(shape, make):
    inputs = keras.Input(shape)
    return keras.Model(inputs, make()(inputs))


def two_ways():
    back = layers.LSTM(3, go_backwards=True, name="back")
    return layers.Bidirectional(layers.GRU(3, name="on"), "sum", backward_layer=back)


def twice(layer):
    return layers.TimeDistributed(layers.TimeDistributed(layer))


def dense_of(dtype):
    return lambda: model_of((4,), lambda: layers.Dense(3, "relu", dtype=dtype))


KINDS = {
    "rnn_of_a_users_cell": lambda: model_of((4, 3), lambda: layers.RNN(Cell(5, name="cell"))),
    "two_ways": lambda: model_of((4, 3), two_ways),
    "conv_lstm1d": lambda: model_of((3, 5, 2), lambda: layers.ConvLSTM1D(2, 2)),
    "distributed_twice": lambda: model_of((2, 3, 4), lambda: twice(layers.Dense(2))),
    "distributed_lstm": lambda: model_of((2, 3, 4), lambda: layers.TimeDistributed(layers.GRU(2))),
    "normalized_conv": lambda: model_of(
        (5, 5, 2), lambda: layers.SpectralNormalization(layers.Conv2D(3, 2))
    ),
    "wrapper_of_a_user": lambda: model_of((4,), lambda: Halved(layers.Dense(3))),
    "loop": lambda: model_of((4,), Repeated),
    "subclass_of_dense": lambda: model_of((4,), lambda: Shifted(3)),
    "mixture": lambda: model_of((4,), Mixture),
    "encoder": lambda: model_of((5, 4), Encoder),
    "channels_first": lambda: model_of(
        (2, 5, 5), lambda: layers.DepthwiseConv2D(2, data_format="channels_first")
    ),
    "constraint": lambda: model_of((4,), lambda: layers.Dense(3, kernel_constraint="max_norm")),
    "dense_lora": lora,
    "dense_float64": dense_of("float64"),
    "dense_bfloat16": dense_of("bfloat16"),
    "dense_float16": dense_of("float16"),
    "lstm_float64": lambda: model_of((4, 3), lambda: layers.LSTM(3, dtype="float64")),
    "conv_bfloat16": lambda: model_of((5, 5, 2), lambda: layers.Conv2D(3, 2, dtype="bfloat16")),
}


def run(model, inputs):
    return ops.convert_to_numpy(ops.cast(model(inputs), "float32"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_from_surgery_to_strip(kind, technique, tmp_path):
    plain = KINDS[kind]()
    inputs = np.random.default_rng(0).normal(size=(4, *plain.input_shape[1:])).astype("float32")
    before = run(plain, inputs)
    sparse = sos.sparsify(plain, TECHNIQUES[technique], whole_blocks=True)
    assert len(sos.sparse_layers(sparse)) == 1 and "/" not in next(iter(sos.sparse_layers(sparse)))
    assert sos.sparse_layers(plain) == {}  # a Functional model is left as it was
    if technique == "magnitude":
        np.testing.assert_array_equal(run(sparse, inputs), before)
    sparse.compile("sgd", "mse", run_eagerly=True)
    sparse.fit(
        inputs, np.ones_like(before), batch_size=2, verbose=0, callbacks=[sos.UpdateSparsity()]
    )
    outputs = run(sparse, inputs)
    assert np.isfinite(outputs).all() and np.abs(outputs - before).max() > 0
    masks = sos.masks(sparse)
    if technique == "magnitude":
        assert all(np.count_nonzero(~m) == round(0.5 * m.size) for m in masks.values())
    stripped = sos.strip(sparse)
    np.testing.assert_allclose(run(stripped, inputs), outputs, rtol=1e-5, atol=1e-6)
    if kind == "dense_lora":
        return  # when it saves, Keras merges LoRA into the kernel, and the mask then covers both
    sparse.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(run(loaded, inputs), outputs, rtol=1e-5, atol=1e-6)
    assert list(sos.masks(loaded)) == list(masks)
