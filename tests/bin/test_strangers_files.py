"""Models, checkpoints and vocabularies of somebody else run no code, trusted or not."""

import json
import os
import shutil
import sys
import zipfile

import keras
import numpy as np
import pytest

from state_of_sparsity.bin import evaluate, gin_app, saved_run
from state_of_sparsity.data.text.vocabulary import Vocabulary
from state_of_sparsity.errors import UsageError
from state_of_sparsity.json_files import DamagedFileError

MODULE = "canary_of_files"


class Touch:
    """What touches the file `CANARY` when it is unpickled."""

    def __reduce__(self):
        return exec, ("import os, pathlib; pathlib.Path(os.environ['CANARY']).touch()",)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    path = tmp_path / "canary"
    text = "import os, pathlib\npathlib.Path(os.environ['CANARY']).touch()\n"
    (tmp_path / f"{MODULE}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CANARY", str(path))
    yield path
    sys.modules.pop(MODULE, None)


def model_with(change, path):
    """Saves a model whose configuration a stranger has changed."""
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    plain = path.with_name("plain.keras")
    keras.Sequential(layers).save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                change(config, config["config"]["layers"][-1])
                content = json.dumps(config)
            target.writestr(name, content)


def class_of_a_module(_, dense):
    dense.update(module=MODULE, class_name="Evil", registered_name=None)


def model_of_a_module(config, _):
    config.update(module=MODULE, class_name="Evil", registered_name=None)


def function_of_a_module(_, dense):
    name = {"class_name": "function", "config": "evil", "registered_name": "evil"}
    dense["config"]["activation"] = {"module": MODULE, **name}


def function_that_fetches(_, dense):
    name = {"class_name": "function", "config": "get_file", "registered_name": "get_file"}
    dense["config"]["activation"] = {"module": "keras.utils", **name}


def schedule_of_a_module(_, dense):
    """A sparse layer of ours, whose schedule is a class of the module."""
    schedule = {"module": MODULE, "class_name": "Evil", "config": {}, "registered_name": None}
    layer = json.loads(json.dumps(dense))
    name = "state_of_sparsity>MagnitudePruning"
    dense.update(module="state_of_sparsity", class_name="MagnitudePruning", registered_name=name)
    dense["config"] = {"name": "dense", "layer": layer, "schedule": schedule}


CHANGES = [class_of_a_module, model_of_a_module, function_of_a_module, function_that_fetches]


@pytest.mark.parametrize("change", [*CHANGES, schedule_of_a_module])
def test_a_model_names_code(canary, tmp_path, change):
    model_with(change, tmp_path / "model.keras")
    with pytest.raises(UsageError, match=r"`model` must be a `.keras` file that Keras can load"):
        saved_run.load_model(tmp_path / "model.keras")
    assert not canary.exists() and MODULE not in sys.modules


# What draws a picture into a file, by each of the ways in which Keras finds a function.
PLOT = {
    "function": ("keras.visualization", "function", "plot_image_gallery"),
    "dots_in_a_function": ("keras", "function", "visualization.plot_image_gallery"),
    "class": ("keras.visualization", "plot_image_gallery", {}),
    "dots_in_a_class": ("keras", "visualization.plot_image_gallery", {}),
    "where_keras_has_it": ("keras.src.visualization", "function", "plot_image_gallery"),
}


@pytest.mark.parametrize("way", PLOT)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_layer_calls_a_function_of_keras_that_writes(canary, tmp_path, way, legacy):
    """A layer that is called with a constant is called at once, while the file is loaded."""
    module, class_name, inner = PLOT[way]
    function = {"module": module, "class_name": class_name, "config": inner}
    image = {"value": np.zeros((1, 2, 2, 3)).tolist(), "dtype": "float32"}
    layer = {
        **({} if legacy else {"module": "keras.layers", "registered_name": None}),
        **{"class_name": "Lambda", "name": "evil"},
        "config": {"name": "evil", "function": function, "arguments": {"path": f"{canary}.png"}},
        "inbound_nodes": [{"args": [{"class_name": "__tensor__", "config": image}], "kwargs": {}}],
    }
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Flatten()(inputs)).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as source:
        contents = {name: source.read(name) for name in source.namelist()}
    config = json.loads(contents["config.json"])
    config["config"]["layers"].append(layer)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as target:
        for name, content in {**contents, "config.json": json.dumps(config)}.items():
            target.writestr(name, content)
    with pytest.raises(UsageError, match=r"it names keras.*plot_image_gallery"):
        saved_run.load_model(tmp_path / "model.keras")
    assert not list(tmp_path.glob("canary.*"))


