"""A chain of runs by gin files: a source, its ticket, killed, resumed, moved and evaluated."""

import shutil

import numpy as np
import pytest

from state_of_sparsity.bin import evaluate, recorded_configuration, train
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs import save_checkpoints, snapshot
from state_of_sparsity.training.runs.run_dir import RunDir

SHORT = ["STEPS = 4", "EVAL_EVERY = 2", "STEPS_PER_EXECUTION = 1"]
BASE = "quickstart/digits.gin"
ONE_SHOT = "tickets/one_shot_masks.gin"


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing catches it."""


def run(path, *gin_files, bindings=()):
    return train.run([BASE, *gin_files], [*SHORT, *bindings], path, verbose=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Returns the directory of a dense run."""
    path = tmp_path_factory.mktemp("source") / "seed_0"
    run(path, bindings=["Experiment.name = 'dense'", "Experiment.kept_steps = (1,)"])
    return path


def kept(path, step):
    return snapshot.read(RunDir(path).snapshot(step))


@pytest.mark.slow
def test_a_ticket_killed_without_its_source_moved_and_evaluated(source, tmp_path, monkeypatch):
    there = tmp_path / "seed_0"
    shutil.copytree(source, there)
    bindings = [f"MASKS_OF = '{tmp_path}/seed_{{seed}}'", "SHARE = 0.5"]
    bindings.append("SHARES = (('^logits/', 0.1),)")
    files = "tickets/lottery_ticket.gin", ONE_SHOT
    whole = run(tmp_path / "whole", *files, bindings=bindings)
    assert (whole["technique"], whole["start"]) == ("fixed_mask", "one_shot_masks_lottery_ticket")
    assert whole["sparsity"] == pytest.approx(0.5, abs=0.01)
    logits = kept(tmp_path / "whole", 4).masks["logits/kernel"]
    assert logits.mean() == pytest.approx(0.9, abs=0.001)

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(save_checkpoints.SaveCheckpoints, "on_epoch_end", die)
        run(tmp_path / "killed", *files, bindings=bindings)
    assert RunDir(tmp_path / "killed").snapshot_steps() == [0]
    shutil.rmtree(there)
    resumed = run(tmp_path / "killed", *files, bindings=bindings)
    for name in ("loss", "val_loss", "accuracy", "sparsity", "start"):
        assert resumed[name] == whole[name]
    recorded, other = ((tmp_path / n / "config.gin").read_text() for n in ("whole", "killed"))
    assert other == recorded.replace("whole", "killed")
    assert "ticket_masks.pruned.share = %SHARE" in recorded
    for step in (0, 4):
        one, other = kept(tmp_path / "whole", step), kept(tmp_path / "killed", step)
        for part in ("weights", "masks"):
            arrays, others = getattr(one, part), getattr(other, part)
            assert list(arrays) == list(others)
            for path, array in arrays.items():
                np.testing.assert_array_equal(array, others[path])
    first = kept(source, 0).weights
    for path, array in kept(tmp_path / "killed", 0).weights.items():
        np.testing.assert_array_equal(array, first[path])

    # On another machine; its configuration is trusted, and the source that it names is not there.
    (tmp_path / "killed").rename(tmp_path / "elsewhere")
    found = evaluate.evaluate_run(tmp_path / "elsewhere")
    assert found["metrics"]["accuracy"] == whole["accuracy"]


def test_variants_have_names_of_their_own_by_gin_too(source, tmp_path):
    masks = [f"MASKS_OF = '{source}'", "SHARE = 0.5"]
    pruned = run(tmp_path / "pruned", "tickets/lottery_ticket.gin", ONE_SHOT, bindings=masks)
    variants = ("scratch_b", "sparse_initialization", "shuffled_masks")
    files = [f"tickets/{name}.gin" for name in variants]
    found = run(tmp_path / "run", *files, bindings=[f"MASKS_OF = '{tmp_path}/pruned'"])
    assert found["start"] == "shuffled_masks_scratch_sparse_initialization_2_times"
    assert (found["steps"], found["sparsity"]) == (8, pruned["sparsity"])


@pytest.mark.parametrize(
    ("name", "binding", "message"),
    [
        ("lottery_ticket", None, r"must be a run with sparse kernels.* @ticket_masks\.pruned"),
        ("late_rewinding", "REWIND_STEP = 2", r"kept step 2\..*has kept 0, 1, 4\. Choose"),
        ("late_rewinding", "REWIND_STEP = 4", r"`rate_from` must be less than"),
        ("fine_tuning", "SHARE = 0.5", r"`final_rate` must be given.*Bind a rate"),
        ("scratch_b", "MASKS_OF = 'runs/nowhere'", r"runs/nowhere, which is none\. Train it"),
        ("scratch_b", "LENGTH = 0.75", r"multiple of `eval_every`, 2\. Received: 3 of 4"),
        ("scratch_b", "Start.masks = @Start", r"`masks` must be a function"),
        ("scratch_b", "Experiment.start = @Start", r"`start` must be a tickets\.Start\(\)"),
    ],
)
def test_a_start_that_does_not_fit_is_one_clear_line(source, tmp_path, name, binding, message):
    files, bindings = [f"tickets/{name}.gin"], [f"MASKS_OF = '{source}'"]
    if binding is not None:
        bindings.append(binding)
    if name in ("late_rewinding", "fine_tuning"):
        files.append(ONE_SHOT)
        bindings.append("SHARE = 0.5")
    with pytest.raises(UsageError, match=message) as raised:
        run(tmp_path / "run", *files, bindings=bindings)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_recorded_start_looks_for_its_snapshot_in_no_directory_but_the_runs():
    start = "experiment.Experiment.start = @tickets.Start()\ntickets.Start.directory = "
    imports = "".join(
        f"from {module} import {name}\n"
        for module, name in (
            ("__gin__", "dynamic_registration"),
            ("state_of_sparsity.training", "experiment"),
            ("state_of_sparsity.training", "tickets"),
        )
    )
    recorded_configuration.check(f"{imports}{start}%RUN_DIR\n", "runs/one")
    with pytest.raises(UsageError, match=r"tickets\.Start\.directory = '/etc'"):
        recorded_configuration.check(f"{imports}{start}'/etc'\n", "runs/one")
