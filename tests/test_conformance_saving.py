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
from tests.conformance import (
    ONE_EACH,
    TECHNIQUES,
    X,
    chosen_rows,
    one_of_each,
    outputs_of,
    penalty_of,
    sparse_model,
    updated_model,
)
from tests.slow_variants import slow_but
from tests.technique import LAYERS, SCHEDULE

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
# A technique without a schedule is saved in one way only. How schedules are saved, the techniques
# have in common.
WAYS = [
    pytest.param(n, s, marks=() if s == "ours" or n == "magnitude" else pytest.mark.slow)
    for n, t in TECHNIQUES.items()
    for s in SCHEDULES
    if t.scheduled or s == "ours"
]


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
    assert bool(loaded.losses) == (TECHNIQUES[name].penalty is not None)
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


@one_of_each
def test_weights_file(name, tmp_path):
    model = updated_model(name)
    model.save_weights(tmp_path / "model.weights.h5")
    other = sparse_model(name)
    other.load_weights(tmp_path / "model.weights.h5")
    check_same(other, model)


@one_of_each
@pytest.mark.parametrize("trainable", [True, False])
def test_state_trees_and_what_is_saved_by_paths_hold_every_variable(name, trainable):
    model = updated_model(name)
    model.trainable = trainable
    tree, values = copied(model.get_state_tree()), [v.numpy().copy() for v in model.variables]
    for variable in model.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    model.set_state_tree(tree)
    for variable, value in zip(model.variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def copied(tree):
    return {k: copied(v) if isinstance(v, dict) else np.array(v) for k, v in tree.items()}


@one_of_each
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


# Stripped files first, where neither the package nor TF-MOT can be imported; then the others.
LOAD = """
import sys
blocked = ["state_of_sparsity", "tensorflow_model_optimization"]
sys.modules |= dict.fromkeys(blocked)
import json, pathlib, traceback
import keras, numpy as np
x, wrong = np.load("x.npy"), {}

def load(path):
    model = keras.saving.load_model(path)
    np.save(path.with_suffix(".npy"), keras.ops.convert_to_numpy(model(x)))
    return model

def load_and_update(path):
    model = load(path)
    before = sos.masks(model)
    sos.UpdateSparsity().update(model, 8)
    for name, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, before[name])

def load_all(folder, load):
    for path in pathlib.Path(folder).glob("*.keras"):
        try:
            load(path)
        except Exception:
            wrong[str(path.with_suffix(""))] = traceback.format_exc()

load_all("stripped", load)
for name in blocked:
    del sys.modules[name]
import state_of_sparsity as sos
load_all("sparse", load_and_update)
assert "tests" not in sys.modules
print(json.dumps(wrong))
"""


@pytest.fixture(scope="module")
def elsewhere(request, tmp_path_factory):
    """Returns models, the folder of their files, and what is wrong when a new process loads them.

    They have TF-MOT's schedule where there is one.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    np.save(folder / "x.npy", X)
    schedule = SCHEDULES["tfmot" if HAS_TENSORFLOW else "ours"]()
    test = test_a_file_loads_in_a_new_process
    models = {name: updated_model(name, schedule) for name in chosen_rows(request, test)}
    for kind in ("sparse", "stripped"):
        (folder / kind).mkdir()
    for name, model in models.items():
        model.save(folder / "sparse" / f"{name}.keras")
        sos.strip(model).save(folder / "stripped" / f"{name}.keras")
    program = LOAD
    if not HAS_TENSORFLOW:  # blocked in this process perhaps, so there too
        program = f"import sys; sys.modules['tensorflow'] = None\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,  # not the repository
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return models, folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["sparse", "stripped"])
@pytest.mark.parametrize("name", slow_but(ONE_EACH, TECHNIQUES))
def test_a_file_loads_in_a_new_process(name, kind, elsewhere):
    """A sparse one with nothing imported but the package, a stripped one without that too."""
    models, folder, wrong = elsewhere
    assert wrong.get(f"{kind}/{name}") is None, wrong[f"{kind}/{name}"]
    outputs = np.load(folder / kind / f"{name}.npy")
    np.testing.assert_allclose(outputs, outputs_of(models[name]), rtol=1e-5, atol=1e-6)
