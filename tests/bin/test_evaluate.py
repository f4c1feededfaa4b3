import json
import shutil
import sys
import types

import gin
import keras
import pytest
from absl import flags

import state_of_sparsity as sos
from state_of_sparsity.bin import evaluate, figures, gin_app, train
from state_of_sparsity.errors import UsageError
from tests.small_mnist import random_mnist, write_mnist

STEPS = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1", "BEGIN_STEP = 0"]
# A gin file of its own, as bindings cannot import Keras.
TOP_5 = """
from __gin__ import dynamic_registration
import keras
from state_of_sparsity.training import experiment

experiment.Experiment.metrics = ["accuracy", @keras.metrics.SparseTopKCategoricalAccuracy()]
keras.metrics.SparseTopKCategoricalAccuracy.k = 5
"""
# After two steps log alpha is far below the usual threshold.
OWN = -5.5
BINDINGS = {
    "magnitude_pruning": ["SPARSITY = 0.9", "END_STEP = 2", "FREQUENCY = 1"],
    "variational_dropout": [
        *("KL_WEIGHT = 1e-4", "END_STEP = 2", f"VariationalDropout.threshold = {OWN}"),
    ],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Returns a folder with a finished run of each technique."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "top_5.gin").write_text(TOP_5)
    for technique, bindings in BINDINGS.items():
        gin_files = [f"quickstart/{technique}.gin"]
        gin_files += [str(folder / "top_5.gin")] if technique == "magnitude_pruning" else []
        train.run(gin_files, [*STEPS, *bindings], folder / technique, verbose=False)
    return folder


def result_of(path):
    return json.loads((path / "result.json").read_text())


def contents(path):
    return {p: (p.stat().st_mtime_ns, p.is_file() and p.read_bytes()) for p in path.rglob("*")}


def assert_gives(found, result):
    """Asserts that an evaluation gives exactly the figures of a run's result."""
    totals = ("sparsity", "size", "nonzero", "multiply_adds", "sparse_multiply_adds")
    assert {name: found[name] for name in totals} == {name: result[name] for name in totals}
    assert found["metrics"] == {name: result[name] for name in found["metrics"]}


@pytest.mark.parametrize("technique", BINDINGS)
def test_a_finished_run_gives_its_result_and_is_left_as_it_is(runs, technique, capsys):
    path, result = runs / technique, result_of(runs / technique)
    before = contents(path)
    found = evaluate.evaluate_run(path)
    assert contents(path) == before
    assert_gives(found, result)
    assert (found["step"], found["finished"], found["split"]) == (2, True, "test")
    assert sum(row["nonzero"] for row in found["layers"]) == result["nonzero"] < result["size"]
    assert found["layers"][0]["path"] == "hidden_1/kernel"
    output = capsys.readouterr().out
    assert "step 2 of 2 (finished)" in output
    assert "hidden_1/kernel" in output and f"{result['accuracy']:.4f}" in output


def test_top_5_is_there_where_the_experiment_asks_for_it(runs):
    name = "sparse_top_k_categorical_accuracy"
    metrics = evaluate.evaluate_run(runs / "magnitude_pruning")["metrics"]
    assert set(metrics) == {"loss", "accuracy", name}
    assert metrics["accuracy"] < metrics[name] <= 1
    assert set(evaluate.evaluate_run(runs / "variational_dropout")["metrics"]) == {
        "loss",
        "accuracy",
    }


def test_the_validation_split(runs):
    found = evaluate.evaluate_run(runs / "magnitude_pruning", split="validation")
    result = result_of(runs / "magnitude_pruning")
    assert found["metrics"]["loss"] == pytest.approx(result["val_loss"], rel=1e-6)
    assert found["metrics"]["loss"] != result["loss"]


def test_thresholds_of_a_run(runs, capsys):
    path, result = runs / "variational_dropout", result_of(runs / "variational_dropout")
    found = evaluate.evaluate_run(path, thresholds=[-7.0, OWN])
    assert_gives(found, result)
    sparser, own = found["thresholds"]
    assert own == {"threshold": OWN, **{name: result[name] for name in own if name in result}}
    assert sparser["sparsity"] > own["sparsity"]
    assert "-7.0000" in capsys.readouterr().out.split("threshold")[-1]


def test_an_unfinished_run_gives_its_last_checkpoint(runs, tmp_path, capsys):
    path = shutil.copytree(runs / "magnitude_pruning", tmp_path / "run")
    for name in ("result.json", "model.keras", "checkpoints/step_00000002.npz"):
        (path / name).unlink()
    found = evaluate.evaluate_run(path)
    assert (found["step"], found["finished"]) == (1, False)
    assert found["sparsity"] != result_of(runs / "magnitude_pruning")["sparsity"]
    assert "step 1 of 2 (not finished: its last checkpoint)" in capsys.readouterr().out


def test_a_finished_run_without_checkpoints_gives_its_model(runs, tmp_path):
    path = shutil.copytree(runs / "variational_dropout", tmp_path / "run")
    shutil.rmtree(path / "checkpoints")
    assert_gives(evaluate.evaluate_run(path), result_of(path))
    with pytest.raises(UsageError, match=r"`thresholds` .*with no sparse layers"):
        evaluate.evaluate_run(path, thresholds=[0.0])
    assert not (path / "checkpoints").exists()


def test_a_finished_run_without_its_last_checkpoint_gives_its_model(runs, tmp_path):
    path = shutil.copytree(runs / "magnitude_pruning", tmp_path / "run")
    (path / "checkpoints" / "step_00000002.npz").unlink()
    assert (path / "checkpoints" / "step_00000001.npz").exists()
    found = evaluate.evaluate_run(path)
    assert found["step"] == 2
    assert_gives(found, result_of(path))


def test_where_the_data_lie_is_no_part_of_a_run(tmp_path):
    bindings = [*STEPS[:3], "SparseCategoricalCrossentropy.name = %DATA_DIR"]
    gin_files = ["quickstart/dense.gin"]
    train.run(gin_files, bindings, tmp_path / "run", data_dir="first", verbose=False)
    for data_dir in ("moved", None):
        evaluate.evaluate_run(tmp_path / "run", data_dir)
        assert gin.query_parameter("DATA_DIR/macro.value") == data_dir


def test_a_run_whose_data_are_not_found_asks_for_data_dir(tmp_path, monkeypatch):
    write_mnist(tmp_path, *random_mnist(train=120, test=20))
    gin_files, bindings = (
        ["lenet/dense/lenet_300_100.gin"],
        ["BATCH_SIZE = 10", "VALIDATION_EXAMPLES = 20"],
    )
    bindings += STEPS[:3]
    train.run(gin_files, bindings, tmp_path / "run", data_dir=str(tmp_path), verbose=False)
    assert evaluate.evaluate_run(tmp_path / "run", str(tmp_path))["metrics"]
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import then fails
    asked = "A run does not record where its data lay: give --data_dir=DIRECTORY."
    with pytest.raises(UsageError, match=r"`data_dir` must be .*Received: None") as raised:
        evaluate.evaluate_run(tmp_path / "run")
    assert str(raised.value).endswith(asked)
    with pytest.raises(UsageError, match="`data_dir` must be") as raised:
        evaluate.evaluate_run(tmp_path / "run", "/nowhere")
    assert asked not in str(raised.value)


def test_a_stripped_model_on_the_data_of_a_gin_file(runs):
    path = runs / "magnitude_pruning"
    gin_files = ["quickstart/dense.gin", str(runs / "top_5.gin")]
    found = evaluate.evaluate_model(path / "model.keras", gin_files)
    assert_gives(found, result_of(path))
    assert found["model"] == str(path / "model.keras")
    assert {row["technique"] for row in found["layers"]} == {"dense"}


def small_network(input_shape=(8, 8, 1), classes=10):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, kernel_regularizer="l2"),
        ]
    )


