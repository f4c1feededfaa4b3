"""The Transformer as a whole: numbers of weights, names, and what its logits depend on."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.models.transformer import transformer, transformer_base, transformer_big
from tests.models import transformer_in_numpy
from tests.models.small_transformer import SENTENCES, SOURCE, TARGET, small_transformer

IS_WORD = TARGET != 0


@pytest.fixture(scope="module")
def small():
    return small_transformer(num_layers=2)


def logits(model, source=SOURCE, target=TARGET):
    return np.asarray(model({"source": source, "target": target}))


def kernel_names(layers):
    names = ["shared_embedding/embeddings"]
    for stack, kinds in (("encoder", ("self",)), ("decoder", ("self", "cross"))):
        for number in range(1, layers + 1):
            for kind in kinds:
                for matrix in ("query", "key", "value", "output"):
                    names.append(f"{stack}_{number}_{kind}_attention_{matrix}/kernel")
            for matrix in ("hidden", "output"):
                names.append(f"{stack}_{number}_feed_forward_{matrix}/kernel")
    return names


def test_base_has_the_weights_of_the_study():
    model = transformer_base(vocabulary_size=33_288)
    report = sos.report(model)
    assert report.size == 61_083_648
    assert sorted(row.path for row in report.layers) == sorted(kernel_names(6))
    attention = [row for row in report.layers if "attention" in row.path]
    feed_forward = [row for row in report.layers if "feed_forward" in row.path]
    assert (len(attention), len(feed_forward), len(report.layers)) == (72, 24, 97)
    assert {row.shape for row in attention} == {(512, 512)}
    assert {row.shape for row in feed_forward} == {(512, 2048), (2048, 512)}
    # Beside them: 12 pairs of feed-forward biases, and 5 x 6 + 2 normalizations.
    assert model.count_params() == 61_083_648 + 12 * (2048 + 512) + 32 * 2 * 512
    assert model.name == "transformer_base"
    schedule = sos.schedules.ConstantSparsity(0.9, begin_step=0)
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    masks = [w for w in sparse.non_trainable_weights if w.name == "mask"]
    assert sum(int(np.prod(mask.shape)) for mask in masks) == 61_083_648


@pytest.mark.slow
def test_big_has_the_published_sizes():
    model = transformer_big(vocabulary_size=1000)
    assert sos.report(model).size == 72 * 1024**2 + 24 * 1024 * 4096 + 1000 * 1024
    assert model.get_layer("encoder_6_self_attention").num_heads == 16
    assert model.get_layer("decoder_1_feed_forward_dropout").rate == 0.3
    assert model.get_layer("decoder_1_feed_forward_hidden_dropout").rate == 0.1


def test_logits_equal_the_statement_in_numpy(small):
    weights = {layer.name: layer.get_weights() for layer in small.layers}
    outputs = logits(small)
    assert outputs.dtype == np.float32
    for row, source, target in zip(outputs, SOURCE.tolist(), TARGET.tolist(), strict=True):
        expected = transformer_in_numpy.logits(weights, 2, source, target)
        assert np.ptp(expected) > 1
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_padding_changes_nothing(small):
    source, target = (np.pad(ids, ((0, 2), (0, 3))) for ids in (SOURCE, TARGET))
    padded = logits(small, source, target)
    assert padded.shape == (5, 7, 11) and np.isfinite(padded).all()
    np.testing.assert_allclose(padded[:3, :4][IS_WORD], logits(small)[IS_WORD], atol=1e-5)


def test_positions_of_padding_can_be_left_out_of_the_loss():
    model = small_transformer(random=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    model.compile("sgd", loss)
    source, target = (np.pad(ids, ((0, 2), (0, 3))) for ids in (SOURCE, TARGET))
    losses = [
        model.test_on_batch({"source": x, "target": y}, y, sample_weight=(y != 0).astype("float32"))
        for x, y in ((SOURCE, TARGET), (source, target))
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize("other", [2, 0])  # 0: that the token is missing must not show either
def test_logits_depend_on_the_words_before_alone(small, other):
    before = logits(small)
    for position in range(TARGET.shape[1]):
        changed = TARGET.copy()
        changed[:, position] = np.where(TARGET[:, position] == other, 3, other)
        after = logits(small, target=changed)
        np.testing.assert_array_equal(after[:, : position + 1], before[:, : position + 1])
        later = np.abs(after - before)[:, position + 1 :].max(axis=2)
        assert (later > 1e-4).all()


def test_logits_depend_on_every_token_of_the_source(small):
    before = logits(small)
    for position in range(SOURCE.shape[1]):
        source = SOURCE.copy()
        source[:, position] = np.where(SOURCE[:, position] > 0, 10, 0)
        changed = np.abs(logits(small, source) - before).max(axis=2) > 1e-4
        np.testing.assert_array_equal(changed.all(axis=1), SOURCE[:, position] > 0)


def test_sentences_of_any_length_and_number(small):
    assert logits(small, SOURCE[:1, :3], TARGET[:1, :2]).shape == (1, 2, 11)


def test_evaluation_is_deterministic_and_training_is_not():
    model = small_transformer()
    evaluations = [np.asarray(model(SENTENCES, training=False)) for _ in range(2)]
    np.testing.assert_array_equal(*evaluations)
    trained = [np.asarray(model(SENTENCES, training=True)) for _ in range(2)]
    assert np.abs(trained[0] - trained[1]).max() > 1e-3
    assert np.abs(trained[0] - evaluations[0]).max() > 1e-3


RATES = ("prepostprocess_dropout", "attention_dropout", "relu_dropout")


@pytest.mark.parametrize("active", [*RATES, None])
def test_each_dropout_acts_in_training_alone(active):
    model = small_transformer(**{rate: 0.5 if rate == active else 0 for rate in RATES})
    evaluation, training = (np.asarray(model(SENTENCES, training=x)) for x in (False, True))
    assert (np.abs(training - evaluation).max() > 1e-3) == (active is not None)


def source_of(tensor):
    return tensor._keras_history.operation.name


def test_where_dropout_stands():
    model = small_transformer(
        prepostprocess_dropout=0.5, attention_dropout=0.25, relu_dropout=0.125
    )
    places = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            places[layer.name] = (source_of(layer.input), layer.rate)
    expected = {f"{x}_dropout": (f"{x}_positions", 0.5) for x in ("encoder", "decoder")}
    for name in ("encoder_1", "decoder_1"):
        hidden = f"{name}_feed_forward_hidden"
        expected[f"{hidden}_dropout"] = (hidden, 0.125)
    sub_layers = ("self_attention", "feed_forward", "cross_attention")
    for name in [f"encoder_1_{x}" for x in sub_layers[:2]] + [f"decoder_1_{x}" for x in sub_layers]:
        expected[f"{name}_dropout"] = (f"{name}_output", 0.5)
        added = model.get_layer(f"{name}_residual").input
        assert source_of(added[1]) == f"{name}_dropout"
        assert source_of(added[0]).endswith(("_residual", "_dropout"))
    assert places == expected
    assert model.get_layer("decoder_1_cross_attention").dropout.rate == 0.25


def test_weights_start_as_published():
    model = transformer(500, num_layers=1, hidden_dim=64, intermediate_dim=128, num_heads=4)
    matrix = model.get_layer("shared_embedding").embeddings.numpy()
    np.testing.assert_allclose(matrix.std(), 1 / 8, rtol=0.02)
    assert np.abs(matrix).max() > 3.5 / 8  # not cut off at two standard deviations
    kernels = [model.get_layer(f"encoder_1_self_attention_{x}").kernel for x in ("query", "key")]
    assert not np.allclose(*kernels)
    for kernel, inputs, outputs in [
        (kernels[0], 64, 64),
        (model.get_layer("decoder_1_feed_forward_hidden").kernel, 64, 128),
    ]:
        largest, limit = np.abs(kernel).max(), np.sqrt(6 / (inputs + outputs))
        assert 0.99 * limit < largest <= limit
    biases = [w for layer in model.layers for w in layer.weights if w.name == "bias"]
    assert len(biases) == 4 and all(not np.any(bias) for bias in biases)


def test_heads_as_layers_of_their_own(small):
    split = small_transformer(num_layers=2, split_heads=True)
    for layer in split.layers:
        name, _, head = layer.name.partition("_head_")
        weights = small.get_layer(name).get_weights() if layer.weights else []
        if head:
            weights = [weights[0][:, 4 * (int(head) - 1) : 4 * int(head)]]
        layer.set_weights(weights)
    np.testing.assert_allclose(logits(split), logits(small), atol=1e-6)
    paths = [row.path for row in sos.report(split).layers]
    assert len(paths) == 1 + 2 * (3 * (3 * 2 + 1) + 2 * 2)
    assert "decoder_2_cross_attention_value_head_2/kernel" in paths
    assert sos.report(split).size == sos.report(small).size


def test_names_do_not_depend_on_what_was_built_before(small):
    again = small_transformer(num_layers=2)
    assert [layer.name for layer in again.layers] == [layer.name for layer in small.layers]
    assert sorted(row.path for row in sos.report(again).layers) == sorted(kernel_names(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"vocabulary_size": 2},
            r"`vocabulary_size` must be at least 3\. Received: 2\.",
        ),
        ({"num_layers": 0}, r"`num_layers` must be from 1 to 1000\. Received: 0\."),
        ({"intermediate_dim": 0}, r"`intermediate_dim` must be at least 1\. Received: 0\."),
        ({"num_heads": 0}, r"`num_heads` must be at least 1\. Received: 0\."),
        (
            {"hidden_dim": 12, "num_heads": 8},
            r"`hidden_dim` must be even and a multiple .* Received: 12\.",
        ),
        ({"hidden_dim": 9, "num_heads": 3}, r"`hidden_dim` must be even .* Received: 9\."),
        (
            {"attention_dropout": 1.0},
            r"`attention_dropout` must be .* \[0, 1\)\. Received: 1\.0\.",
        ),
        ({"num_layers": "2"}, r"`num_layers` must be an integer.* Received: '2'\."),
        ({"num_heads": True}, r"`num_heads` must be an integer.* Received: True\."),
        ({"hidden_dim": None}, r"`hidden_dim` must be an integer.* Received: None\."),
        ({"relu_dropout": "0.1"}, r"`relu_dropout` must be a number .* Received: '0.1'\."),
        ({"packed": "no"}, r"`packed` must be True or False\. Received: 'no'\."),
        (
            {"relu_dropout": -0.1},
            r"`relu_dropout` must be .* \[0, 1\)\. Received: -0\.1\.",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        transformer(**{"vocabulary_size": 50, **arguments})
