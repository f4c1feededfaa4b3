"""What is wrong with cells is said before the first begins, and in one line."""

import os
import signal

import pytest

from state_of_sparsity.bin import cell_check, configured_experiment, grid, sweep
from state_of_sparsity.errors import UsageError
from tests.bin.called_program import called

PRUNE = "quickstart/magnitude_pruning.gin"
DENSE = "quickstart/dense.gin"


@pytest.fixture
def _here(monkeypatch):
    """Has cells checked in this process, which has imported Keras already."""
    monkeypatch.setattr(cell_check, "_apart", lambda function, *arguments: function(*arguments))


def found(tmp_path, *grids, bindings=()):
    return cell_check.problems(grid.all_cells(grids, bindings), tmp_path, None)


def test_cells_that_can_begin(tmp_path):
    assert found(
        tmp_path,
        f"{PRUNE} SPARSITY=0.5,0.9 SEED=0,1",
        "cifar10/magnitude_global.gin SPARSITY=0.9",
        "quickstart/l0_regularization.gin L0_WEIGHT=0.1",
        "quickstart/lottery_ticket.gin MASKS_OF='runs/not_there_yet'",
        "resnet50/dense.gin DATA_DIR='/mnt/not_on_this_machine'",
    ) == ([], "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ("quickstart/magnitud_pruning.gin SEED=0", "seed_0", "Did you mean quickstart/magnitude_"),
        (f"{PRUNE} SPARSITE=0.5", "sparsite_0.5", "Did you mean SPARSITY?"),
        (f"{PRUNE} SEED=0", "seed_0", "SPARSITY must be given"),
        (f"{PRUNE} SPARSITY=0.5,95", "sparsity_95", "A fraction is wanted: 0.95"),
        (f"{PRUNE} SPARSITY=0.5 END_STEP=501", "sparsity_0.5_end_step_501", "within `steps`, 1000"),
        (f"{DENSE} STEPS=10,100 EVAL_EVERY=100", "steps_10_eval_every_100", "multiple of `eval_ev"),
        (f"{DENSE} LEARNING_RATE=0.1,-1", "learning_rate_-1", "number from 0"),
        (f"{DENSE} SEED=0 Adam.epsilo=1", "seed_0_adam.epsilo_1", "Did you mean epsilon?"),
        (f"{DENSE} PRECISION='float8'", "precision_float8", "must be one of float32"),
        ("quickstart/l0_regularization.gin L0_WEIGHT=-1", "l0_weight_-1", "Received: -1"),
        ("schedules/cubic.gin SPARSITY=0.5", "sparsity_0.5", "%BEGIN_STEP is used but not defined"),
    ],
)
def test_a_cell_that_cannot(tmp_path, line, wrong, says):
    ((name, problem),), mistake = found(tmp_path, line)
    assert name.rpartition("/")[2] == wrong and mistake == ""
    assert says in problem and "\n" not in problem


def test_what_is_the_users_own_is_not_made(tmp_path, monkeypatch):
    """Data, callbacks and a rule of the user's would each raise here, as on another machine."""
    (tmp_path / "theirs.py").write_text(
        "def data(): raise OSError('not on this machine')\n"
        "def callback(): raise OSError('begins something')\n"
        "def rule(layer): return layer.strides\n"
    )
    (tmp_path / "mine.gin").write_text(
        "from __gin__ import dynamic_registration\n"
        "import theirs\n"
        "from state_of_sparsity.training import experiment\n"
        f'include "{DENSE}"\n'
        "experiment.Experiment.data = @theirs.data()\n"
        "experiment.Experiment.callbacks = [@theirs.callback()]\n"
        "experiment.Experiment.rules = @theirs.rule\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert found(tmp_path, "mine.gin SEED=0") == ([], "")


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("flags", [["--print"], ["--slurm"], ["--kubernetes=i", "--claim=c"], []])
def test_nothing_is_printed_or_begun(tmp_path, monkeypatch, capsys, flags):
    grids = [f"--grid={PRUNE} SPARSITY=0.5,95 SEED=0,1", f"--grid={DENSE} SEED=0"]
    sweep_dir = tmp_path / "runs"
    code, out, errors = called(
        monkeypatch, capsys, "sweep", *flags, *grids, f"--sweep_dir={sweep_dir}"
    )
    assert (code, "train" in out, errors.count("\n")) == (2, False, 1)
    first = "2 of 5 cells could not begin, the first magnitude_pruning/sparsity_95_seed_0: "
    assert errors.startswith(f"Error: {first}")
    assert not sweep_dir.exists()


@pytest.mark.usefixtures("_here")
def test_finished_cells_and_those_of_a_task_are_not_asked_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "sweep", lambda *_: [])
    (tmp_path / "dense/seed_0").mkdir(parents=True)
    (tmp_path / "dense/seed_0/result.json").write_text("{}")
    flags = [f"--sweep_dir={tmp_path}", f"--grid={DENSE} SEED=0,x"]
    assert called(monkeypatch, capsys, "sweep", *flags, "--cell=1")[0] is None
    code, _, errors = called(monkeypatch, capsys, "sweep", *flags)
    assert code == 2 and errors.startswith("Error: dense/seed_x could not begin: x is no value")


def test_a_mistake_of_ours_comes_with_its_traceback(tmp_path, monkeypatch):
    def fail():
        raise KeyError("a mistake")

    monkeypatch.setattr(configured_experiment, "check_values", fail)
    _, mistake = found(tmp_path, f"{DENSE} SEED=0")
    assert mistake.startswith("dense/seed_0: Traceback") and "KeyError: 'a mistake'" in mistake


def of_another_process(kind):
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("printed")
    return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"], os.environ["JAX_PLATFORMS"]


def test_the_process_that_checks(capfd):
    before = dict(os.environ)
    process, *devices = cell_check._apart(of_another_process, "")
    assert (process != os.getpid(), devices) == (True, ["-1", "cpu"])
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before
    with pytest.raises(UsageError, match="process that checks the cells was ended by SIGKILL"):
        cell_check._apart(of_another_process, "killed")
