"""Data, loss and figures of two runs: what is told apart, and what is not to be compared."""

import pytest

from state_of_sparsity.bin import judged_alike
from state_of_sparsity.training.runs.run_dir import RunDir

SETTINGS = {
    "SEED": 0,
    "SPLIT": None,
    "LEARNING_RATE": 0.1,
    "digits.Digits.seed": "%SEED",
    "digits.Digits.split_seed": "%SPLIT",
    "digits.Digits.batch_size": 64,
    "experiment.Experiment.data": "@digits.Digits()",
    "experiment.Experiment.loss": "@losses.Cross()",
    "losses.Cross.from_logits": True,
}
STEPS = 4
ROWS = [
    {"split": split, "alpha": place, "loss": loss, "error": 0.5}
    for split, place, loss in (("train", 1.0, 9.0), ("test", 0.0, 8.0), ("test", 1.0, 0.5))
]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SEED": 1, "digits.Digits.batch_size": 8, "LEARNING_RATE": 1.0}, None),
        ({"SPLIT": 1}, "with others: digits.Digits.split_seed = 1."),
        ({"losses.Cross.label_smoothing": 0.1}, "with others: losses.Cross.label_smoothing = 0.1."),
        ({"experiment.Experiment.data": "@mnist.Mnist()"}, "Experiment.data = @mnist.Mnist()"),
    ],
)
def test_data_and_loss_are_told_apart_by_what_they_are_made_with(changes, says):
    said = judged_alike.other_settings(SETTINGS, SETTINGS | changes)
    assert (said is None) if says is None else (says in said)


def test_what_the_first_run_alone_binds_is_said():
    said = judged_alike.other_settings(SETTINGS | {"losses.Cross.smoothing": 0.1}, SETTINGS)
    assert said.endswith("with others: losses.Cross.smoothing not set.")


@pytest.fixture
def end(tmp_path):
    """Returns a function: what is said of the second end, where its run has settings and losses."""

    def say(settings=(), step=STEPS, **losses):
        run_dir = RunDir(tmp_path / "run")
        run_dir.start("", {**SETTINGS, **dict(settings)})
        run_dir.finish({"technique": "dense", "sparsity": 0.0, "steps": STEPS, **losses})
        return judged_alike.not_as_recorded(ROWS, 1, run_dir, step)

    return say


def test_figures_that_are_not_those_of_the_result(end):
    assert "at 1 the test loss is 0.5, and 0.7 in the result of" in end(loss=0.7)


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": 0.5004},
        {"val_loss": 0.7},  # validation was not evaluated
        {},  # no test data
        {"loss": 0.7, "step": 2},
        {"loss": 0.7, "settings": {"A": 4, "experiment.Experiment.averaged_checkpoints": "%A"}},
        {"loss": 0.7, "settings": {"experiment.Experiment.precision": "mixed_bfloat16"}},
    ],
)
def test_figures_that_agree_or_do_not_compare(end, arguments):
    assert end(**arguments) is None