def test_a_model_that_keras_names_by_its_source_is_loaded(tmp_path):
    inputs = keras.Input((4,))
    outputs = keras.ops.relu(keras.layers.LayerNormalization()(inputs)) + 1.0
    model = keras.Model(inputs, keras.Model(inputs, outputs)(inputs))
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert b'"keras.src.' in archive.read("config.json")
    assert saved_run.load_model(tmp_path / "model.keras").output_shape == (None, 4)


def test_functions_that_models_are_made_of_are_loaded(tmp_path):
    layers = [
        keras.layers.Dense(3, activation=keras.activations.gelu),
        keras.layers.Lambda(keras.ops.relu),
    ]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", keras.losses.mean_squared_error)
    model.save(tmp_path / "model.keras")
    ones = np.ones((2, 4), "float32")
    loaded = saved_run.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(ones, verbose=0), model.predict(ones, verbose=0))


def test_a_file_holds_no_model(tmp_path):
    def into_a_layer(config, dense):
        flatten = {**dense, "class_name": "Flatten", "config": {"name": "flatten"}}
        config.clear()
        config.update(flatten)

    model_with(into_a_layer, tmp_path / "model.keras")
    with pytest.raises(UsageError, match="it holds a Flatten"):
        saved_run.load_model(tmp_path / "model.keras")


def test_a_layer_has_a_name_that_terminals_obey(tmp_path):
    def named(_, dense):
        dense["config"]["name"] = "dense\x1b[2J"

    model_with(named, tmp_path / "model.keras")
    with pytest.raises(UsageError, match=r"it has the name 'dense\\x1b\[2J'"):
        saved_run.load_model(tmp_path / "model.keras")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
@pytest.mark.parametrize("name", ["run.json", "result.json", "checkpoints/step_00000001.npz"])
def test_a_run_has_a_pipe_for_a_file(run_dir, name):
    (run_dir / "run.json").rename(run_dir / "away")
    os.mkfifo(run_dir / name)
    if name != "run.json":
        (run_dir / "away").rename(run_dir / "run.json")
    if name == "result.json":
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()]).save(
            run_dir / "model.keras"
        )
    with pytest.raises((UsageError, DamagedFileError), match=f"{name} is damaged.*it is no file"):
        evaluate.evaluate_run(run_dir)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_vocabulary_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "vocabulary.model")
    with pytest.raises(ValueError, match=r"must be a file with a vocabulary.*no file"):
        Vocabulary.load(tmp_path / "vocabulary.model")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_model_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.keras")
    with pytest.raises(UsageError, match="it is no file"):
        saved_run.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.filterwarnings("ignore:.*legacy")
def test_a_model_holds_code(canary, tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    layer = keras.layers.Lambda(
        lambda x: (x, __import__("pathlib").Path(__import__("os").environ["CANARY"]).touch())[0]
    )
    keras.Sequential([keras.Input((8, 8, 1)), layer]).save(path)
    canary.unlink()
    with pytest.raises(UsageError, match="Lambda"):
        saved_run.load_model(path)
    assert not canary.exists()


@pytest.fixture
def run_dir(tmp_path):
    """A run directory that was started, and has nothing else yet."""
    path = tmp_path / "run"
    (path / "checkpoints").mkdir(parents=True)
    config = gin_app.parse(["quickstart/dense.gin"], [])
    (path / "run.json").write_text(json.dumps({"config": config, "commit": None}))
    return path


def test_a_finished_run_has_a_model_that_names_code(canary, tmp_path, run_dir):
    model_with(class_of_a_module, tmp_path / "model.keras")
    shutil.move(tmp_path / "model.keras", run_dir / "model.keras")
    result = {"steps": 1, "technique": "dense", "sparsity": 0.0}
    (run_dir / "result.json").write_text(json.dumps(result))
    for trusted in (False, True):
        with pytest.raises(UsageError, match=r"must be a `.keras` file that Keras can load"):
            evaluate.evaluate_run(run_dir, trusted=trusted)
    assert not canary.exists()


def test_a_checkpoint_has_pickled_objects(canary, run_dir):
    header = {"format": 1, "variables": [["a", [1], "object"]], "techniques": []}
    header |= {"step": 1, "wall_time_s": 1.0}
    evil = np.array([Touch()], dtype=object)
    np.savez(
        run_dir / "checkpoints" / "step_00000001.npz",
        **{"header": np.array(json.dumps(header)), "00000": evil},
        allow_pickle=True,
    )
    with pytest.raises(UsageError, match=r"step_00000001.npz is damaged \(.*allow_pickle=False"):
        evaluate.evaluate_run(run_dir)
    assert not canary.exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"import os", bytes(range(256)) * 9])
def test_a_vocabulary_is_something_else(tmp_path, content):
    (tmp_path / "vocabulary.model").write_bytes(content)
    with pytest.raises(ValueError, match="`path` must be a file with a vocabulary"):
        Vocabulary.load(tmp_path / "vocabulary.model")
