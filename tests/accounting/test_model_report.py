"""`report` against numpy counts of the same kernels."""

import csv
import dataclasses
import io
import zlib

import keras
import numpy as np
import pytest
from keras import layers

from state_of_sparsity.accounting import report
from state_of_sparsity.layers import (
    FixedMask,
    L0Regularization,
    MagnitudePruning,
    VariationalDropout,
)
from state_of_sparsity.schedules import ConstantSparsity
from state_of_sparsity.surgery.sparsify import sparsify


def plain_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(),
            layers.Dense(10, name="head"),
        ]
    )


def mask_of(shape, keep_every):
    return (np.arange(np.prod(shape)) % keep_every == 0).reshape(shape)


@pytest.fixture
def sparse_model():
    """The convolution keeps every third of its 108 weights, the head of 1440 is dense."""
    return sparsify(plain_model(), [("^conv$", lambda layer: FixedMask(layer, mask_of(SHAPE, 3)))])


SHAPE = (3, 3, 3, 4)


def test_counts_of_sparse_and_dense_kernels(sparse_model):
    result = report(sparse_model)
    conv, head = result.layers
    assert (conv.path, conv.technique, conv.shape) == ("conv/kernel", "FixedMask", SHAPE)
    assert (head.path, head.technique, head.shape) == ("head/kernel", "dense", (144, 10))
    assert (conv.size, conv.nonzero, conv.sparsity) == (108, 36, pytest.approx(2 / 3))
    assert (head.size, head.nonzero, head.sparsity) == (1440, 1440, 0.0)
    assert (conv.multiply_adds, conv.sparse_multiply_adds) == (36 * 108, 36 * 36)
    assert (result.size, result.nonzero) == (1548, 1476)
    assert result.sparsity == pytest.approx(1 - 1476 / 1548)
    assert result.multiply_adds == 36 * 108 + 1440
    assert result.sparse_multiply_adds == 36 * 36 + 1440
    # Biases of 4 and 10; four vectors of batch normalization. The mask is no parameter.
    assert result.parameters_outside_kernels == 4 + 10 + 4 * 4


@pytest.mark.parametrize(
    "technique",
    [
        lambda layer: MagnitudePruning(layer, ConstantSparsity(0.5, 0)),
        lambda layer: VariationalDropout(layer, 0.1),
        lambda layer: L0Regularization(layer, 0.1),
    ],
)
def test_a_wrapper_does_not_change_the_multiply_adds(technique):
    inputs = keras.Input((6, 8))
    outputs = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    outputs = layers.TimeDistributed(layers.Dense(5))(outputs)
    outputs = layers.Bidirectional(layers.LSTM(3))(outputs)
    model = keras.Model(inputs, layers.Dense(2)(outputs))
    dense, sparse = report(model), report(sparsify(model, technique))
    assert dense.multiply_adds == 6 * 4 * 64 + 6 * 8 * 5 + 2 * 6 * (5 + 3) * 12 + 6 * 2
    assert {row.path: row.multiply_adds for row in sparse.layers} == {
        row.path: row.multiply_adds for row in dense.layers
    }
    assert sparse.parameters_outside_kernels == dense.parameters_outside_kernels
    assert all(row.technique != "dense" for row in sparse.layers)


def test_zeros_of_a_dense_kernel_count_as_zeros():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, kernel_initializer="zeros")])
    assert report(model).nonzero == 0 and report(model).sparsity == 1.0


def test_bytes(sparse_model):
    conv, head = report(sparse_model).layers
    assert (conv.bytes_dense, head.bytes_dense) == (432, 5760)
    assert conv.bytes_bitmask == 14 + 36 * 4  # 108 bits are 13.5 bytes
    assert conv.bytes_csr == 36 * (4 + 4) + 4 * (27 + 1)  # 27 rows of 4 columns
    stored = sparse_model.get_layer("conv").layer.kernel.numpy()
    kernel = np.where(mask_of(SHAPE, 3), stored, 0)
    assert conv.bytes_gzip == len(zlib.compress(kernel.tobytes(), 1))
    assert report(sparse_model).bytes_gzip == conv.bytes_gzip + head.bytes_gzip


def test_gzip_refuses_weights_that_are_no_longer_those_reported():
    model = plain_model()
    result = report(model)
    head = model.get_layer("head").kernel
    head.assign(np.zeros(head.shape))
    with pytest.raises(RuntimeError, match=r"head/kernel.*Call `report` again"):
        result.to_csv()


def test_bfloat16_weights_take_two_bytes():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, dtype="bfloat16")])
    assert report(model).bytes_dense == 2 * 20 and report(model).bytes_gzip > 0


def test_csv_round_trip(sparse_model, tmp_path):
    result = report(sparse_model)
    text = result.to_csv()
    assert result.to_csv(tmp_path / "report.csv") is None
    assert (tmp_path / "report.csv").read_text() == text
    assert [p.name for p in tmp_path.iterdir()] == ["report.csv"]
    rows = list(csv.DictReader(io.StringIO(text)))
    for line, row in zip(rows, result.layers, strict=True):
        assert line["shape"] == "x".join(map(str, row.shape))
        assert float(line["sparsity"]) == row.sparsity
        for column in ("path", "technique", "size", "nonzero", "multiply_adds", "bytes_gzip"):
            assert line[column] == str(getattr(row, column))


