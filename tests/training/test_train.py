import functools
import json
import math
import re
import zipfile

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.training.description import describe
from state_of_sparsity.training.evaluate import evaluate
from state_of_sparsity.training.runs import checkpoint
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import (
    EVAL_EVERY,
    MOVES,
    RAMP,
    SCHEDULE,
    STEPS,
    TECHNIQUES,
    small_experiment,
)


class CountedTestData:
    """Digits that count how often the test split is read."""

    def __init__(self, data):
        self._data = data
        self.batch_size, self.train, self.validation = data.batch_size, data.train, data.validation
        self.test_reads = 0

    def test(self):
        self.test_reads += 1
        return self._data.test()


@pytest.fixture
def finished(tmp_path, capsys):
    """Returns (experiment, sparse model, run directory, result, printed text) of a short run."""
    experiment = small_experiment("magnitude_pruning")
    experiment = small_experiment("magnitude_pruning", data=CountedTestData(experiment.data))
    run_dir = RunDir(tmp_path / "run")
    run_dir.start("the configuration", {"STEPS": STEPS, "SEED": 0})
    model = experiment.build()
    result = train(experiment, model, run_dir)
    return experiment, model, run_dir, result, capsys.readouterr().out


def test_a_run_leaves_what_its_directory_promises(finished):
    experiment, _, run_dir, result, text = finished
    assert run_dir.is_finished
    assert json.loads(run_dir.result.read_text()) == result
    assert result["name"] == result["technique"] == "magnitude_pruning"
    assert result["target_sparsity"] == 0.8
    assert result["sparsity"] == pytest.approx(0.8, abs=0.001)
    assert result["nonzero"] == round(result["size"] * (1 - result["sparsity"]))
    assert (result["steps"], result["seed"]) == (STEPS, 0)
    assert result["config_hash"] == config_hash({"STEPS": STEPS, "SEED": 1})
    assert result["settings"] == {"STEPS": STEPS, "SEED": 0}
    assert (result["distribution"], result["data_set"]) == ("uniform", "counted_test_data")
    assert (result["model"], result["batch_size"]) == ("network", 32)
    assert (result["optimizer"], result["learning_rate"]) == ("Adam", 0.01)
    assert experiment.data.test_reads == 1
    rows = [json.loads(line) for line in run_dir.metrics_jsonl.read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(EVAL_EVERY, STEPS + 1, EVAL_EVERY))
    assert rows[-1]["val_accuracy"] == result["val_accuracy"]
    assert rows[-1]["sparsity"] == pytest.approx(0.8, abs=0.001)
    assert "hidden/kernel" in run_dir.report("csv").read_text()
    assert "MagnitudePruning" in run_dir.report("txt").read_text()
    assert run_dir.report("md").read_text().startswith("|")
    for phase in ("starting at step 0", "compiling the first step", "evaluating the stripped"):
        assert phase in text


def test_the_saved_model_is_plain_keras_and_gives_the_published_figures(finished):
    experiment, sparse, run_dir, result, _ = finished
    with zipfile.ZipFile(run_dir.model) as archive:
        assert "state_of_sparsity" not in archive.read("config.json").decode()
    model = keras.saving.load_model(run_dir.model)
    figures = evaluate(model, experiment.data.test(), experiment.loss, experiment.metrics)
    assert figures == {name: result[name] for name in figures}
    images, _ = experiment.data.validation()[0]
    np.testing.assert_allclose(
        model.predict(images, verbose=0), sparse.predict(images, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("technique", "penalized"), [("magnitude_pruning", False), ("variational_dropout", True)]
)
def test_the_losses_of_a_result_are_those_of_the_data_alone(tmp_path, technique, penalized):
    experiment, run_dir = small_experiment(technique), RunDir(tmp_path / "run")
    run_dir.start("")
    result = train(experiment, experiment.build(), run_dir, verbose=False)
    row = json.loads(run_dir.metrics_jsonl.read_text().splitlines()[-1])
    assert ("val_loss" not in result) == penalized and "val_loss" in row
    assert result["val_accuracy"] == row["val_accuracy"]


def test_the_mean_of_checkpoints_is_what_a_run_leaves(tmp_path):
    experiment = small_experiment("magnitude_pruning", averaged_checkpoints=3)
    run_dir = RunDir(tmp_path / "run")
    run_dir.start("")
    result = train(experiment, experiment.build(), run_dir, verbose=False)
    plain = keras.saving.load_model(run_dir.model)
    figures = evaluate(plain, experiment.data.validation(), experiment.loss, experiment.metrics)
    assert figures == {name: result[f"val_{name}"] for name in figures}
    biases = []
    for path in sorted(run_dir.checkpoints.iterdir()):
        model = experiment.build()
        checkpoint.restore(path, model)
        biases.append(model.get_layer("logits").layer.bias.numpy())
    assert len(biases) == 3 and not np.array_equal(biases[0], biases[2])
    left = keras.saving.load_model(run_dir.model)
    np.testing.assert_allclose(left.get_layer("logits").bias, np.mean(biases, axis=0), rtol=1e-6)
    assert result["sparsity"] == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_description_has_kernels_and_everything_that_changes(technique):
    rate = keras.optimizers.schedules.PolynomialDecay(0.5, decay_steps=STEPS)
    optimizer = functools.partial(keras.optimizers.SGD, rate)
    experiment = small_experiment(technique, optimizer=optimizer)
    model = experiment.build()
    text = describe(experiment, model)
    weights = sum(math.prod(v.shape) for v in model.trainable_variables if v.name == "kernel")
    totals = dict(re.findall(r"(?m)^(all kernels|kernels that .*?) {2,}([\d,]+)$", text))
    assert totals == {
        "all kernels": f"{weights:,}",
        "kernels that are made sparse": "0" if technique == "dense" else f"{weights:,}",
    }
    assert "hidden/kernel" in text
    header, *rows = text[text.index("      step") :].splitlines()
    columns = {"step": lambda step: step, "learning rate": lambda step: float(rate(step))}
    if technique.endswith("pruning") or technique == "rigl":
        columns["sparsity"] = (MOVES if technique == "rigl" else SCHEDULE).sparsity
    elif technique != "dense":
        columns["penalty"] = RAMP
    assert [name.strip() for name in header.split("  ") if name] == list(columns)
    assert len(rows) == STEPS + 1
    for step, row in enumerate(rows):
        expected = [column(step) for column in columns.values()]
        assert [float(cell) for cell in row.split()] == pytest.approx(expected, rel=1e-5)


def test_description_shows_phases_that_fall_between_its_rows():
    phases = sos.schedules.Alternating(0.9, begin_step=100, phase_steps=50, end_step=400)
    rules = functools.partial(sos.ACDC, schedule=phases)
    experiment = small_experiment("dense", rules=rules, steps=1000, eval_every=1000)
    text = describe(experiment, experiment.build())
    rows = [row.split() for row in text[text.index("      step") :].splitlines()[1:]]
    assert {row[0] for row in rows} == {*map(str, range(0, 1001, 100)), "150", "250", "350"}
    for step, _, sparsity in rows:
        assert float(sparsity) == phases.sparsity(int(step))
