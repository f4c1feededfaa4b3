"""Multiply-adds against numbers worked out by hand."""

import keras
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.accounting import report


def of_layer(layer, *shapes):
    """Multiply-adds of each kernel of a layer called on inputs of the given shapes."""
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, layer(*inputs))
    result = report(model)
    assert result.note is None
    return [row.multiply_adds for row in result.layers]


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Dense(5), (7,), [7 * 5]),
        (layers.Dense(5), (3, 4, 7), [3 * 4 * 7 * 5]),
        (layers.EinsumDense("abc,cd->abd", (None, 6)), (4, 5), [4 * 5 * 6]),
        (layers.EinsumDense("...x,xy->...y", 6), (3, 4, 5), [3 * 4 * 5 * 6]),
        (layers.EinsumDense("ab...,bc->ac...", (6, 3, 4)), (5, 3, 4), [3 * 4 * 5 * 6]),
        (layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (4, 5), [4 * 5 * 2 * 3]),
        (layers.EinsumDense("abc,bd->acd", (5, 6)), (4, 5), [5 * 4 * 6]),
        (layers.EinsumDense("abc,bcd->abd", (4, 6)), (4, 5), [4 * 5 * 6]),
        (layers.EinsumDense("abc,bcd->ad", 6), (4, 5), [4 * 5 * 6]),
        (layers.Conv1D(6, 3), (10, 4), [8 * 3 * 4 * 6]),
        (layers.Conv1D(6, 3, padding="causal", dilation_rate=2), (10, 4), [10 * 3 * 4 * 6]),
        (layers.Conv2D(6, 3, strides=2, padding="same"), (7, 9, 4), [4 * 5 * 9 * 4 * 6]),
        (layers.Conv2D(6, (3, 5), dilation_rate=(2, 1)), (9, 9, 4), [5 * 5 * 15 * 4 * 6]),
        (layers.Conv2D(6, 3, groups=2), (5, 5, 4), [3 * 3 * 9 * (4 // 2) * 6]),
        (layers.Conv2D(6, 3, data_format="channels_first"), (4, 7, 9), [5 * 7 * 9 * 4 * 6]),
        (layers.Conv3D(6, 2, padding="same"), (3, 4, 5, 2), [3 * 4 * 5 * 8 * 2 * 6]),
        (layers.Conv1DTranspose(6, 3, strides=2), (10, 4), [10 * 3 * 4 * 6]),
        (layers.Conv2DTranspose(6, 3, strides=2, padding="same"), (4, 5, 3), [20 * 9 * 3 * 6]),
        (layers.Conv3DTranspose(6, 2), (3, 4, 5, 2), [60 * 8 * 2 * 6]),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (10, 4), [8 * 3 * 4 * 2]),
        (layers.DepthwiseConv2D(3, strides=2), (7, 7, 4), [3 * 3 * 9 * 4]),
        (
            layers.SeparableConv1D(6, 3, depth_multiplier=2),
            (10, 4),
            [8 * 3 * 4 * 2, 8 * 8 * 6],
        ),
        (
            layers.SeparableConv2D(6, 3, strides=2, padding="same"),
            (7, 9, 4),
            [4 * 5 * 9 * 4, 4 * 5 * 4 * 6],
        ),
        (layers.Embedding(11, 3), (5,), [0]),
        (layers.SpectralNormalization(layers.Dense(5)), (3, 7), [3 * 7 * 5]),
        (layers.TimeDistributed(layers.Dense(5)), (6, 7), [6 * 7 * 5]),
        (layers.TimeDistributed(layers.Conv2D(5, 3)), (6, 4, 4, 2), [6 * 2 * 2 * 9 * 2 * 5]),
    ],
)
def test_layer(layer, shape, expected):
    assert of_layer(layer, shape) == expected


@pytest.mark.parametrize(
    ("layer", "gates", "directions"),
    [
        (layers.SimpleRNN(5), 1, 1),
        (layers.SimpleRNN(5, unroll=True), 1, 1),
        (layers.GRU(5), 3, 1),
        (layers.Bidirectional(layers.LSTM(5)), 4, 2),
    ],
)
def test_recurrent_layers_count_every_time_step(layer, gates, directions):
    expected = [7 * 3 * 5 * gates, 7 * 5 * 5 * gates] * directions
    assert of_layer(layer, (7, 3)) == expected


