"""Which strategy is chosen, what is refused, and two replicas on two logical processors."""

import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.training.devices import multi_worker, strategy_choice
from state_of_sparsity.training.devices.strategies import Strategy, _shared_out
from state_of_sparsity.training.devices.strategy_error import StrategyError

ROOT = pathlib.Path(__file__).parents[3]


def run_script(name, **environment):
    """Runs a script of this folder in a new process, and returns what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, str(pathlib.Path(__file__).parent / name)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_equal(one, two):
    """Holds the metrics of the last epoch on two replicas against those on one device."""
    assert one.keys() == two.keys() >= {"loss", "val_loss", "accuracy", "sparsity"}
    for metric, value in one.items():
        np.testing.assert_allclose(two[metric], value, rtol=2e-5, err_msg=metric)
    assert 0 < one["sparsity"] < 0.8


@pytest.mark.slow
def test_two_logical_processors():
    found = run_script("two_replicas.py")
    check_equal(*found["metrics"])
    assert found["masks of SNIP"][0] == found["masks of SNIP"][1] != {}
    noises = found["variational dropout's noise"]
    assert np.shape(noises) == (2, 4, 3)
    assert not np.isclose(noises[0], noises[1]).any()
    assert "`steps_per_execution` must be 1" in found["steps_per_execution"]
    assert "`jit_compile` must be False" in found["jit_compile"]
    assert "`batch_size` must be a multiple of the 2 replicas" in found["batch_size"]


@pytest.mark.slow
def test_two_devices_of_jax():
    flags = "--xla_force_host_platform_device_count=2"
    found = run_script("two_replicas.py", KERAS_BACKEND="jax", XLA_FLAGS=flags)
    check_equal(*found["metrics"])
    assert found["masks of SNIP"][0] == found["masks of SNIP"][1] != {}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)


def test_one_device_is_what_this_machine_has():
    for name in ("auto", "one_device"):
        strategy = strategy_choice.choose(name)
        assert strategy.name == "one_device" and strategy.is_chief
        assert str(strategy) == "one_device: 1 replica"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two_devices", "`strategy` must be one of auto, .*Received: 'two_devices'"),
        ("multi_worker", "needs the environment variable TF_CONFIG"),
        ("data_parallel", "needs the jax backend.*--strategy=mirrored"),
    ],
)
def test_what_cannot_be_had(name, message):
    with pytest.raises(StrategyError, match=message):
        strategy_choice.choose(name)


@pytest.mark.slow
def test_a_tpu_cannot_be_had():
    # In a process of its own: looking for one empties the caches of all that ran before.
    code = "from state_of_sparsity.training.devices import strategy_choice as s; s.choose('tpu')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    *_, error = done.stderr.splitlines()
    assert re.search("StrategyError: .* found no TPU called 'local'.*--tpu=NAME", error)


def test_other_backends_have_other_strategies(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert strategy_choice.choose().name == "one_device"
    with pytest.raises(StrategyError, match=r"Received: the torch backend.*=one_device"):
        strategy_choice.choose("mirrored")


def cluster(workers=("a:1", "b:2"), task="worker", index=1, **others):
    return {"cluster": {"worker": workers, **others}, "task": {"type": task, "index": index}}


@pytest.mark.parametrize(
    ("config", "index"),
    [
        (cluster(), 1),
        (cluster(["b:2"], "chief", 0, chief=["a:1"]), 0),
        (cluster(["b:2"], "worker", 0, chief=["a:1"]), 1),
    ],
)
def test_the_cluster_is_read_from_the_environment(monkeypatch, config, index):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert multi_worker.cluster_from_environment() == (["a:1", "b:2"], index)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        json.dumps(cluster(index=2)),
        json.dumps(cluster(task="evaluator")),
        json.dumps(cluster(ps=["c:3"])),
        json.dumps({"cluster": {"worker": ["a:1", "b:2"]}}),
    ],
)
def test_a_wrong_cluster(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(StrategyError, match="`TF_CONFIG` must describe a cluster"):
        strategy_choice.choose()


def test_a_cluster_of_one_is_one_device(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster(["a:1"], index=0)))
    assert strategy_choice.choose().name == "one_device"


def test_one_device_runs_everything():
    Strategy().check(batch_size=7, steps_per_execution=3, jit_compile=True)
    assert Strategy().jit_compile(True) is True
    assert Strategy().jit_compile("auto") == "auto"


def test_a_tpu_with_another_strategy():
    with pytest.raises(StrategyError, match="`tpu` must be left out with the strategy 'mirrored'"):
        strategy_choice.choose("mirrored", tpu="local")


@pytest.mark.parametrize("static", [True, False])
def test_batches_of_any_size_are_shared_out_in_their_order(static):
    sizes = [4, 4] if static else [4, 8, 2]
    arrays = [np.arange(6 * n).reshape(n, 3, 2) for n in sizes]
    signature = tf.TensorSpec((4 if static else None, 3, 2), "int64")
    batches = tf.data.Dataset.from_generator(
        lambda: (({"x": x}, x[:, 0]) for x in arrays),
        output_signature=({"x": signature}, tf.TensorSpec((signature.shape[0], 2), "int64")),
    )
    shares = _shared_out(batches, 2)
    assert shares.element_spec[0]["x"].shape == (2 if static else None, 3, 2)
    found = list(shares.as_numpy_iterator())
    assert [len(y) for _, y in found] == [n // 2 for n in sizes for _ in range(2)]
    for inputs, y in found:
        np.testing.assert_array_equal(y, inputs["x"][:, 0])
    for step, whole in enumerate(arrays):
        parts = [inputs["x"] for inputs, _ in found[2 * step : 2 * step + 2]]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
