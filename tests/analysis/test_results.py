import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

from state_of_sparsity.analysis import metrics, results


def test_aggregate_over_seeds(make_run):
    paths = [make_run("magnitude_pruning", 0.9, a, s) for s, a in enumerate([0.90, 0.94, 0.95])]
    paths.append(make_run("dense", None, 0.97, 0))
    runs, others = results.read_runs(paths)
    assert others == {}
    dense, pruned = results.aggregate(runs, "accuracy")
    assert (dense.technique, dense.n, dense.mean, dense.min) == ("dense", 1, 0.97, 0.97)
    assert math.isnan(dense.std)
    assert (pruned.technique, pruned.target_sparsity, pruned.n) == ("magnitude_pruning", 0.9, 3)
    assert pruned.mean == pytest.approx(0.93)
    assert (pruned.min, pruned.max) == (0.90, 0.95)
    assert pruned.std == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.02**2) / 2))
    assert pruned.setting == ""


def test_runs_of_one_seed_count_once_with_their_mean(make_run):
    runs = [
        results.Run(pathlib.Path(name), {"technique": "dense", "sparsity": 0, "accuracy": a} | seed)
        for name, a, seed in (
            ("one", 0.90, {"seed": 0}),
            ("repeated", 0.92, {"seed": 0}),
            ("other", 0.95, {"seed": 1}),
            ("not recorded", 0.97, {}),
        )
    ]
    found = results.statistics_of(runs, "accuracy", "Dense", "")
    assert (found.n, len(found.runs), found.min, found.max) == (3, 4, 0.91, 0.97)
    assert found.mean == pytest.approx((0.91 + 0.95 + 0.97) / 3)
    repeats = results.statistics_of(runs[:2], "accuracy", "Dense", "")
    assert repeats.n == 1 and math.isnan(repeats.std)


def test_runs_of_different_settings_are_not_averaged(make_run):
    paths = [
        make_run("l0_regularization", None, accuracy, seed, sparsity, f"WEIGHT = {weight}")
        for weight, sparsity, accuracy in ((0.1, 0.5, 0.9), (1.0, 0.9, 0.8))
        for seed in (0, 1)
    ]
    runs, _ = results.read_runs(paths)
    assert [(a.setting, a.n, a.sparsity, a.mean) for a in results.aggregate(runs, "accuracy")] == [
        ("WEIGHT = 0.1", 2, 0.5, 0.9),
        ("WEIGHT = 1.0", 2, 0.9, 0.8),
    ]


def test_continued_lines_of_a_configuration_belong_together(make_run):
    path = make_run("dense", None, 0.9, 0, setting="Adam.name = \\\n    'a'\nx.y = (1,\n       2)")
    assert results.read_run(path).settings == {
        "Adam.name": "a",
        "SPARSITY": None,
        "x.y": [1, 2],
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "not finished: no result.json"),
        ("{", "cannot be read"),
        ("[]", "has no technique"),
        ('{"technique": "dense"}', "has no sparsity"),
        ('{"technique": "dense", "sparsity": 0.0, "accuracy": NaN}', "failed: accuracy is NaN"),
    ],
)
def test_a_run_that_cannot_be_used_has_a_reason(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "result.json").write_text(text)
    runs, others = results.read_runs([tmp_path])
    assert runs == [] and reason in others[tmp_path]
    assert results.read_runs([tmp_path / "nowhere"])[1].popitem()[1] == "no such directory"


def test_layers(make_run):
    path = make_run("dense", None, 0.9, 0)
    first, _ = results.read_run(path).layers()
    assert first == {
        "path": "hidden/kernel",
        "technique": "dense",
        "shape": "100x1",
        "size": 100,
        "nonzero": 100,
    }
    (path / "report.csv").unlink()
    assert results.read_run(path).layers() == []


def test_the_metric_is_the_first_that_all_runs_share(make_run):
    paths = [make_run("dense", None, 0.9, s, val_bleu=1.0, bleu=20.0) for s in (0, 1)]
    runs, _ = results.read_runs(paths)
    assert metrics.metric_of(runs) == "accuracy"
    result = json.loads((paths[0] / "result.json").read_text())
    del result["accuracy"]
    (paths[0] / "result.json").write_text(json.dumps(result))
    runs, _ = results.read_runs(paths)
    assert metrics.metric_of(runs) == "bleu"
    assert (metrics.label("bleu"), metrics.factor("bleu")) == ("test BLEU", 1.0)
    assert metrics.label("accuracy") == "test accuracy (%)"
    with pytest.raises(ValueError, match="must share a metric"):
        metrics.metric_of([])


@pytest.mark.parametrize("module", ["results", "run_report"])
def test_import_needs_neither_keras_nor_tensorflow(module):
    code = (
        f"import sys, state_of_sparsity.analysis.{module}\n"
        "sys.exit(', '.join({'keras', 'tensorflow', 'tf_keras', 'jax'} & {*sys.modules}) or None)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr


def test_runs_that_began_otherwise_are_curves_of_their_own(make_run):
    starts = ["lottery_ticket", "scratch", "scratch_2_times", "rewinding_to_390"]
    made = [
        make_run("fixed_mask", 0.986, 0.9, 0, model=start, start=start, name="mine")
        for start in starts
    ]
    made.append(make_run("magnitude_pruning", 0.9862, 0.95, 0))
    runs = [results.Run(run.path, {**run.result, "model": "m"}, {}) for run in read(made)]
    aggregates = results.aggregate(runs, "accuracy")
    titles = ["Lottery ticket", "Magnitude pruning", "Rewinding to step 390", "Scratch"]
    assert [a.curve for a in aggregates] == [*titles, "Scratch, 2 times the steps"]
    # Fixed masks say the sparsity that they have to three digits.
    assert {a.target_sparsity for a in aggregates} == {0.9862}


def test_equal_starts_are_told_apart_by_the_names_of_their_runs(make_run):
    made = [
        make_run("fixed_mask", 0.9, 0.9, seed, start="scratch", name=name)
        for seed, name in enumerate(["scratch-E", "scratch-E", "re-initialized"])
    ]
    found = {a.curve: a.n for a in results.aggregate(read(made), "accuracy")}
    assert found == {"Scratch (scratch-E)": 2, "Scratch (re-initialized)": 1}


def read(paths):
    runs, others = results.read_runs(paths)
    assert not others
    return runs


def test_seeds_of_tickets_from_learned_sparsities_belong_together(tmp_path):
    paths = []
    for seed, sparsity in enumerate([0.9123, 0.9052, 0.9210]):
        paths.append(tmp_path / f"ticket_{seed}")
        paths[-1].mkdir()
        found = {"technique": "fixed_mask", "start": "lottery_ticket", "seed": seed}
        found |= {"target_sparsity": round(sparsity, 3), "sparsity": sparsity, "accuracy": 0.8}
        found |= {"settings": {"MASKS_OF": "runs/learned_{seed}", "SEED": seed}}
        (paths[-1] / "result.json").write_text(json.dumps(found))
    runs, _ = results.read_runs(paths)
    (ticket,) = results.aggregate(runs, "accuracy")
    assert ticket.n == 3 and ticket.target_sparsity is None
    (alone,) = results.aggregate(runs[:1], "accuracy")
    assert alone.target_sparsity == 0.912