def test_stacked_cells_and_a_cell_of_ones_own():
    class Cell(layers.Layer):
        state_size = output_size = 5

        def __init__(self):
            super().__init__()
            self.project = layers.Dense(5)

        def build(self, shape):
            self.project.build((None, shape[-1] + 5))

        def call(self, inputs, states):
            output = self.project(keras.ops.concatenate([inputs, states[0]], axis=-1))
            return output, [output]

    assert of_layer(layers.RNN(Cell()), (7, 3)) == [7 * (3 + 5) * 5]
    stacked = layers.RNN([layers.LSTMCell(4), layers.SimpleRNNCell(2)])
    assert of_layer(stacked, (7, 3)) == [7 * 3 * 16, 7 * 4 * 16, 7 * 4 * 2, 7 * 2 * 2]


def test_a_fused_recurrent_kernel_that_bypasses_its_cell():
    class Fused(layers.LSTM):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            output = initial_state[0] + keras.ops.sum(sequences)
            return output, output, initial_state

    assert of_layer(Fused(5), (7, 3)) == [7 * 3 * 20, 7 * 5 * 20]


def test_conv_lstm():
    # 6 steps; a 3x3 kernel from 2 to 4 gates of 5 channels at 4x4 positions, then from 5.
    layer = layers.ConvLSTM2D(5, 3)
    assert of_layer(layer, (6, 6, 6, 2)) == [6 * 16 * 9 * 2 * 20, 6 * 16 * 9 * 5 * 20]


def test_attention_counts_its_projections():
    target, source, width, heads, size = 4, 6, 5, 2, 3
    one = width * heads * size
    expected = [target * one, source * one, source * one, target * one]
    attention = layers.MultiHeadAttention(heads, size)
    assert sorted(of_layer(attention, (target, width), (source, width))) == sorted(expected)
    grouped = layers.GroupQueryAttention(size, heads, 1)
    expected = [target * one, source * one // 2, source * one // 2, target * one]
    assert sorted(of_layer(grouped, (target, width), (source, width))) == sorted(expected)


@pytest.mark.parametrize("tied", [True, False])
def test_reversible_embedding(tied):
    tokens = keras.Input((5,), dtype="int32")
    embedding = layers.ReversibleEmbedding(11, 3, tie_weights=tied)
    result = report(keras.Model(tokens, embedding(embedding(tokens), reverse=True)))
    expected = [5 * 3 * 11] if tied else [0, 5 * 3 * 11]
    assert [row.multiply_adds for row in result.layers] == expected


def test_calls_of_a_shared_layer_add_up_within_nested_models():
    a, b = keras.Input((4, 7)), keras.Input((6, 7))
    shared = layers.Dense(7)
    inner = keras.Sequential([keras.Input((None, 7)), shared])
    outputs = [inner(a), inner(b), shared(a)]
    assert report(keras.Model([a, b], outputs)).multiply_adds == (4 + 6 + 4) * 49


def test_tied_layers_each_count():
    class Tied(layers.Dense):
        def __init__(self, first):
            super().__init__(3)
            self.kernel_of = [first]

        def build(self, shape):
            self._kernel = self.kernel_of[0].kernel
            self.bias = None
            self.built = True

    first, inputs = layers.Dense(3), keras.Input((4, 3))
    model = keras.Model(inputs, Tied(first)(first(inputs)))
    assert [row.multiply_adds for row in report(model).layers] == [2 * 4 * 3 * 3]


class TwoKernels(layers.Layer):
    def build(self, shape):
        self.first = self.add_weight((shape[-1], 8), name="first")
        self.second = self.add_weight((8, 3), name="second")

    def call(self, x):
        return keras.ops.relu(x @ self.first) @ self.second


class Positions(layers.Layer):
    def build(self, shape):
        self.table = self.add_weight((16, shape[-1]), name="table")

    def call(self, x):
        return x + self.table[: x.shape[1]]


def test_a_users_layer_is_counted_where_its_shapes_tell():
    assert of_layer(TwoKernels(), (4, 7)) == [4 * 7 * 8, 4 * 8 * 3]


def test_an_unknown_use_is_a_question_mark_and_no_failure():
    model = keras.Sequential([keras.Input((4, 7)), Positions(), layers.Dense(3)])
    result = report(model)
    assert [row.multiply_adds for row in result.layers] == [None, 4 * 7 * 3]
    assert result.multiply_adds is None and result.size == 16 * 7 + 7 * 3
    assert "?" in str(result) and "1 kernel (?)" in str(result)


class TwoTowers(keras.Model):
    def __init__(self):
        super().__init__()
        self.image = layers.Conv2D(4, 3)
        self.text = layers.Embedding(10, 4)
        self.mix = [layers.Dense(5), {"head": layers.Dense(2)}]

    def call(self, image, tokens, training=True):
        if training:
            raise AssertionError("the report looks at inference")
        image = keras.ops.mean(self.image(image), axis=(1, 2))
        text = keras.ops.mean(self.text(tokens), axis=1)
        return self.mix[1]["head"](self.mix[0](keras.ops.concatenate([image, text], axis=-1)))


def test_a_subclassed_model_with_several_arguments():
    model = TwoTowers()
    model(keras.ops.ones((2, 6, 6, 3)), keras.ops.ones((2, 7), "int32"), training=False)
    expected = {"Conv2D": 16 * 9 * 3 * 4, "Embedding": 0, "Dense": 8 * 5 + 5 * 2}
    assert "pass `input_shape`" in report(model).note  # Keras records the first shape alone
    for shapes in ([(6, 6, 3), (7,)], {"image": (6, 6, 3), "tokens": (7,)}):
        result = report(model, shapes)
        assert result.multiply_adds == sum(expected.values()), result.note


def test_inputs_by_name_and_in_order():
    a, b = keras.Input((None, 3), name="a"), keras.Input((None, 4), name="b")
    heads = [layers.Dense(5)(a), layers.Dense(6)(b)]
    expected = 2 * 15 + 7 * 24
    for inputs in ([a, b], {"a": a, "b": b}, {"b": b, "a": a}):
        model = keras.Model(inputs, heads)
        assert report(model).multiply_adds is None
        assert "pass `input_shape`" in report(model).note
        assert report(model, {"a": (2, 3), "b": (7, 4)}).multiply_adds == expected
    assert report(keras.Model([a, b], heads), [(2, 3), (7, 4)]).multiply_adds == expected


def test_a_fixed_batch_is_divided_out():
    model = keras.Sequential(
        [keras.Input(batch_shape=(8, 7, 3)), layers.SimpleRNN(5, stateful=True)]
    )
    assert report(model).multiply_adds == 7 * (3 * 5 + 5 * 5)


@pytest.mark.parametrize(
    "shape", [(3,), (1, 8, 8, 3), (8, 8, 4), (8, None, 3), (8, -1, 3), 8, "8,8,3", [(8, 8, 3)] * 2]
)
def test_a_bad_input_shape_is_a_clear_error(shape):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3)])
    with pytest.raises(ValueError, match=r"`input_shape`.*Received"):
        report(model, shape)
    with pytest.raises(ValueError, match="needs one shape for each of the inputs"):
        report(model, {"nobody": (8, 8, 3)})


