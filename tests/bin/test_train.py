import json
import sys

import pytest

from state_of_sparsity.bin import evaluate, gin_app, train
from state_of_sparsity.errors import UsageError

PRUNING = "quickstart/magnitude_pruning.gin"
SHORT = [
    "SPARSITY = 0.9",
    "STEPS = 2",
    "EVAL_EVERY = 1",
    "STEPS_PER_EXECUTION = 1",
    "BEGIN_STEP = 0",
    "END_STEP = 2",
    "FREQUENCY = 1",
]


def run(path, *bindings, gin_file=PRUNING):
    return train.run([gin_file], [*SHORT, *bindings], path)


def test_a_run_its_repetition_and_another_configuration(tmp_path, capsys, monkeypatch):
    path = tmp_path / "run"
    result = run(path)
    assert result["sparsity"] == pytest.approx(0.9, abs=1e-3)
    config = (path / "config.gin").read_text()
    assert "final_sparsity = %SPARSITY" in config
    assert "keras.optimizers.Adam.beta_1 = 0.9" in config  # defaults are recorded
    before = {p: p.stat().st_mtime_ns for p in path.rglob("*") if p.name != "lock"}
    capsys.readouterr()

    # As on a medium that can only be read.
    monkeypatch.setattr(train.output_path, "check_folder", lambda *_: pytest.fail("no writing"))
    assert run(path) is None
    assert "is finished; it is left alone" in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in path.rglob("*") if p.name != "lock"}

    with pytest.raises(UsageError, match=r"\(-SPARSITY = 0.9; \+SPARSITY = 0.8\)"):
        run(path, "SPARSITY = 0.8")


def test_the_recorded_configuration_reproduces_the_run(tmp_path):
    result = run(tmp_path / "first")
    again = train.run([str(tmp_path / "first" / "config.gin")], [], tmp_path / "second")
    metrics = [(tmp_path / name / "metrics.csv").read_text() for name in ("first", "second")]
    assert metrics[0] == metrics[1]
    assert again["accuracy"] == result["accuracy"]


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("SPARSITY = 1.5", r"final_sparsity must be in range \[0,1\)"),
        ("FREQUENCY = 7", "does not reach its final value within `steps`, 2"),
        ("STEPS = 1", "does not reach its final value within `steps`, 1"),
        ("STEPS_PER_EXECUTION = 3", "`eval_every` must be a multiple of `steps_per_execution`"),
        ("Adam.learning_rat = 0.1", "`Adam.learning_rat` is bound.*Did you mean learning_rate"),
        ("MagnitudePruning.schedul = 0.1", "Did you mean schedule"),
        ("Experiment.rules = [('no_such', @MagnitudePruning)]", "no_such.*hidden_1"),
        ("Experiment.rules = None", "Nothing uses the configuration of .*MagnitudePruning"),
    ],
)
def test_what_cannot_be_built_is_one_clear_line(tmp_path, binding, message):
    with pytest.raises(UsageError, match=message) as raised:
        run(tmp_path / "run", binding)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_after_a_mistake_the_right_command_works(tmp_path):
    with pytest.raises(UsageError):
        run(tmp_path, "SPARSITY = 1.5")
    assert run(tmp_path)["sparsity"] == pytest.approx(0.9, abs=1e-3)


def test_divergence_is_reported_with_its_step(tmp_path):
    with pytest.raises(UsageError, match=r"The loss in validation is (nan|inf) at step 1"):
        run(tmp_path, "LEARNING_RATE = 1e25", gin_file=PRUNING)


def main_as_process(monkeypatch, capsys, *arguments):
    """Runs the program as `python -m` would; returns its exit code, output and errors."""
    monkeypatch.setattr("sys.argv", ["train.py", *arguments])
    with pytest.raises(SystemExit) as raised:
        gin_app.run(train.main)
    output = capsys.readouterr()
    return raised.value.code, output.out, output.err


