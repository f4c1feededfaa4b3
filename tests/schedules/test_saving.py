"""Schedules in saved models: what comes back, what is refused, and that loading runs nothing."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules.saving import deserialize_schedule, serialize_schedule
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

TFMOT = pruning_schedules()


@keras.saving.register_keras_serializable(package="saving_tests")
class Staircase(TFMOT.PruningSchedule):
    """A user's subclass of TF-MOT's base class."""

    def __init__(self, step_size, top=0.5):
        self.step_size, self.top = step_size, top

    def __call__(self, step):
        return step % self.step_size == 0, min(self.top, 0.1 * step)

    def get_config(self):
        return {"step_size": self.step_size, "top": self.top}


@keras.saving.register_keras_serializable(package="saving_tests")
class Nested(TFMOT.PolynomialDecay):
    """A subclass of one of TF-MOT's own, with TF-MOT's nested configuration."""

    def __call__(self, step):
        should_prune, sparsity = super().__call__(step)
        return should_prune, sparsity * 0.5


@keras.saving.register_keras_serializable(package="saving_tests")
class Plain:
    """A callable of no family."""

    def __init__(self, value):
        self.value = value

    def __call__(self, step):
        return step == 2, self.value

    def get_config(self):
        return {"value": self.value}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="saving_tests")
def at_even_steps(step):
    return step % 2 == 0, 0.25


class Unregistered(Plain):
    pass


SAVED = {
    "tfmot constant": TFMOT.ConstantSparsity(0.5, 1, 9, 2),
    "tfmot polynomial": TFMOT.PolynomialDecay(0.1, 0.8, 1, 7, 2, 3),
    "our constant": sos.schedules.ConstantSparsity(0.5, 1, 9, 2),
    "our polynomial": sos.schedules.PolynomialDecay(0.1, 0.8, 1, 7, 2, 3),
    "subclass of TF-MOT's base class": Staircase(3, top=0.4),
    "subclass of TF-MOT's polynomial": Nested(0.1, 0.8, 1, 7, 2, 3),
    "registered callable": Plain(0.3),
    "registered function": at_even_steps,
}


def model_with(schedule, technique=sos.MagnitudePruning):
    inputs = keras.Input((6,))
    return keras.Model(inputs, technique(layers.Dense(5, name="dense"), schedule)(inputs))


def saved(tmp_path, schedule):
    path = tmp_path / "model.keras"
    model_with(schedule).save(path)
    return path


def values(schedule):
    return [(bool(due), round(float(value), 6)) for due, value in map(schedule, range(12))]


@pytest.mark.parametrize("schedule", SAVED.values(), ids=SAVED.keys())
@pytest.mark.parametrize("technique", [sos.MagnitudePruning, sos.RandomPruning])
def test_a_schedule_comes_back_with_its_model(schedule, technique, tmp_path):
    model = model_with(schedule, technique)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.get_layer("dense").schedule
    assert again is schedule or type(again) is type(schedule)
    assert values(again) == values(schedule)
    for step in range(8):  # and it drives the loaded model as it drives the first
        updates = [sos.UpdateSparsity(), sos.UpdateSparsity()]
        loaded.set_weights(model.get_weights())
        updates[0].update(model, step)
        updates[1].update(loaded, step)
        np.testing.assert_array_equal(
            sos.masks(model)["dense/kernel"], sos.masks(loaded)["dense/kernel"]
        )


@pytest.mark.parametrize("schedule", SAVED.values(), ids=SAVED.keys())
def test_a_description_is_json(schedule):
    described = json.loads(json.dumps(serialize_schedule(schedule)))
    assert values(deserialize_schedule(described)) == values(schedule)


UNSAVED = {
    "lambda": lambda step: (True, 0.5),
    "unregistered class": Unregistered(0.5),
    "bound method": Plain(0.5).__call__,
}


@pytest.mark.parametrize("schedule", UNSAVED.values(), ids=UNSAVED.keys())
def test_what_could_not_be_found_again_fails_at_save_with_advice(schedule, tmp_path):
    model = model_with(schedule)  # using it is no error
    sos.UpdateSparsity().update(model, 2)
    assert sos.masks(model)["dense/kernel"].sum() == 15
    with pytest.raises(
        ValueError, match=r"`schedule`.*cannot be saved.*register_keras_serializable"
    ):
        model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")  # nor is saving its weights
    sos.strip(model).save(tmp_path / "plain.keras")
    sparse = sos.sparsify(sos.strip(model), lambda layer: sos.MagnitudePruning(layer, schedule))
    assert sparse.get_layer("dense").schedule is schedule  # and surgery copies no configuration


def test_a_class_that_is_not_registered_where_the_model_is_loaded(tmp_path):
    path = saved(tmp_path, Staircase(2))
    text = edited_text(path).replace("saving_tests>Staircase", "saving_tests>Elsewhere")
    write_text(path, text)
    with pytest.raises((ValueError, TypeError), match="saving_tests>Elsewhere"):
        keras.saving.load_model(path)


def edited_text(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read("config.json").decode()


def write_text(path, text):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = text.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def wrapper_config(config):
    """Finds the configuration of our wrapper in that of the model."""
    if isinstance(config, dict):
        if str(config.get("registered_name", "")).startswith("state_of_sparsity>"):
            return config["config"]
        config = list(config.values())
    if isinstance(config, list):
        return next(filter(None, map(wrapper_config, config)), None)
    return None


def attacks(marker):
    command = f"touch {marker}"
    return {
        "function of os": {"module": "os", "class_name": "function", "config": "system"},
        "os.system": {"module": "os", "class_name": "system", "config": command},
        "class of os": {"module": "os", "class_name": "system", "config": {"command": command}},
        "registered name": {"registered_name": "os>system", "config": {"command": command}},
        "bare registered name": {"registered_name": "system", "config": {"command": command}},
        "no schedule of TF-MOT": {
            "module": "tensorflow_model_optimization",
            "class_name": "os.system",
            "config": {"command": command},
        },
        "builtin": {
            "module": "builtins",
            "class_name": "eval",
            "config": f"__import__('os').system('{command}')",
            "registered_name": None,
        },
        "module of its own": {
            "module": "foreign_module",
            "class_name": "Schedule",
            "config": {},
            "registered_name": None,
        },
        "function of a module of its own": {
            "module": "foreign_module",
            "class_name": "function",
            "config": "schedule",
            "registered_name": "schedule",
        },
        "unregistered class of this test": {
            "module": __name__,
            "class_name": "Unregistered",
            "config": {"value": 0.5},
            "registered_name": "Unregistered",
        },
        "lambda": {
            "class_name": "__lambda__",
            "config": {"value": lambda_code(command)},
        },
        "text": "os.system",
    }


def lambda_code(command):
    import base64
    import marshal

    code = compile(f"lambda step: __import__('os').system('{command}')", "x", "eval").co_consts[0]
    return [base64.b64encode(marshal.dumps(code)).decode(), None, None]


@pytest.mark.parametrize("attack", attacks("x"))
@pytest.mark.parametrize("place", ["schedule", "distribution", "kl_weight"])
def test_a_foreign_file_runs_nothing(attack, place, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    (tmp_path / "foreign_module.py").write_text(
        f"open({str(marker)!r}, 'w').close()\n"
        "def schedule(step): return True, 0.5\n"
        f"class Schedule:\n    def __init__(self): open({str(marker)!r}, 'w').close()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "foreign_module", raising=False)
    path = tmp_path / "model.keras"
    if place == "kl_weight":
        inputs = keras.Input((6,))
        keras.Model(inputs, sos.VariationalDropout(layers.Dense(5), 0.1)(inputs)).save(path)
    else:
        path = saved(tmp_path, sos.schedules.ConstantSparsity(0.5, 0))
    config = json.loads(edited_text(path))
    wrapper_config(config)[place] = attacks(marker)[attack]
    write_text(path, json.dumps(config))
    with pytest.raises((ValueError, TypeError)):
        keras.saving.load_model(path)
    assert not marker.exists()
    assert "foreign_module" not in sys.modules