def test_a_sparse_model_is_stripped_first(tmp_path):
    mask = keras.ops.convert_to_numpy(keras.ops.arange(640) % 4 == 0).reshape(64, 10)
    model = sos.sparsify(small_network(), lambda layer: sos.FixedMask(layer, mask))
    model.save(tmp_path / "sparse.keras")
    sos.strip(model).save(tmp_path / "stripped.keras")
    sparse, stripped = (
        evaluate.evaluate_model(tmp_path / name, ["quickstart/dense.gin"])
        for name in ("sparse.keras", "stripped.keras")
    )
    assert sparse["sparsity"] == stripped["sparsity"] == 0.75
    assert sparse["metrics"] == stripped["metrics"]
    assert sparse["layers"][0]["technique"] == "FixedMask"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"input_shape": (28, 28, 1)}, r"must fit the data.*Received: .*784.*64"),
        ({"classes": 5}, r"must fit the data.*Received a label value of \d.*range of \[0, 5\)"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_one_clear_line(tmp_path, network, message):
    small_network(**network).save(tmp_path / "model.keras")
    with pytest.raises(UsageError, match=message) as raised:
        evaluate.evaluate_model(tmp_path / "model.keras", ["quickstart/dense.gin"])
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 450


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.keras", "File not found"),
        ("damaged.keras", "it is neither a `.keras` file nor HDF5"),
        ("folder", "it is no file"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_clear_line(tmp_path, name, reason):
    (tmp_path / "damaged.keras").write_text("no model")
    (tmp_path / "folder").mkdir()
    message = rf"`model` must be .*Received: .*{name} \({reason}"
    with pytest.raises(UsageError, match=message) as raised:
        evaluate.evaluate_model(tmp_path / name, ["quickstart/dense.gin"])
    assert "\n" not in str(raised.value)


def test_runs_that_cannot_be_evaluated(runs, tmp_path):
    with pytest.raises(UsageError, match=r"`run_dir` must be a run .*Received: .*nowhere"):
        evaluate.evaluate_run(tmp_path / "nowhere")
    path = runs / "magnitude_pruning"
    with pytest.raises(UsageError, match=r"`thresholds` are those of variational dropout.*Magni"):
        evaluate.evaluate_run(path, thresholds=[0.0])
    (tmp_path / "begun").mkdir()
    shutil.copy(path / "run.json", tmp_path / "begun")
    with pytest.raises(UsageError, match=r"must have a checkpoint. Received: .*begun.*none yet"):
        evaluate.evaluate_run(tmp_path / "begun")
    damaged = shutil.copytree(path, tmp_path / "damaged")
    (damaged / "checkpoints" / "step_00000002.npz").write_bytes(b"damaged")
    with pytest.raises(UsageError, match=r"step_00000002.npz is damaged"):
        evaluate.evaluate_run(damaged)


class Data:
    """A data set of which nothing is held out and that finds no test images."""

    def validation(self):
        return None

    def test(self):
        raise ValueError("`data_dir` must be a folder of images.\nReceived: None.")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("validation", "`split` must be one that the data set has. Received: validation"),
        ("test", "`data_dir` must be a folder of images. Received: None."),
    ],
)
def test_data_that_are_not_there_are_one_clear_line(split, message):
    experiment = types.SimpleNamespace(data=Data(), loss="mse", metrics=[])
    with pytest.raises(UsageError, match=message):
        figures.measure(experiment, small_network(), split)


