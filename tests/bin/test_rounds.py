"""Rounds of pruning: each is the run that it says, and what is finished is left alone."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from state_of_sparsity.analysis import rounds as finished_rounds
from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import outcomes, round_plan, rounds, settings, train
from state_of_sparsity.bin.gin_app import parse
from state_of_sparsity.bin.round_recipe import FINE_TUNING, VARIANTS, Recipe
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir

FILES = ["quickstart/dense.gin"]
SHORT = ["STEPS = 4", "EVAL_EVERY = 2", "STEPS_PER_EXECUTION = 1", "Experiment.kept_steps = (2,)"]
RECIPE = {"rounds": 2, "rewind_step": 2, "reinitializations": 1}
WEIGHTS = 8 * 8 * 300 + 300 * 100 + 100 * 10


def run(directory, table=None, bindings=(), **recipe):
    rounds.run(FILES, [*SHORT, *bindings], directory, Recipe(**{**RECIPE, **recipe}), table=table)


def kept(path, step=None):
    """Returns what a run kept of a step, or of its last."""
    run_dir = RunDir(path)
    return snapshot.read(run_dir.snapshot(run_dir.read_result()["steps"] if step is None else step))


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """Returns a directory of two rounds and a branch of each, and the table they are in."""
    directory = tmp_path_factory.mktemp("pruned") / "seed_0"
    run(directory, RunTable(directory.parent / "runs.csv"))
    return directory


@pytest.fixture
def dense(pruned, tmp_path):
    """Returns a directory with a finished dense run."""
    shutil.copytree(pruned / "round_00", tmp_path / "rounds" / "round_00")
    return tmp_path / "rounds"


def test_each_round_loses_its_share_of_the_smallest_weights(pruned):
    before, left = kept(pruned / "round_00"), WEIGHTS
    assert before.masks == {}
    for number in (1, 2):
        masks = kept(pruned / f"round_0{number}").masks
        left -= round(0.2 * left)
        assert sum(int(mask.sum()) for mask in masks.values()) == left
        old = {path: before.masks.get(path, np.ones_like(mask)) for path, mask in masks.items()}
        stays = np.concatenate([np.abs(before.weights[p])[m] for p, m in masks.items()])
        goes = np.concatenate([np.abs(before.weights[p])[old[p] & ~m] for p, m in masks.items()])
        assert not any((mask & ~old[path]).any() for path, mask in masks.items())
        assert goes.max() <= stays.min()
        before = kept(pruned / f"round_0{number}")


def test_rounds_begin_from_the_step_that_they_are_rewound_to(pruned):
    early = kept(pruned / "round_00", 2)
    for number in (1, 2):
        begin = kept(pruned / f"round_0{number}", 0)
        for path, weights in early.weights.items():
            np.testing.assert_array_equal(begin.weights[path], weights)
        assert RunDir(pruned / f"round_0{number}").read_result()["steps"] == 4 - 2


def test_branches_have_the_masks_of_their_round_and_other_weights(pruned):
    begins = [kept(pruned / "round_00", 0).weights]
    for number in (1, 2):
        branch = pruned / "reinitialized_1" / f"round_0{number}"
        for path, mask in kept(pruned / f"round_0{number}").masks.items():
            np.testing.assert_array_equal(kept(branch).masks[path], mask)
        begins.append(kept(branch, 0).weights)
    for path in kept(pruned / "round_01").masks:
        assert len({weights[path].tobytes() for weights in begins}) == 3


def test_a_round_can_be_repeated_by_train_from_what_it_recorded(pruned, tmp_path):
    parse(FILES, SHORT)
    planned = round_plan.plan(FILES, SHORT, settings.of_parsed(), Recipe(**RECIPE))[2]
    elsewhere = shutil.copytree(pruned, tmp_path / "moved")
    again = elsewhere / "round_02_again"
    train.run(planned.gin_files, planned.bindings, again, verbose=False)
    for name in ("metrics.csv", "report.csv"):
        assert (again / name).read_text() == (pruned / "round_02" / name).read_text()
    recorded = [json.loads((p / "run.json").read_text()) for p in (again, pruned / "round_02")]
    assert recorded[0] == recorded[1]


def test_a_finished_run_is_left_alone_and_further_rounds_go_on(pruned, tmp_path, capsys):
    directory = shutil.copytree(pruned, tmp_path / "rounds")
    files = [p for p in directory.rglob("*") if p.is_file() and "rounds.csv" not in p.name]
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    run(directory, rounds=3, reinitializations=0)
    for path, state in before.items():
        assert (path.stat().st_mtime_ns, path.read_bytes()) == state, path
    out = capsys.readouterr().out
    assert "[2/4] round_01  80.00 % of weights left  finished before, left alone" in out
    assert "[4/4] round_03  51.20 % of weights left  sparsity 0.4880  accuracy 0." in out
    assert len(out.split("\n\n")[1].splitlines()) == 1 + 4 + 2  # those that were there, too
    assert len(finished_rounds.read(directory)) == 6


def test_another_share_is_said_and_nothing_is_trained(pruned, tmp_path):
    directory = shutil.copytree(pruned, tmp_path / "rounds")
    said = r"^round_01: .*another configuration \(-SHARE = 0\.2; \+SHARE = 0\.3\)"
    with pytest.raises(UsageError, match=said):
        run(directory, share=0.3, rounds=3)
    assert not (directory / "round_03").exists()


@pytest.mark.slow  # the suite has what differs, the plan and the starts
@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_the_other_variants_begin_from_the_last_weights(dense, variant):
    final_rate = 1e-4 if variant == FINE_TUNING else None
    recipe = {"rewind_step": 0, "reinitializations": 0, "rounds": 1, "final_rate": final_rate}
    run(dense, variant=variant, layer_shares=(("logits", 0.0),), **recipe)
    begin, end = kept(dense / "round_01", 0), kept(dense / "round_00")
    for path, weights in end.weights.items():
        np.testing.assert_array_equal(begin.weights[path], weights)
    assert not any("logits" in path for path in begin.masks)
    metrics = RunDir(dense / "round_01").read_metrics()
    assert RunDir(dense / "round_01").read_result()["start"] == f"iterative_masks_{variant}"
    rates = [row["learning_rate"] for row in metrics]
    assert rates == pytest.approx([1e-4, 1e-4] if final_rate else [0.005, 0.0], abs=1e-9)


def test_every_finished_run_is_a_line_of_the_tables(pruned):
    rows = RunTable(pruned.parent / "runs.csv").read()
    names = ["reinitialized_1/round_01", "reinitialized_1/round_02"]
    names += ["round_00", "round_01", "round_02"]
    assert [row["run"] for row in rows] == [f"seed_0/{name}" for name in names]
    starts = ["iterative_masks_scratch"] * 2 + [None] + ["iterative_masks_rewinding_to_2"] * 2
    assert [row["start"] for row in rows] == starts
    assert (pruned / rounds.CSV).read_text().count("\n") == 1 + 5


@pytest.mark.parametrize(
    ("bindings", "recipe", "said"),
    [
        ((), {"rewind_step": 4}, r"round_01.*`rewind_step` is 4.*`rate_from` must be less"),
        ((), {"layer_shares": (("logit_s", 0.1),)}, r"round_01.*`shares` must name.*'logit_s'"),
        (
            (),
            {"rewind_step": 0, "variant": "fine_tuning"},
            r"round_01 could not begin: `final_rate` must be given",
        ),
        (["LENGTH = 2"], {}, r"The macro LENGTH"),
    ],
)
def test_what_the_first_round_needs_is_known_before_the_dense_run(tmp_path, bindings, recipe, said):
    with pytest.raises(UsageError, match=said):
        run(tmp_path / "new", bindings=bindings, **recipe)
    assert not (tmp_path / "new").exists()


def test_a_run_is_no_directory_of_rounds(pruned):
    with pytest.raises(UsageError, match=r"`rounds_dir` must be no run itself"):
        run(pruned / "round_00")


def test_a_run_of_another_process_is_said_and_nothing_that_needs_it_begins(dense, monkeypatch):
    monkeypatch.setattr(rounds, "_SECONDS_FOR_OTHERS", 0.1)
    said = r"^round_01: running elsewhere \(process \d+\)\. Wait"
    with RunDir(dense / "round_01").lock(), pytest.raises(UsageError, match=said):
        run(dense)
    assert sorted(path.name for path in dense.glob("[!.]*")) == ["round_00", "rounds.csv"]


def test_a_damaged_run_is_one_line(dense):
    (dense / "round_00" / "report.csv").write_text("path,size\n,1\n")
    with pytest.raises(UsageError, match=r"^round_00: report\.csv: row 1 must have a path.*again"):
        run(dense)


@pytest.mark.slow
def test_workers_run_branches_beside_rounds(pruned, tmp_path, capfd):
    rounds.run(FILES, SHORT, tmp_path, Recipe(**RECIPE), workers=2)
    found, expected = finished_rounds.read(tmp_path), finished_rounds.read(pruned)
    assert [each.name for each in found] == [each.name for each in expected]
    assert [e.weights_left for e in found] == [e.weights_left for e in expected]
    assert len(list(tmp_path.glob("worker_*.log"))) == 2
    assert "[5/5] reinitialized_1/round_0" in capfd.readouterr().out


def fake(monkeypatch, **errors):
    """Has runs say that they are finished, or raise, in no time; returns those that were begun."""
    begun = []

    def pretend(planned, directory, data_dir):
        begun.append(planned.directory)
        path = pathlib.PurePath(planned.directory)
        error = errors.get(path.name if len(path.parts) == 1 else path.parts[0])
        if isinstance(error, outcomes.Outcome):
            return error
        if error is not None:
            raise error
        return outcomes.Outcome(outcomes.TRAINED, "fake")

    monkeypatch.setattr(rounds, "run_one", pretend)
    monkeypatch.setattr(rounds, "_with_weights_left", lambda outcome, *_: outcome)
    monkeypatch.setattr(rounds.round_rehearsal, "check", lambda *_: None)
    return begun


def test_rounds_come_before_branches_and_what_fails_stops_no_others(tmp_path, monkeypatch):
    failed = outcomes.Outcome(outcomes.FAILED, "FAILED: NaN.")
    begun = fake(monkeypatch, reinitialized_2=failed)
    said = r"^reinitialized_2/round_01: NaN\. 1 more failed, as said above\. Once"
    with pytest.raises(UsageError, match=said):
        run(tmp_path, reinitializations=2)
    assert begun[:3] == ["round_00", "round_01", "round_02"] and len(begun) == 3 + 4
    begun = fake(monkeypatch, round_01=failed)
    with pytest.raises(UsageError, match=r"^round_01: NaN"):
        run(tmp_path)
    assert begun == ["round_00", "round_01"]


def test_a_mistake_of_ours_ends_as_one(tmp_path, monkeypatch):
    crashed = outcomes.Outcome(outcomes.CRASHED, "CRASHED: KeyError('a')")
    fake(monkeypatch, round_02=crashed)
    with pytest.raises(RuntimeError, match=r"^round_02: CRASHED: Key"):
        run(tmp_path)


def test_an_interruption_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    fake(monkeypatch, round_01=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    said = "1 of 5 runs are done; those that were running go on from their last checkpoint."
    assert capsys.readouterr().err.strip() == said
