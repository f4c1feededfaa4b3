"""Quantization: refused while a model is sparse, and afterwards every zero stays zero."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.quantizers import Int4QuantizationConfig

import state_of_sparsity as sos
from state_of_sparsity.wrapping.quantized_kernels import quantized_kernels
from tests.slow_variants import slow_but

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "fixed": lambda layer: sos.FixedMask(
        layer, np.arange(layer.kernel.numpy().size).reshape(layer.kernel.shape) % 3 > 0
    ),
    "variational": lambda layer: sos.VariationalDropout(layer, 0.1, threshold=-3.0),
    "l0": lambda layer: sos.L0Regularization(layer, 0.1),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method"),
    pytest.mark.filterwarnings("ignore:Invalid quantization mode"),  # embeddings in float8
]


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def network():
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="first"), layers.Dense(4, name="second")]
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(5, name="first"), [layers.Dense(4, name="second")]

    def call(self, x):
        return self.second[0](self.first(x))


def half_sparse():
    return sos.sparsify(network(), [("second", prune)])


def subclassed():
    model = Subclassed()
    model(X)
    return sos.sparsify(model, [("second", prune)])


def nested():
    return keras.Sequential([keras.Input((6,)), layers.Dense(6), half_sparse()])


def state_of(model):
    return [(variable.dtype, variable.numpy().copy()) for variable in model.variables]


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("make", [half_sparse, subclassed, nested])
def test_a_sparse_model_is_refused_before_anything_changes(make, mode):
    model = make()
    before, outputs = state_of(model), np.asarray(model(X))
    for filters in (None, "first", lambda layer: layer.name == "first"):
        with pytest.raises(ValueError, match=r"(?s)must not be quantized.*sos.strip\(model\)"):
            model.quantize(mode, filters=filters)
    for (dtype, value), (same, now) in zip(before, state_of(model), strict=True):
        assert dtype == same
        np.testing.assert_array_equal(now, value)
    np.testing.assert_array_equal(np.asarray(model(X)), outputs)


def test_a_wrapper_is_refused():
    wrapper = half_sparse().get_layer("second")
    with pytest.raises(ValueError, match=r"'second' must not be quantized.*sos.strip\(model\)"):
        wrapper.quantize("int8")


def quantize_int8(layer):
    layer.quantize("int8")


def quantize_int4(layer):
    layer.quantize("int4")


def assign_another(layer):
    layer._tracker.unlock()  # or Keras refuses
    layer._kernel = keras.Variable(layer._kernel.numpy())


def build_again(layer):
    layer._tracker.unlock()
    layer.build((None, 6))


@pytest.mark.parametrize("technique", slow_but(["magnitude"], TECHNIQUES))
@pytest.mark.parametrize("exchange", [quantize_int8, quantize_int4, assign_another, build_again])
def test_a_kernel_exchanged_under_its_wrapper_is_an_error_everywhere(exchange, technique):
    sparse = sos.sparsify(network(), TECHNIQUES[technique])
    updater = sos.UpdateSparsity()
    updater.update(sparse, 0)
    exchange(sparse.get_layer("first").layer)
    uses = [
        lambda: sparse(X),
        lambda: sparse(X, training=True),
        lambda: sos.masks(sparse),
        lambda: sos.report(sparse),
        lambda: sos.strip(sparse),
    ]
    if technique == "magnitude":
        uses += [lambda: updater.update(sparse, 1), lambda: sos.UpdateSparsity().update(sparse, 1)]
    for use in uses:
        with pytest.raises(RuntimeError, match=r"(?s)'first' \(Dense\) no longer.*'kernel'.*strip"):
            use()


def test_the_model_that_shares_its_layers_may_be_quantized_but_not_unnoticed():
    model = network()
    sparse = sos.sparsify(model, prune)
    model.quantize("int8")
    with pytest.raises(RuntimeError, match="no longer holds"):
        sparse(X)


def test_a_training_step_traced_before_the_exchange_does_not_run_on():
    sparse = sos.sparsify(network(), prune)
    sparse.compile("sgd", "mse")
    y = np.zeros((8, 4))
    sparse.fit(X, y, verbose=0, callbacks=[sos.UpdateSparsity()])
    assign_another(sparse.get_layer("second").layer)
    with pytest.raises(RuntimeError, match=r"'second' .* no longer holds"):
        sparse.fit(X, y, verbose=0, callbacks=[sos.UpdateSparsity()])


class Listed(layers.Layer):
    """Its kernels are in a list, and one of them under two names."""

    def build(self, shape):
        self.steps = [self.add_weight(shape=(6, 6), name=f"step_{n}") for n in range(2)]
        self.last = self.steps[1]

    def call(self, x):
        return x @ self.steps[0] @ self.last


@pytest.mark.parametrize("exchanged", ["steps", "last"])
def test_kernels_of_a_layer_of_the_users_own(exchanged):
    wrapper = prune(Listed())
    wrapper(X)
    fresh = keras.Variable(np.ones((6, 6)))
    value = [fresh, wrapper.layer.last] if exchanged == "steps" else fresh
    wrapper.layer._tracker.unlock()
    setattr(wrapper.layer, exchanged, value)
    with pytest.raises(RuntimeError, match="no longer holds"):
        wrapper(X)


def test_a_second_name_of_a_kernel_may_come_to_mean_something_else():
    class Noting(layers.Layer):
        def build(self, shape):
            self.kernel = self.note = self.add_weight(shape=(6, 6), name="kernel")

        def call(self, x):
            self.note = None
            return x @ self.kernel

    wrapper = prune(Noting())
    wrapper(X)
    wrapper(X)


def every_kind():
    words = keras.Input((9,), dtype="int32")
    table = layers.ReversibleEmbedding(11, 7, tie_weights=False, name="table")
    x = layers.Embedding(11, 7, name="words")(words) + table(words)
    x = layers.EinsumDense("abc,cde->abde", output_shape=(9, 3, 5), name="heads")(x)
    x = layers.Dense(7, name="dense")(layers.Reshape((9, 15))(x))
    model = keras.Model(words, table(x, reverse=True))
    sparse = sos.sparsify(model, prune)
    sos.UpdateSparsity().update(sparse, 0)
    return sparse


MODES = {
    "int8": "int8",
    "int4": "int4",
    "int4, a scale a column": Int4QuantizationConfig(block_size=-1),
    "int4, a scale for four": Int4QuantizationConfig(block_size=4),
    "float8": "float8",
}


@pytest.mark.parametrize("mode", slow_but(["int8"], MODES))
def test_strip_then_quantize_keeps_every_zero_and_report_counts_it(mode):
    sparse = every_kind()
    before, masks = sos.report(sparse), sos.masks(sparse)
    plain = sos.strip(sparse)
    config = MODES[mode]
    plain.quantize(config) if isinstance(config, str) else plain.quantize(config=config)
    after = sos.report(plain)

    assert [row.path for row in after.layers] == [row.path for row in before.layers]
    assert (after.size, after.multiply_adds) == (before.size, before.multiply_adds)
    assert after.nonzero <= before.nonzero and after.sparsity >= before.sparsity
    bits = {"i": 8, "f": 32}[mode[0]] if "4" not in mode else 4
    for row, old in zip(after.layers, before.layers, strict=True):
        assert row.shape == old.shape
        assert row.bytes_dense == -(-row.size * bits // 8)
        assert row.bytes_bitmask == -(-row.size // 8) + -(-row.nonzero * bits // 8)
        assert row.bytes_gzip > 0
        assert (row.inputs_left, row.outputs_left) <= (old.inputs_left, old.outputs_left)
    for layer in plain.layers:
        for kernel in quantized_kernels(layer):
            assert not np.any(kernel.values()[~masks[f"{layer.name}/{kernel.name}"]])
    assert ("Quantized to" in str(after)) == (mode != "float8")
    assert sos.report(sos.strip(plain)).nonzero == after.nonzero  # and it can be copied


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("kind", ["dense", "einsum"])
def test_kernels_calibrated_by_gptq(kind, bits):
    if kind == "dense":
        layer = layers.Dense(5, use_bias=False)
    else:
        layer = layers.EinsumDense("ab,bcd->acd", output_shape=(5, 1))
    layer.build((None, 6))
    config = keras.quantizers.GPTQConfig(
        dataset=[], tokenizer=None, weight_bits=bits, group_size=2,
        quantization_layer_structure={"pre_block_layers": [], "sequential_blocks": []},
    )  # fmt: skip
    layer.quantize("gptq", config=config)
    assert quantized_kernels(layer) == []
    rng = np.random.default_rng(0)
    stored, zero = rng.integers(0, 4, (5, 6)), rng.integers(1, 3, (5, 3))
    packed = stored.astype("uint8")
    if bits == 4:
        packed = keras.quantizers.pack_int4(packed, axis=0, dtype="uint8")[0]
    layer.quantized_kernel.assign(packed)
    layer.kernel_zero.assign(zero)
    layer.g_idx.assign(np.arange(6) // 2)
    layer.is_gptq_calibrated = True
    (kernel,) = quantized_kernels(layer)
    expected = np.asarray(layer(np.eye(6, dtype="float32")))
    assert kernel.bits == bits and kernel.shape == expected.shape
    np.testing.assert_array_equal(kernel.values(), expected)
    assert np.any(expected == 0) and np.any(expected != 0)