@pytest.fixture
def flags():
    """Defines the program's flags as `python -m` does, and takes them back."""
    from absl import flags

    values = flags.FLAGS
    saved = dict(values._flags())
    train.define_flags()
    yield values
    for name in set(values._flags()) - set(saved):
        delattr(values, name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gin_file=quickstart/dense.gin"], "Error: `run_dir` must be given"),
        (["--gin_flie=x"], "Error: Unknown command line flag 'gin_flie'. Did you mean: gin_file"),
        (["quickstart/dense.gin"], "Error: Unexpected argument 'quickstart/dense.gin'"),
        (["--run_dir=/nowhere", "--gin_file=no.gin"], "Error: There is no gin file no.gin."),
    ],
)
def test_errors_of_the_user_are_one_line_and_exit_code_2(
    monkeypatch, capsys, flags, arguments, message
):
    code, _, errors = main_as_process(monkeypatch, capsys, *arguments)
    assert code == 2
    assert errors.startswith(message)
    assert errors.count("\n") == 1


def test_dry_run_builds_prints_and_writes_nothing(monkeypatch, capsys, flags, tmp_path):
    bindings = [f"--gin_binding={binding}" for binding in SHORT]
    code, output, _ = main_as_process(
        monkeypatch,
        capsys,
        f"--gin_file={PRUNING}",
        *bindings,
        "--dry_run",
        f"--run_dir={tmp_path}",
    )
    assert not code
    assert "hidden_1/kernel" in output and "MagnitudePruning" in output
    assert "SPARSITY = 0.9" in output
    assert "memory of a step" in output and "(64 examples a replica)" in output
    assert not list(tmp_path.iterdir())


def test_a_dry_run_needs_no_data(monkeypatch, capsys, flags):
    arguments = ["--gin_file=lenet/dense/lenet_300_100.gin", "--data_dir=/nowhere", "--dry_run"]
    code, output, errors = main_as_process(monkeypatch, capsys, *arguments)
    assert not code, errors
    assert "hidden_1/kernel" in output and "(100 examples a replica)" in output


def test_data_that_are_not_there_leave_no_started_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import then fails
    with pytest.raises(UsageError, match="`data_dir` must be"):
        train.run(["lenet/dense/lenet_300_100.gin"], [], tmp_path / "run", "/nowhere")
    assert not (tmp_path / "run").exists()


def test_result_is_written_last(tmp_path):
    run(tmp_path)
    newest = max(
        (p for p in tmp_path.rglob("*") if p.is_file() and p.name != "progress.jsonl"),
        key=lambda p: p.stat().st_mtime_ns,
    )
    assert newest.name == "result.json"
    assert json.loads(newest.read_text())["technique"] == "magnitude_pruning"


def test_damaged_data_become_one_line(monkeypatch, tmp_path):
    import tensorflow as tf

    def fail(*_, **__):
        raise tf.errors.InvalidArgumentError(None, None, "Unknown image file format.")

    monkeypatch.setattr("state_of_sparsity.training.train.train", fail)
    with pytest.raises(UsageError, match=r"TensorFlow cannot go on: Unknown image file"):
        train.run(["quickstart/dense.gin"], [], tmp_path / "run", verbose=False)


def test_data_of_other_classes_leave_no_started_run(monkeypatch, tmp_path):
    from state_of_sparsity.data.images.digits import Digits

    monkeypatch.setattr(Digits, "classes", 20, raising=False)
    with pytest.raises(UsageError, match=r"`classes` must be 20, .* with 10 outputs"):
        run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


OWN = """
from __gin__ import dynamic_registration
import keras
from state_of_sparsity.training import experiment
include "quickstart/dense.gin"
experiment.Experiment.loss = @own/keras.losses.SparseCategoricalCrossentropy()
own/keras.losses.SparseCategoricalCrossentropy.from_logits = True
experiment.Experiment.optimizer = @keras.optimizers.SGD
"""


def test_a_file_of_ones_own_may_leave_out_what_the_packages_files_bind(tmp_path):
    file = tmp_path / "own.gin"
    file.write_text(OWN)
    steps = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1"]
    result = train.run([str(file)], steps, tmp_path / "run", verbose=False)
    assert result["optimizer"] == "SGD"
    assert evaluate.evaluate_run(tmp_path / "run")["metrics"]["accuracy"] == result["accuracy"]
    file.write_text(f"{OWN}keras.losses.MeanSquaredError.name = 'unused'\n")
    with pytest.raises(UsageError, match=r"Nothing uses the configuration of losses.MeanSq.*own"):
        train.run([str(file)], steps, tmp_path / "other", verbose=False)