def test_csv_leaves_unknown_multiply_adds_empty():
    model = keras.Sequential([keras.Input((None, 3)), layers.Dense(2)])
    (line,) = csv.DictReader(io.StringIO(report(model).to_csv()))
    assert line["multiply_adds"] == "" and line["size"] == "6"


def test_markdown_has_a_row_a_kernel_and_totals(sparse_model):
    text = report(sparse_model).to_markdown()
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 2 + 1
    assert len({line.count("|") for line in table}) == 1
    assert "| conv/kernel | FixedMask | 3x3x3x4 | 108 | 36 | 66.67% | 3,888 | 1,296 |" in table[2]
    assert table[-1].startswith("| **total** |")


def test_text_fits_a_terminal(sparse_model):
    text = str(report(sparse_model))
    assert max(map(len, text.splitlines())) <= 100
    assert "FixedMask on 1 kernel; 1 kernel left dense: head/kernel." in text
    assert "Outside kernels: 30 parameters" in text


def nested(names):
    """Returns a layer of two kernels inside models of these names, one in the other."""
    if not names:
        return keras.Sequential(
            [keras.Input((4,)), layers.Dense(4, name="up"), layers.Dense(4, name="down-projection")]
        )
    return keras.Sequential([keras.Input((4,)), nested(names[1:])], name=names[0])


@pytest.mark.parametrize("repeats", [1, 3, 9])
def test_paths_are_printed_whole_however_long(repeats):
    names = [f"a_block_of_some_length_{depth}" for depth in range(repeats)]
    model = keras.Sequential([keras.Input((4,)), nested(names), layers.Dense(2, name="head")])
    model = sparsify(
        model, [("head", lambda layer: FixedMask(layer, np.eye(4, 2))), ("nothing|a_block", None)]
    )
    result = report(model)
    text = str(result)
    lines = text.splitlines()
    table = lines[2 : lines.index(lines[1], 2)]
    printed = [word for line in table for word in line.split() if word.endswith("/kernel")]
    assert printed == [row.path for row in result.layers] and len(printed) == 3
    for row in result.layers:  # in a line of its own, if need be, and so whole in the remarks
        (place,) = (i for i, line in enumerate(table) if line.split()[0] == row.path)
        figures = table[place] if table[place] != row.path else table[place + 1]
        assert "x".join(map(str, row.shape)) in figures.split() and len(figures) <= 100
        assert row.technique != "dense" or row.path in text.split("left dense:")[1].split("Out")[0]
    longest = max(len(row.path) for row in result.layers)
    assert max(map(len, lines)) <= max(100, longest + 3)


def test_a_layer_without_weights_yet_is_named():
    class Unused(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(3, name="head")
            self.spare = layers.Dense(3, name="spare")

        def build(self, shape):
            self.head.build(shape)

        def call(self, x):
            return self.head(x)

    model = Unused()
    model(keras.ops.ones((1, 2)))
    result = report(model)
    assert result.not_built == ("spare",) and "Not built, so not counted: spare." in str(result)
    assert result.multiply_adds == 6


def test_a_model_without_kernels():
    model = keras.Sequential([keras.Input((4,)), layers.ReLU()])
    result = report(model)
    assert result.layers == () and result.sparsity == 0.0 and result.multiply_adds == 0
    assert "no kernel" in str(result)


@pytest.mark.parametrize("model", [keras.Sequential([layers.Dense(3)]), None, "model.keras"])
def test_what_is_no_built_model_is_refused(model):
    with pytest.raises(ValueError, match=r"`model` must be (built|a Keras)"):
        report(model)


def test_layers_without_a_kernel_are_listed():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Dense(3, name="first"),
            keras.Sequential([keras.Input((3,)), keras.layers.ReLU(name="relu")], name="inner"),
        ]
    )
    result = report(model)
    assert result.without_kernel == ("drop", "inner", "inner/relu")
    assert "No kernel, left alone: drop, inner, inner/relu." in str(result)


@pytest.mark.parametrize("initial_keep", [0.9, 0.05])
def test_gates_that_are_all_open_are_remarked_on_with_what_to_do(initial_keep):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="gated"), layers.Dense(2)])
    rule = lambda layer: L0Regularization(layer, 0.1, initial_keep)  # noqa: E731
    found = report(sparsify(model, [("gated", rule), ("", None)]))
    remark = "No gate of L0Regularization is shut yet. After training that means: train longer, or"
    for text in (str(found), found.to_markdown()):
        assert (remark in text) == (initial_keep == 0.9)
        assert ("`gate_speed` or the learning rate" in text) == (initial_keep == 0.9)


def test_a_path_that_cannot_be_written_is_said_before_the_work():
    found = report(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match=r"`path` must be a file .* is a device"):
        found.to_csv("/dev/null")


def test_a_name_is_no_formula_and_no_table_of_its_own():
    found = report(keras.Sequential([keras.Input((2,)), layers.Dense(1)]))
    # No layer has such a name here: it would break the names of whatever TensorFlow runs next.
    row = dataclasses.replace(found.layers[0], path="=1+1|`<b>/kernel")
    found = dataclasses.replace(found, layers=[row])
    assert found.to_csv().splitlines()[1].startswith("'=1+1|`<b>/kernel,dense")
    line = found.to_markdown().splitlines()[2]
    assert line.startswith("| =1+1&#124;&#96;&#60;b&#62;/kernel | dense |")
