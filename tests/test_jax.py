"""The JAX backend, in processes of their own, most of them on a machine that has no TensorFlow.

The first test runs the part of the conformance table that a minute allows. All of it:
`launch/test.sh tests/test_jax.py -m slow`.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.conformance import FILES, ONE_EACH

ROOT = pathlib.Path(__file__).parents[1]
# Runs a module as `python -m` would, where importing TensorFlow fails.
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules["tensorflow"] = None
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
TABLE, RUNNING, SAVING, TERMS, REPEATS = (
    f"tests/test_conformance{name}.py" for name in ("", "_running", "_saving", "_terms", "_repeats")
)
EVERY_TECHNIQUE = {TABLE: ["masks_at_every_step_of_the_schedule"]}
ROWS = [*ONE_EACH, "global magnitude", "l0, ramp"]
TWO_TECHNIQUES = {
    TABLE: [
        "masks_of_tied_weights_at_every_step_of_the_schedule",
        "evaluation_is_deterministic",
        "masks_are_boolean_of_the_kernels_shapes_and_strip_leaves_no_weight_outside_them",
    ],
    RUNNING: [
        "a_layer_called_three_times_counts_its_penalty_and_its_steps_once",
        "no_retracing_after_the_first_epoch",
        "forgetting_the_callback",
    ],
    SAVING: ["weights_file", "strip_predicts_the_same_and_leaves_the_sparse_model_as_it_is"],
    TERMS: ["constraints_hold_of_the_stripped_model_whatever_came_last"],
}
PART = [
    f"{file}::test_{name}[{row}]"
    for tests, rows in ((EVERY_TECHNIQUE, ROWS), (TWO_TECHNIQUES, ("magnitude", "l0, ramp")))
    for file, names in tests.items()
    for name in names
    for row in rows
]
# A mask that follows a schedule, one that depends on the last, and what is learned.
SAVED = ("magnitude", "rigl", "movement", "variational dropout", "l0")
PART += [f"{SAVING}::test_keras_file[{row}-ours]" for row in SAVED]
DRIVEN = "tests/updates/test_driven_training.py::test_"
PART += [  # where a trace that is kept would hide a missing driver
    f"{DRIVEN}training_on_without_a_driver[magnitude-loop, compile-train_on_batch]",
    f"{DRIVEN}training_on_without_a_driver[l0-update, compile-fit]",
    f"{DRIVEN}accumulated_gradients[2]",
]
HELD = "tests/schedules/test_target_sparsity.py::test_"
PART += [
    f"{HELD}variational_dropout_is_held_at_the_target_from_the_end_on",
    f"{HELD}gates_are_held_at_the_target_from_the_end_on[20.0]",
]
IN_PLACE = "tests/surgery/test_replacement.py::test_training_mode_reaches_wrappers_in_a_model"
PART += [f"{IN_PLACE}_that_does_not_take_it[VariationalDropout]"]
PART += [f"{TERMS}::test_no_regularizer_moves_a_weight_that_is_absent[l0]"]
PART += [
    "tests/training/runs/test_keep_snapshots.py::"
    "test_a_run_keeps_its_first_and_last_step_and_those_asked_for",
    "tests/surgery/test_fix_masks.py::test_masks_stay_in_training_and_numbers_will_do",
    "tests/optimizers/test_rewound.py::test_the_rate_in_compiled_training",
    "tests/training/test_tickets.py::"
    "test_a_ticket_has_the_masks_found_and_the_weights_of_the_step[0]",
    "tests/training/test_batch_statistics.py::"
    "test_statistics_are_the_averages_over_batches_of_what_a_batch_has",
]
PART += [f"tests/test_golden.py::test_five_steps[{path.stem}]" for path in FILES]
PART += [
    "tests/layers/test_random_numbers.py",
    "tests/layers/test_variational_dropout.py::test_moments_on_sequences[True-dense]",
]
PART += [f"{REPEATS}::test_an_update_repeated_at_its_step_changes_nothing[magnitude-constrained]"]


def run(module, *arguments, tensorflow=False):
    """Runs a module on JAX in a new process, and returns that once it has ended."""
    start = ["-m", module] if tensorflow else ["-c", WITHOUT_TENSORFLOW, module]
    # Compiling is most of the work here.
    backend = {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    if module == "pytest":  # several devices, for layouts
        backend["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **backend},
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param(["tests/jax_state_sync.py", "tests/jax_layouts.py", *PART], id="part"),
        pytest.param([TABLE, RUNNING, SAVING, TERMS], id="all", marks=pytest.mark.slow),
    ],
)
def test_conformance(tests):
    ended = run("pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "skipped" not in ended.stdout


SHORT = {"STEPS": 4, "EVAL_EVERY": 2, "STEPS_PER_EXECUTION": 1, "BEGIN_STEP": 0, "END_STEP": 2}


def train(gin_file, directory, tensorflow=False, **macros):
    bindings = [f"--gin_binding={name} = {value}" for name, value in {**SHORT, **macros}.items()]
    arguments = [f"--gin_file={gin_file}", *bindings, f"--run_dir={directory}"]
    return run("state_of_sparsity.bin.train", *arguments, tensorflow=tensorflow)


def result_of(ended, directory):
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (directory / "model.keras").exists()
    assert len((directory / "metrics.csv").read_text().splitlines()) == 3
    return json.loads((directory / "result.json").read_text())


def test_the_digits_without_tensorflow(tmp_path):
    ended = train("quickstart/variational_dropout.gin", tmp_path, KL_WEIGHT=1e-3)
    result = result_of(ended, tmp_path)
    assert result["technique"] == "variational_dropout" and result["sparsity"] > 0
    assert not (tmp_path / "tensorboard").exists()  # TensorFlow writes it


PRUNING = {"SPARSITY": 0.9, "FREQUENCY": 1}


@pytest.mark.slow
def test_the_digits_with_a_schedule_of_tfmot(tmp_path):
    ended = train("quickstart/magnitude_pruning.gin", tmp_path, tensorflow=True, **PRUNING)
    assert result_of(ended, tmp_path)["sparsity"] == pytest.approx(0.9, abs=1e-3)


def test_a_schedule_of_tfmot_without_tensorflow_is_one_line_that_says_what_to_do(tmp_path):
    ended = train("quickstart/magnitude_pruning.gin", tmp_path / "run", **PRUNING)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ") and ended.stderr.count("\n") == 1
    assert "TensorFlow" in ended.stderr and "sos.schedules.PolynomialDecay" in ended.stderr
    assert not (tmp_path / "run").exists()
