import fractions
import pathlib

import numpy as np
import pytest

from state_of_sparsity import arguments


@pytest.mark.parametrize("value", [1, 3, np.int64(2)])
def test_integers_in_the_range_are_let_through(value):
    arguments.check_integer("number", value, 1, 3)
    with pytest.raises(ValueError, match=r"`number` must be from 5 to 6\. Received: "):
        arguments.check_integer("number", value, 5, 6)


@pytest.mark.parametrize("value", [1.0, "1", True, None, np.array([1])])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(ValueError, match=r"`number` must be an integer, at least 0\. Received: "):
        arguments.check_integer("number", value, 0)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5), np.float16(1), np.int8(3), 10**300])
def test_numbers(value):
    assert arguments.is_number(value)


@pytest.mark.parametrize(
    "value", [True, "1", None, float("nan"), float("inf"), 10**400, 1j, fractions.Fraction(1, 2)]
)
def test_what_is_no_number(value):
    assert not arguments.is_number(value)


@pytest.mark.parametrize(
    ("bounds", "right", "wrong", "allowed"),
    [
        ({}, [-5, 0.5, 1e30], [None, True, float("nan")], "a number"),
        ({"least": 0}, [0, 3.5], [-1e-9, "1"], "a number of at least 0"),
        ({"above": 0}, [1e-9], [0, -1], "a number above 0"),
        ({"below": 0}, [-1e-9], [0, 1], "a number below 0"),
        ({"most": 2}, [2, -1], [2.1], "a number of at most 2"),
        ({"least": 0, "below": 1}, [0, 0.5], [1, -0.1], r"a number in \[0, 1\)"),
        ({"above": 0, "most": 1}, [1, 0.5], [0, 1.1], r"a number in \(0, 1\]"),
    ],
)
def test_numbers_of_a_range(bounds, right, wrong, allowed):
    for value in right:
        arguments.check_number("number", value, **bounds)
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^`number` must be {allowed}\. Received: "):
            arguments.check_number("number", value, **bounds)


def test_flags_and_paths():
    arguments.check_flag("packed", False)
    with pytest.raises(ValueError, match=r"`packed` must be True or False\. Received: 0"):
        arguments.check_flag("packed", 0)
    for path in (None, "data", pathlib.Path("data")):
        arguments.check_path("data_dir", path)
    with pytest.raises(ValueError, match=r"`data_dir` must be text, or None\. Received: 5"):
        arguments.check_path("data_dir", 5)


@pytest.mark.parametrize(
    ("value", "names"),
    [(None, None), ("w", ("w",)), (["w", "v"], ("w", "v")), ((n for n in "wv"), ("w", "v"))],
)
def test_names(value, names):
    assert arguments.several_names("kernels", value) == names


@pytest.mark.parametrize("value", [3, [3], ["w", None], b"w", np.array([1.0])])
def test_what_is_no_name_is_refused(value):
    with pytest.raises(ValueError, match=r"`kernels` must be None, a name, .* Received: "):
        arguments.several_names("kernels", value)