@pytest.fixture
def program(monkeypatch, capsys):
    """Returns a function that runs the program: its exit code, output and errors."""
    values, saved = flags.FLAGS, set(flags.FLAGS._flags())
    evaluate.define_flags()

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["evaluate.py", *arguments])
        with pytest.raises(SystemExit) as raised:
            gin_app.run(evaluate.main)
        output = capsys.readouterr()
        return raised.value.code, output.out, output.err

    yield run
    for name in set(values._flags()) - saved:
        delattr(values, name)


def test_the_output_holds_everything(program, runs, tmp_path):
    path, output = runs / "variational_dropout", tmp_path / "new" / "found.json"
    arguments = [f"--run_dir={path}", f"--thresholds=0,{OWN}", f"--output={output}"]
    code, text, errors = program(*arguments)
    assert not code, errors
    assert f"Written: {output}" in text
    found = json.loads(output.read_text())
    assert_gives(found, result_of(path))
    assert [row["threshold"] for row in found["thresholds"]] == [0.0, OWN]
    assert list(found["layers"][0]) == list(figures.LAYER_COLUMNS)
    assert [path.name for path in output.parent.iterdir()] == ["found.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Error: Either `run_dir` or `model` must be given"),
        (["--run_dir=a", "--model=b"], "Error: Either `run_dir` or `model` must be given"),
        (["--run_dir=a", "--gin_file=b.gin"], "Error: `gin_file` and `gin_binding` must be left"),
        (["--run_dir=a", "--thresholds=0,x"], "Error: `thresholds` must be numbers, such as"),
        (["--run_dir=a", "--thresholds=nan"], "Error: `thresholds` must be numbers, such as"),
        (["--model=a", "--thresholds=0"], "Error: `thresholds` needs the sparse model of a run"),
        (["--model=a"], "Error: `gin_file` must name at least one gin file"),
        (["--run_dir=a", "--split=train"], "Error: flag --split=train"),
        (["--run_dir=/nowhere"], "Error: `run_dir` must be a run of state_of_sparsity.bin.train"),
    ],
)
def test_errors_of_the_user_are_one_line_and_exit_code_2(program, arguments, message):
    code, _, errors = program(*arguments)
    assert code == 2
    assert errors.startswith(message)
    assert errors.count("\n") == 1
