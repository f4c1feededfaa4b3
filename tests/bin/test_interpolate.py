import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from state_of_sparsity.analysis import file_text
from state_of_sparsity.bin import interpolation_page, train
from state_of_sparsity.training import batch_statistics
from state_of_sparsity.training.runs import snapshot
from tests.bin.called_program import called

SHORT = ["STEPS = 4", "EVAL_EVERY = 2", "STEPS_PER_EXECUTION = 1"]
PRUNE = ["BEGIN_STEP = 0", "END_STEP = 2", "FREQUENCY = 1", "SPARSITY = 0.9"]
DENSE = "quickstart/dense.gin"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Returns a folder with a dense run, a copy of it from step 2, one of other data, a pruned run,
    and copies of a directory: one has lost its result, one has a snapshot of another model."""
    folder = tmp_path_factory.mktemp("runs")
    kept = [*SHORT, "Experiment.kept_steps = (2,)"]
    train.run([DENSE], kept, folder / "dense", verbose=False)
    copied = [f"WEIGHTS_OF = '{folder / 'dense'}'", "COPY_STEP = 2", "SEED = 1"]
    train.run([DENSE, "tickets/copy.gin"], [*SHORT, *copied], folder / "copy", verbose=False)
    other = ["digits.Digits.split_seed = 1", "SEED = 1"]
    train.run([DENSE], [*SHORT, *other], folder / "other", verbose=False)
    pruning = ["quickstart/magnitude_pruning.gin"]
    train.run(pruning, [*SHORT, *PRUNE], folder / "pruned", verbose=False)
    shutil.copytree(folder / "copy", folder / "unfinished")
    (folder / "unfinished" / "result.json").unlink()
    shutil.copytree(folder / "copy", folder / "wide")
    file = folder / "wide" / "snapshots" / "step_00000002.npz"
    kept = snapshot.read(file)
    weights = {**kept.weights, "logits/kernel": np.zeros((100, 12))}
    snapshot.save(file, dataclasses.replace(kept, weights=weights))
    return folder


@pytest.fixture
def call(runs, tmp_path, monkeypatch, capsys):
    """Returns a function that calls the program on two runs: exit code, output, errors."""

    def call(first, second, *arguments):
        named = [f"--run_dir={runs / name}" for name in (first, second)]
        given = [*named, f"--output_dir={tmp_path / 'out'}", *arguments]
        return called(monkeypatch, capsys, "interpolate", *given)

    return call


def rows_of(folder):
    rows = file_text.read_csv(folder / "interpolation.csv")
    return [{k: v if k == "split" else file_text.parse_cell(v) for k, v in r.items()} for r in rows]


def result_of(path):
    return json.loads((path / "result.json").read_text())


def assert_gives(row, result):
    assert row["accuracy"] == result["accuracy"]
    assert row["loss"] == pytest.approx(result["loss"], rel=1e-6)


def test_the_ends_are_the_runs(runs, call, tmp_path):
    code, output, _ = call("copy", "dense", "--points=3")
    assert not code
    rows = rows_of(tmp_path / "out")
    assert [(row["split"], row["alpha"]) for row in rows] == [("test", a) for a in (0, 0.5, 1)]
    assert_gives(rows[0], result_of(runs / "copy"))
    assert_gives(rows[-1], result_of(runs / "dense"))
    assert all(row["error"] == pytest.approx(1 - row["accuracy"]) for row in rows)
    assert "3/3  ETA 0:00  alpha 1  test loss " in output
    page = (tmp_path / "out" / "interpolation.md").read_text()
    assert page.startswith(interpolation_page.TITLE) and "points above the line" in page
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"interpolation.{suffix}" for suffix in ("csv", "md", "pdf", "png", "svg")]


def test_a_run_that_was_trained_on_other_data_is_said_to_be(runs, call, tmp_path):
    code, output, _ = call("dense", "other", "--points=3")
    assert not code and "points above" not in output
    page = (tmp_path / "out" / "interpolation.md").read_text()
    for text in (output, page):
        assert re.search(r"trained with others: .*digits.Digits.split_seed = 1\.", text)
        assert re.search(r"No verdict: at 1 the test loss is .* result of \S+other, so", text)
    code, output, _ = call("dense", "copy", "--points=2")
    assert "Nothing between the ends was evaluated on test data" in output
    assert "trained with others" not in output  # in other orders, which is the same data


def test_copies_began_at_the_step(runs, call, tmp_path):
    """Both ends of the line between them are one, and it is not the dense run's last."""
    code, _, _ = call("copy", "dense", "--points=2", "--step=0", "--step=2")
    assert not code
    first, second = rows_of(tmp_path / "out")
    assert first["loss"] == second["loss"] != result_of(runs / "dense")["loss"]


def test_a_sparse_run_and_its_dense_twin_beyond_both_ends(runs, call, tmp_path):
    places = ["--from=-0.2", "--to=1.2", "--points=8"]
    code, output, _ = call("pruned", "dense", *places, "--split=train", "--split=validation")
    assert not code
    rows = rows_of(tmp_path / "out")
    expected = [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1, 1.2]
    assert [row["alpha"] for row in rows if row["split"] == "train"] == expected
    for alpha, name in ((0, "pruned"), (1, "dense")):
        row = next(r for r in rows if r["split"] == "validation" and r["alpha"] == alpha)
        assert row["accuracy"] == result_of(runs / name)["val_accuracy"]
    assert "Train data: 1,077 examples, all that are trained on, not augmented." in output
    assert "90.0" in output and "0.00 % zeros" in output


def test_one_mask_for_both(runs, call, tmp_path):
    code, output, _ = call("dense", "pruned", "--points=2", "--mask=second")
    assert not code and "Masks: those of the second run, on both ends." in output
    first, second = rows_of(tmp_path / "out")
    assert_gives(second, result_of(runs / "pruned"))
    assert first["loss"] != pytest.approx(result_of(runs / "dense")["loss"], rel=1e-4)


def test_batch_normalization(call, monkeypatch):
    seen = []

    def recompute(model, batches):
        seen.append([len(inputs) for inputs in batches])

    monkeypatch.setattr(batch_statistics, "normalization_layers", lambda model: [model])
    monkeypatch.setattr(batch_statistics, "recompute", recompute)
    for kind, times in (("recomputed", 2), ("interpolated", 0)):
        seen.clear()
        _, output, _ = call(
            *("copy", "dense", "--points=2", "--train_batches=3", f"--batch_norm={kind}")
        )
        assert seen == [[64, 64, 64]] * times
        assert f"Batch normalization: statistics {kind}" in output


@pytest.mark.parametrize(
    ("first", "second", "arguments", "says"),
    [
        (
            "dense",
            "wide",
            [],
            "`run_dir`, .*wide, must be .*'logits/kernel' of shape .100, 12. where",
        ),
        ("dense", "copy", ["--mask=first"], "`mask` .*Received: first, which is dense"),
        ("dense", "copy", ["--step=3"], "`run_dir` .*kept step 3.*dense, which has kept 0, 2, 4"),
        ("dense", "copy", ["--step=0", "--step=3"], "copy, which has kept 0, 2"),
        ("dense", "unfinished", [], "`run_dir` .*unfinished, which is not finished"),
    ],
)
def test_what_cannot_be_compared_is_one_line(call, tmp_path, first, second, arguments, says):
    code, _, errors = call(first, second, *arguments)
    assert code == 2 and errors.count("\n") == 1
    assert re.search(says, errors), errors
    assert not (tmp_path / "out").exists()
