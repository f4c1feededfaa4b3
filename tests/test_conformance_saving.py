"""What holds for every technique when it is saved and loaded, here and in another process."""

import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from tests.test_conformance import (
    LAYERS,
    SCHEDULE,
    TECHNIQUES,
    X,
    every_technique,
    outputs_of,
    penalty_of,
    sparse_model,
)

ROOT = pathlib.Path(__file__).parents[1]
HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


@functools.cache
def user_schedule():
    """Returns an instance of a user's registered class, of TF-MOT's kind where there is one."""
    ours = sos.schedules.ConstantSparsity
    base = pruning_schedules().PruningSchedule if HAS_TENSORFLOW else ours

    @keras.saving.register_keras_serializable(package="somebody_elses")
    class Staircase(base):
        def __init__(self, heights):
            self.heights = heights

        def __call__(self, step):
            return step % 4 == 0, self.heights[min(step // 4, len(self.heights) - 1)]

        def get_config(self):
            return {"heights": self.heights}

    return Staircase([0.0, 0.25, 0.75])


def tfmot_schedule():
    return pruning_schedules().PolynomialDecay(0.25, 0.75, begin_step=4, end_step=8, frequency=4)


SCHEDULES = {"ours": lambda: SCHEDULE, "user": user_schedule}
if HAS_TENSORFLOW:
    SCHEDULES["tfmot"] = tfmot_schedule
# A technique without a schedule is saved in one way only.
WAYS = [(n, s) for n, t in TECHNIQUES.items() for s in SCHEDULES if t.scheduled or s == "ours"]


def updated_model(name, schedule=SCHEDULE):
    """Returns a sparse model as it is at step 8."""
    model = sparse_model(name, schedule)
    sos.UpdateSparsity().update(model, 8)
    return model


def check_same(found, expected):
    np.testing.assert_allclose(outputs_of(found), outputs_of(expected), rtol=1e-6, atol=1e-7)
    masks = sos.masks(expected)
    assert list(sos.masks(found)) == list(masks)
    for path, mask in sos.masks(found).items():
        np.testing.assert_array_equal(mask, masks[path])


@pytest.mark.parametrize(("name", "schedule"), WAYS)
def test_configuration(name, schedule):
    model = updated_model(name, SCHEDULES[schedule]())
    for layer in LAYERS:
        wrapper = model.get_layer(layer)
        config = json.loads(json.dumps(wrapper.get_config()))
        again = type(wrapper).from_config(config)
        assert json.loads(json.dumps(again.get_config())) == config
        assert type(again) is type(wrapper) and type(again.layer) is type(wrapper.layer)
        through_keras = keras.saving.serialize_keras_object(wrapper)
        revived = keras.saving.deserialize_keras_object(json.loads(json.dumps(through_keras)))
        assert json.loads(json.dumps(revived.get_config())) == config


@pytest.mark.parametrize(("name", "schedule"), WAYS)
def test_keras_file(name, schedule, tmp_path):
    model = updated_model(name, SCHEDULES[schedule]())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    check_same(loaded, model)
    # The penalties, at their weight of step 8.
    np.testing.assert_allclose(penalty_of(loaded), penalty_of(model), rtol=1e-6)
    assert bool(loaded.losses) == (TECHNIQUES[name].state is not None)
    for layer in LAYERS:
        wrapper, original = loaded.get_layer(layer), model.get_layer(layer)
        assert wrapper.needs_driver == TECHNIQUES[name].driven
        if TECHNIQUES[name].scheduled:
            assert type(wrapper.schedule) is type(original.schedule)
            for step in range(12):
                now, then = wrapper.schedule(step), original.schedule(step)
                assert (bool(now[0]), float(now[1])) == (bool(then[0]), float(then[1]))
    # And it goes on as the original would, one group of layers included.
    for either in (model, loaded):
        for wrapper in sos.sparse_layers(either).values():
            kernel = wrapper.layer.kernel
            kernel.assign(kernel.numpy()[::-1] * np.linspace(0.5, 1.5, kernel.shape[-1]))
        sos.UpdateSparsity().update(either, 8)
    check_same(loaded, model)


@every_technique
def test_weights_file(name, tmp_path):
    model = updated_model(name)
    model.save_weights(tmp_path / "model.weights.h5")
    other = sparse_model(name)
    other.load_weights(tmp_path / "model.weights.h5")
    check_same(other, model)


@every_technique
def test_strip_predicts_the_same_and_leaves_the_sparse_model_as_it_is(name):
    model = updated_model(name)
    before = [variable.numpy().copy() for variable in model.variables]
    plain = sos.strip(model)
    np.testing.assert_allclose(outputs_of(plain), outputs_of(model), rtol=1e-6, atol=1e-7)
    assert not any(isinstance(layer, sos.SparseWrapper) for layer in plain._flatten_layers())
    assert [layer.name for layer in plain.layers] == [layer.name for layer in model.layers]
    for variable in plain.variables:  # a copy: nothing done to it reaches the sparse model
        variable.assign(np.zeros(variable.shape))
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def run_elsewhere(program, folder, **environment):
    """Runs a program in a new process in `folder`, which is not the repository."""
    if not HAS_TENSORFLOW:  # blocked in this process perhaps, so there too
        program = f"import sys; sys.modules['tensorflow'] = None\n{program}"
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**inherited, **environment},
        check=True,
        timeout=300,
    )


LOAD = """
import state_of_sparsity as sos
import keras, numpy as np, pathlib, sys
x = np.load("x.npy")
for path in pathlib.Path().glob("*.keras"):
    model = keras.saving.load_model(path)
    assert "tests" not in sys.modules
    predictions = keras.ops.convert_to_numpy(model(x))
    before = sos.masks(model)
    sos.UpdateSparsity().update(model, 8)
    for name, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, before[name])
    np.save(path.with_suffix(".predictions.npy"), predictions)
"""


@pytest.fixture(scope="module")
def models():
    """Returns a model of every technique, with TF-MOT's schedule where there is one."""
    schedule = SCHEDULES["tfmot" if HAS_TENSORFLOW else "ours"]()
    return {name: updated_model(name, schedule) for name in TECHNIQUES}


def test_every_file_loads_in_a_new_process_that_imports_the_package_and_nothing_else(
    models, tmp_path
):
    np.save(tmp_path / "x.npy", X)
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    run_elsewhere(LOAD, tmp_path, PYTHONPATH=str(ROOT))
    for name, model in models.items():
        predictions = np.load(tmp_path / f"{name}.predictions.npy")
        np.testing.assert_allclose(predictions, outputs_of(model), rtol=1e-5, atol=1e-6)


LOAD_WITHOUT_THE_PACKAGE = """
import sys
sys.modules["state_of_sparsity"] = None  # importing it fails from now on
sys.modules["tensorflow_model_optimization"] = None
import keras, numpy as np, pathlib
x = np.load("x.npy")
for path in pathlib.Path().glob("*.keras"):
    model = keras.saving.load_model(path)
    np.save(path.with_suffix(".predictions.npy"), keras.ops.convert_to_numpy(model(x)))
"""


def test_every_stripped_file_loads_where_the_package_cannot_be_imported(models, tmp_path):
    np.save(tmp_path / "x.npy", X)
    for name, model in models.items():
        sos.strip(model).save(tmp_path / f"{name}.keras")
    run_elsewhere(LOAD_WITHOUT_THE_PACKAGE, tmp_path)
    for name, model in models.items():
        predictions = np.load(tmp_path / f"{name}.predictions.npy")
        np.testing.assert_allclose(predictions, outputs_of(model), rtol=1e-5, atol=1e-6)
