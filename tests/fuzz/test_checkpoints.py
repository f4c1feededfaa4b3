"""Damaged checkpoints: restored exactly, or refused with the model as it was."""

import functools

import keras
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import state_of_sparsity as sos
from state_of_sparsity.training.runs import checkpoint

SCHEDULE = sos.schedules.ConstantSparsity(0.5, begin_step=0)


@functools.cache
def model():
    """Returns a compiled sparse model with seeds and slots."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(40), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    plain = keras.Sequential([keras.Input((40,)), *layers])
    sparse = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, SCHEDULE))
    sparse.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    sparse.optimizer.build(sparse.trainable_variables)
    sos.UpdateSparsity().update(sparse, 0)
    return sparse


def variables():
    return [*model().variables, *model().optimizer.variables]


def state():
    return [np.array(variable) for variable in variables()]


@functools.cache
def saved(directory):
    """Returns the bytes of a checkpoint, and the state it holds."""
    checkpoint.save(directory / "saved.npz", model(), step=7, wall_time_s=1.5)
    return (directory / "saved.npz").read_bytes(), state()


def disturbed():
    """Changes every variable, and returns what they hold then."""
    for variable in variables():
        value = np.array(variable)
        variable.assign(~value if value.dtype == bool else value + 1)
    return state()


def check_restored_or_refused(damaged, directory, expected):
    path = directory / "damaged.npz"
    path.write_bytes(damaged)
    before = disturbed()
    try:
        header = checkpoint.restore(path, model())
    except checkpoint.CheckpointError as error:
        assert str(path) in str(error)
        expected = before  # the model is as it was
    else:
        assert (header["step"], header["wall_time_s"]) == (7, 1.5)
    for found, wanted in zip(state(), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@given(position=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255), at_end=st.booleans())
def test_a_damaged_byte(tmp_path_factory, position, change, at_end):
    directory = tmp_path_factory.getbasetemp()
    content, expected = saved(directory)
    # The last eighth is the directory of the archive: its own half of the examples.
    begin = len(content) * 7 // 8 if at_end else 0
    index = begin + int(position * (len(content) - begin))
    damaged = bytearray(content)
    damaged[index] ^= change
    check_restored_or_refused(bytes(damaged), directory, expected)


@pytest.mark.parametrize("number", range(3))
def test_an_array_said_to_be_smaller(tmp_path_factory, number):
    """What numpy reads then is well-formed, and not what was saved."""
    directory = tmp_path_factory.getbasetemp()
    content, expected = saved(directory)
    *before, after = content.split(b"'<f4'", maxsplit=number + 1)
    damaged = b"'<f4'".join(before) + b"'<f2'" + after
    assert len(damaged) == len(content)
    check_restored_or_refused(damaged, directory, expected)


@given(length=st.floats(0, 1), filling=st.sampled_from([b"", b"\0", b"PK\5\6", b"PK\1\2"]))
@example(length=1.0, filling=b"")
@example(length=0.0, filling=b"")
def test_a_file_that_ends_early_or_goes_on(tmp_path_factory, length, filling):
    directory = tmp_path_factory.getbasetemp()
    content, expected = saved(directory)
    damaged = content[: round(length * len(content))] + filling * 20
    check_restored_or_refused(damaged, directory, expected)


@given(
    begin=st.floats(0, 1, exclude_max=True),
    length=st.integers(1, 200),
    shift=st.integers(-200, 200),
)
def test_a_block_that_is_lost_or_doubled(tmp_path_factory, begin, length, shift):
    directory = tmp_path_factory.getbasetemp()
    content, expected = saved(directory)
    begin = int(begin * len(content))
    block = content[max(0, begin + shift) : max(0, begin + shift) + length]
    damaged = content[:begin] + (block if shift else b"\0" * length) + content[begin + length :]
    check_restored_or_refused(damaged, directory, expected)
