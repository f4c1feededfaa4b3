import functools
import json
import re

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.runs import checkpoint
from state_of_sparsity.training.runs.checkpoint import CheckpointError, Checkpoints
from tests.training.experiments import TECHNIQUES, network, small_experiment


def state(model):
    return [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]


def disturb(model):
    for variable in [*model.variables, *model.optimizer.variables]:
        value = np.asarray(variable)
        variable.assign(~value if value.dtype == bool else value + 1)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_restores_every_variable_seeds_and_step_counter_included(tmp_path, technique):
    model = small_experiment(technique).build()
    disturb(model)
    before = state(model)
    checkpoint.save(tmp_path / "c.npz", model, step=7, wall_time_s=1.5)
    disturb(model)
    header = checkpoint.restore(tmp_path / "c.npz", model)
    assert (header["step"], header["wall_time_s"]) == (7, 1.5)
    assert len(before) == len(state(model))
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    paths = [v.path for v in model.variables]
    assert any("seed" in path for path in paths)


IN_FRONT = re.compile(r"network(/|_)(?=\w+[/_](mask|log_sigma2|log_alpha|penalty_weight))")
KERNEL = re.compile(r"(/|_)kernel(?=[/_](mask|log_sigma2|log_alpha))")


def by_layer(name):
    return KERNEL.sub("", name)


def by_layer_alone(name):
    return IN_FRONT.sub("", by_layer(name))


