import math

import pytest

from state_of_sparsity.analysis import interpolation
from state_of_sparsity.analysis.interpolation import Curve

ALPHA = (-0.5, 0.0, 0.25, 0.5, 1.0, 1.5)


def curve(*values, figure="error"):
    return Curve("test", figure, ALPHA, values)


def rows(split="test", accuracy=(0.5, 0.9, 0.8, 0.6, 0.8, 0.1)):
    for alpha, value in zip(ALPHA, accuracy, strict=True):
        yield interpolation.with_error(
            {"split": split, "alpha": alpha, "accuracy": value, "loss": 2 - value}
        )


def test_heights_are_those_between_the_runs():
    found = curve(0.9, 0.1, 0.2, 0.4, 0.3, 0.8)
    assert found.ends == (0.1, 0.3)
    assert found.highest == (0.4, 0.5)
    assert found.instability == pytest.approx(0.4 - 0.2)
    assert found.barrier == pytest.approx(0.4 - 0.2)
    slanted = curve(0.9, 0.1, 0.4, 0.4, 0.3, 0.8)
    assert slanted.highest == (0.4, 0.25)
    assert slanted.instability == pytest.approx(0.2)
    assert slanted.barrier == pytest.approx(0.4 - 0.15)


def test_a_straight_line_has_no_barrier():
    found = curve(0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    assert found.barrier == pytest.approx(0)
    assert found.instability == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("values", "course"),
    [
        ((9, 0.4, 0.3, 0.2, 0.1, 9), "falls"),
        ((9, 0.4, 0.4, 0.2, 0.1, 9), "falls"),
        ((0, 0.1, 0.2, 0.2 - 1e-9, 0.4, 0), "rises"),
        ((0, 0.1, 0.2, 0.1, 0.4, 0), "neither"),
        ((0, 0.1, 0.1, 0.1, 0.1, 0), "neither"),
    ],
)
def test_course(values, course):
    assert curve(*values).course == course


def test_what_is_no_number_is_not_passed_over():
    found = curve(0, 0.1, math.nan, 0.2, 0.1, 0)
    assert math.isnan(found.highest[0]) and math.isnan(found.barrier)
    assert "not stable" in interpolation.verdict([found])[0]


def test_the_table_is_read_as_it_was_written(tmp_path):
    made = [*rows("train"), *rows("test")]
    path = tmp_path / "interpolation.csv"
    path.write_text(interpolation.to_csv(made))
    assert path.read_text().splitlines()[0] == "split,alpha,accuracy,loss,error"
    found = interpolation.read(path)
    assert found == interpolation.curves(made)
    assert [(c.split, c.figure) for c in found] == [
        *(("train", "loss"), ("train", "error"), ("test", "loss"), ("test", "error")),
    ]
    assert found[1].values == pytest.approx((0.5, 0.1, 0.2, 0.4, 0.2, 0.9))


def test_without_an_accuracy_there_is_no_error(tmp_path):
    made = [
        interpolation.with_error({"split": "test", "alpha": alpha, "loss": 1.0, "mae": 1.0})
        for alpha in (0.0, 1.0)
    ]
    (tmp_path / "interpolation.csv").write_text(interpolation.to_csv(made))
    found = interpolation.read(tmp_path / "interpolation.csv")
    assert [c.figure for c in found] == ["loss"]
    assert interpolation.verdict(found) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("split,alpha,loss\ntest,0.0,1\n", "0 or 1 is missing for 'test'"),
        ("split,alpha,loss\ntest,0,one\ntest,1,2\n", "one"),
        ("split,alpha\n", "no column 'loss'"),
        ("split,alpha,loss\ntest,,1\n", "must be one that bin/interpolate.py wrote"),
    ],
)
def test_a_damaged_table(tmp_path, text, says):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        interpolation.read(tmp_path / "table.csv")


def test_cells_and_verdict():
    found = interpolation.curves(rows())
    loss, error = interpolation.table_rows(found)
    assert len(loss) == len(error) == len(interpolation.HEADER)
    assert error == [
        *("test", "error", "10.00 %", "20.00 %", "40.00 %", "0.5", "25.00 %", "25.00 %"),
        "neither",
    ]
    assert loss[:4] == ["test", "loss", "1.1", "1.2"]
    (told,) = interpolation.verdict(found)  # of no two copies
    assert "25.00 points above the line between the ends, which differ by 10.00" in told
    assert "stable" not in told
    flat = interpolation.curves(rows(accuracy=(0.5, 0.9, 0.89, 0.89, 0.9, 0.1)))
    assert ": stable" in interpolation.verdict(flat)[0]
    high = interpolation.curves(rows(accuracy=(0.5, 0.9, 0.8, 0.8, 0.9, 0.1)))
    assert "10.00 points above the mean of the ends: not stable" in interpolation.verdict(high)[0]


def test_ends_alone_say_nothing_of_what_lies_between():
    alone = interpolation.Curve("test", "error", (-0.5, 0.0, 1.0, 1.5), (0.4, 0.1, 0.1, 0.4))
    assert interpolation.verdict([alone]) == [
        "Nothing between the ends was evaluated on test data: no verdict."
    ]
