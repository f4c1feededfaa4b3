"""The comparison with other tools: its setting, and its page against its runs."""

import csv
import pathlib

import numpy as np
import pytest

from state_of_sparsity.data.images.digits import Digits
from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[2]
RUNS = ROOT / "docs/results/comparison/digits.csv"


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, ROOT / "studies" / "comparison"):
        yield


def test_images_are_split_as_in_the_quickstart():
    import digits_setting

    (x_train, _), (x_test, y_test) = digits_setting.digits()
    images, labels = Digits().test()[0]
    np.testing.assert_array_equal(x_test, images.reshape(-1, 64))
    np.testing.assert_array_equal(y_test, labels)
    assert len(x_train) == 1077


def test_every_tool_gets_the_same_batches_and_weights():
    import digits_setting as setting

    (x, y), _ = setting.digits()
    one, other = setting.batches(x, y, seed=1), setting.batches(x, y, seed=1)
    np.testing.assert_array_equal(one[0], other[0])
    assert len(one[0]) == setting.STEPS * setting.BATCH_SIZE
    assert not np.array_equal(one[0], setting.batches(x, y, seed=2)[0])
    shapes = [weight.shape for weight in setting.first_weights(0)]
    assert shapes == [(64, 300), (300,), (300, 100), (100,), (100, 10), (10,)]
    assert setting.cubic(0, 0.9) == 0 and setting.cubic(1000, 0.9) == 0.9


def test_the_page_has_the_table_of_its_runs():
    import digits_table

    with RUNS.open(encoding="utf-8", newline="") as file:
        lines = list(digits_table.lines(csv.DictReader(file)))
    page = (ROOT / "docs/comparison.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 8
    assert [line for line in lines if line not in page] == []


def test_zeros_are_exact_where_weights_are_equal():
    import ours

    assert ours.equal_magnitudes() == "0.50 of (16, 10), 0.50 of (10, 4)"


def test_wheels_say_what_they_are(tmp_path):
    import zipfile

    import read_wheels

    path = tmp_path / "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tool-1.0.dist-info/METADATA", "Name: tool\nVersion: 1.0\nLicense: MIT\n")
        wheel.writestr(zipfile.ZipInfo("tool/pruning/wanda.py", (2026, 11, 1, 0, 0, 0)), "")
        wheel.writestr("tool/layers.py", "")
    line, folders = read_wheels.described(path)
    assert line.startswith("tool 1.0, built 20") and line.endswith(", MIT")
    assert folders == ["tool/pruning"]