@pytest.mark.parametrize("once", [by_layer, by_layer_alone])
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_file_that_names_state_by_its_layer_is_restored(tmp_path, technique, once, monkeypatch):
    model = small_experiment(technique).build()
    before, describe = state(model), checkpoint._description

    def as_once(variables):
        return [[once(name), *rest] for name, *rest in describe(variables)]

    monkeypatch.setattr(checkpoint, "_description", as_once)
    checkpoint.save(tmp_path / "c.npz", model, step=7, wall_time_s=1.5)
    monkeypatch.undo()
    assert as_once(model.variables) != describe(model.variables) or technique == "dense"
    disturb(model)
    checkpoint.restore(tmp_path / "c.npz", model)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bfloat16_variables_come_back_as_they_were(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    model = small_experiment().build()
    before = state(model)
    checkpoint.save(tmp_path / "c.npz", model, step=1)
    disturb(model)
    checkpoint.restore(tmp_path / "c.npz", model)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_keeps_the_last_and_restores_the_latest(tmp_path):
    model = small_experiment().build()
    checkpoints = Checkpoints(tmp_path, keep=2)
    assert checkpoints.restore_latest(model) is None
    for step in (2, 4, 10):
        checkpoints.save(model, step)
    names = [path.name for path in checkpoints.paths()]
    assert names == ["step_00000004.npz", "step_00000010.npz"]
    assert checkpoints.restore_latest(model)["step"] == 10


def test_the_mean_of_the_last_has_the_latest_masks_and_optimizer(tmp_path):
    model = small_experiment("magnitude_pruning").build()
    checkpoints = Checkpoints(tmp_path, keep=3)
    kernel, bias = model.trainable_variables[:2]
    mask = next(v for v in model.variables if v.name == "mask")
    for step, value in ((2, 100.0), (4, 1.0), (6, 4.0)):
        kernel.assign(np.full(kernel.shape, value))
        mask.assign(np.arange(mask.numpy().size).reshape(mask.shape) % 7 < step)
        model.optimizer.iterations.assign(step)
        checkpoints.save(model, step)
    model = small_experiment("magnitude_pruning").build()
    assert checkpoints.restore_latest(model, averaged=2)["step"] == 6
    np.testing.assert_array_equal(model.trainable_variables[0], np.full(kernel.shape, 2.5))
    np.testing.assert_array_equal(model.trainable_variables[1], bias)
    found = next(v for v in model.variables if v.name == "mask")
    np.testing.assert_array_equal(found, mask)
    assert int(model.optimizer.iterations) == 6
    checkpoints.restore_latest(model, averaged=9)
    np.testing.assert_array_equal(model.trainable_variables[0], np.full(kernel.shape, 35.0))


def saved(tmp_path, technique="magnitude_pruning", **changes):
    path = tmp_path / "c.npz"
    checkpoint.save(path, small_experiment(technique, **changes).build(), step=2)
    return path


def expect_error(path, match, technique="magnitude_pruning"):
    model = small_experiment(technique).build()
    before = state(model)
    with pytest.raises(CheckpointError, match=match) as raised:
        checkpoint.restore(path, model)
    assert str(path) in str(raised.value)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text"])
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    path = saved(tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 3] ^= 0xFF
    elif damage == "empty":
        content = b""
    else:
        content = b"not a zip file"
    path.write_bytes(content)
    expect_error(path, "is damaged .* Remove it and run again")


@pytest.mark.parametrize(
    "entries",
    [{"step": -1}, {"step": "2"}, {"wall_time_s": None}, {"techniques": 5}, {"callbacks": [1]}],
)
def test_a_header_that_was_tampered_with_is_refused(tmp_path, entries):
    path = saved(tmp_path)
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(str(arrays.pop("header")[()])) | entries
    np.savez(path, header=np.array(json.dumps(header)), **arrays)
    expect_error(path, f"is damaged .*{next(iter(entries))}")


def test_a_pickle_is_never_read(tmp_path):
    path = tmp_path / "c.npz"

    class Bomb:
        def __reduce__(self):
            return (print, ("the pickle was read",))

    np.savez(path, header=np.array(Bomb(), dtype=object))
    expect_error(path, "is damaged")


def test_what_is_no_archive_is_not_said_to_be_a_pickle(tmp_path):
    """Numpy advises to load it unsafely."""
    path = tmp_path / "c.npz"
    path.write_bytes(bytes(range(256)))
    expect_error(path, r"is damaged \(it is no archive of arrays\)")


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    np.savez(path, weights=np.zeros(3))
    expect_error(path, "is not a checkpoint of this package")


def test_an_older_format_is_refused_with_advice(tmp_path):
    path = saved(tmp_path)
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(str(arrays["header"])) | {"format": 0, "version": "0.0.1"}
    np.savez(path, **{**arrays, "header": np.array(json.dumps(header))})
    expect_error(path, r"has format 0 \(written by version 0.0.1\).*reads format 1")


def test_another_technique_is_refused_even_where_the_variables_are_alike(tmp_path):
    path = saved(tmp_path, "random_pruning")
    expect_error(path, r"first difference in its techniques: .*'RandomPruning'\] in the file")


def test_another_model_is_refused_with_the_variable(tmp_path):
    def wider():
        layers = [*network().layers[:1], keras.layers.Dense(17, name="hidden")]
        return keras.Sequential([keras.Input((8, 8, 1)), *layers])

    path = saved(tmp_path, "dense", model=wider)
    expect_error(path, r"in its variables: .*hidden/kernel', \[64, 17\].* in the file", "dense")


def test_another_optimizer_is_refused(tmp_path):
    path = saved(tmp_path, optimizer=keras.optimizers.SGD)
    expect_error(path, "first difference in its variables")


def test_the_mean_of_powers_is_that_of_the_weights(tmp_path):
    cube = sos.Powerpropagation(3)
    prune = functools.partial(TECHNIQUES["magnitude_pruning"], reparametrization=cube)
    model = small_experiment(rules=prune).build()
    (kernel,) = sos.sparse_layers(model)["hidden"].sparse_kernels
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step, theta in ((1, 1.0), (2, 2.0)):
        kernel.variable.assign(np.full(kernel.shape, theta))
        checkpoints.save(model, step)
    checkpoints.restore_latest(model, averaged=2)
    np.testing.assert_allclose(sos.strip(model).get_layer("hidden").kernel, (1 + 8) / 2, rtol=1e-6)
