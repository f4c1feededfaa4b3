"""Statistics of interleaved timings on known numbers, and that the benchmarks start and run."""

import json
import math
import pathlib
import random
import subprocess
import sys

import numpy as np
import pytest

from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"
SCRIPTS = ("mask_update", "memory", "scale", "step_time")


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, FOLDER):
        yield


def test_the_interval_is_of_the_ranks_in_the_tables():
    from interleaved import median_interval

    # The ranks of tables of the sign test, e.g. Conover, Practical Nonparametric Statistics.
    for count, rank in {6: 1, 8: 1, 9: 2, 10: 2, 12: 3, 20: 6, 30: 10, 50: 18, 100: 40}.items():
        values = random.Random(0).sample(range(count), count)
        assert median_interval(values) == (rank - 1, count - rank), count


@pytest.mark.parametrize("count", range(6))
def test_too_few_values_have_no_interval(count):
    from interleaved import median_interval

    assert median_interval(range(count)) is None


def test_the_interval_covers_as_often_as_it_says():
    from interleaved import median_interval

    draw = random.Random(0)
    covered = 0
    for _ in range(2000):
        low, high = median_interval([draw.expovariate(1) for _ in range(30)])
        covered += low <= math.log(2) <= high
    # Exactly 95.7 % of intervals with n = 30 cover; three standard deviations are 1.4 %.
    assert abs(covered / 2000 - 0.957) < 0.014


def test_a_ratio_is_of_pairs_not_of_medians():
    from interleaved import paired_ratio

    # The machine gets slower throughout; what is compared takes twice as long all the time.
    slow = [float(2**round) for round in range(30)]
    ratio = paired_ratio([2 * second for second in slow], slow)
    assert (ratio.median, ratio.interval, ratio.pairs) == (2.0, (2.0, 2.0), 30)
    assert str(ratio) == "2.000 [2.000, 2.000]"
    assert str(paired_ratio([3.0], [2.0])) == "1.500"
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_every_action_runs_once_a_round():
    from interleaved import seconds_in_rounds

    ran = []
    actions = {name: lambda name=name: ran.append(name) for name in "abc"}
    seconds = seconds_in_rounds(actions, 8, warm_up=2)
    rounds = [ran[index : index + 3] for index in range(0, 30, 3)]
    assert len(ran) == 30 and all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 2  # in another order
    assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys("abc", 8)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script):
    command = [sys.executable, FOLDER / f"{script}.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--output" in done.stdout and done.stderr == ""


def tiny(keras, batch_size):
    """A workload that traces in no time."""
    import workloads

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    inputs = np.ones((batch_size, 2), "float32")
    return workloads.Workload(model, "sgd", "mean_squared_error", (inputs, inputs))


def test_step_times_of_a_tiny_model(monkeypatch, tmp_path, capsys):
    import step_time
    import workloads

    monkeypatch.setitem(workloads.WORKLOADS, "transformer", tiny)
    path = tmp_path / "results.json"
    flags = "--workload=transformer --batch_size=2 --rounds=6 --variants=dense,magnitude"
    monkeypatch.setattr(sys, "argv", ["step_time.py", *flags.split(), f"--output={path}"])
    step_time.main()
    found = json.loads(path.read_text())
    assert found["machine"]["cores"] >= 1 and "keras" in found["versions"]
    assert set(found["median_s"]) == {"dense", "magnitude"}
    (ratio,) = found["ratios"]
    low, high = ratio["ratio"]["interval"]
    assert (ratio["of"], ratio["to"], ratio["bound"]) == ("magnitude", "dense", 1.05)
    assert 0 < low <= ratio["ratio"]["median"] <= high
    assert ratio["met"] == (low <= 1.05)
    assert "magnitude / dense" in capsys.readouterr().out