def test_a_failing_trace_is_a_remark_with_its_reason():
    class Broken(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            raise KeyError("no such thing")

    model = Broken()
    model.dense.build((None, 2))
    model.built = True
    result = report(model, (2,))
    assert result.size == 6 and result.multiply_adds is None
    assert "KeyError" in str(result) and "no such thing" in str(result)


def test_tracing_leaves_the_model_as_it_was():
    model = keras.Sequential([keras.Input((4, 3)), layers.LSTM(5), layers.Dense(2)])
    x = keras.ops.ones((2, 4, 3))
    y = keras.ops.convert_to_numpy(model(x))
    report(model)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
    assert (keras.ops.convert_to_numpy(model(x)) == y).all()


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("ResNet50", (224, 224, 3), 3_857_973_248),  # 3.86 G with the stride in the first 1x1
        ("MobileNet", (224, 224, 3), 568_740_352),  # 569 M in Howard et al., 2017
    ],
)
def test_published_networks(name, shape, expected):
    model = getattr(keras.applications, name)(weights=None, input_shape=shape)
    assert report(model).multiply_adds == expected


def test_lenet_300_100():
    model = keras.Sequential(
        [keras.Input((784,)), layers.Dense(300), layers.Dense(100), layers.Dense(10)]
    )
    assert report(model).multiply_adds == report(model).size == 266_200


def test_steps_of_a_batch_of_fixed_size_count_once_an_example():
    model = keras.Sequential([keras.Input((32, 4), batch_size=16), layers.GRU(8, stateful=True)])
    assert [row.uses for row in report(model).layers] == [32, 32]
    inputs = keras.Input((5, 16, 4), batch_size=2)
    for kind in (layers.GRU, layers.LSTM):
        rows = keras.ops.reshape(inputs, (10, 16, 4))
        model = keras.Model(inputs, kind(8)(rows))
        assert [row.uses for row in report(model).layers] == [5 * 16, 5 * 16]


def test_a_pruned_bias_leaves_the_others_known():
    model = keras.Sequential([keras.Input((8,)), layers.Dense(16, name="a"), layers.Dense(2)])
    half = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    both = lambda layer: sos.MagnitudePruning(layer, half, kernels=("kernel", "bias"))  # noqa: E731
    found = {
        r.path: r.uses for r in report(sos.sparsify(model, [("^a$", both), ("", None)])).layers
    }
    assert found["a/kernel"] == 1 and found["a/bias"] is None
