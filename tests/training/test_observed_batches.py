"""`Experiment.observed_batches`: what sparse layers see before the first step, and never again."""

import functools
import itertools

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.training import train as train_module
from state_of_sparsity.training.runs.run_dir import RunDir
from tests.training.experiments import small_experiment

ONCE = sos.schedules.ConstantSparsity(0.8, begin_step=0, end_step=0)
SNIP = {
    "rules": functools.partial(
        sos.SaliencyPruning,
        schedule=ONCE,
        distribution=sos.distributions.GlobalThreshold("all"),
    ),
    "observed_batches": 3,
}


def run(path, **changes):
    """Trains a small experiment and returns its model."""
    experiment, run_dir = small_experiment(**{**SNIP, **changes}), RunDir(path)
    with run_dir.lock():
        model = experiment.build()
        train_module.train(
            experiment, model, run_dir, verbose=False, start=lambda: run_dir.start("")
        )
    return model


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run(tmp_path_factory.mktemp("snip") / "run")


def check_equal(found, expected):
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_masks_are_those_of_the_first_batches(trained):
    experiment = small_experiment(**SNIP)
    model = experiment.build()
    sos.observe(model, itertools.islice(experiment.data.train(0), 3))
    sos.UpdateSparsity().update(model, 0)
    for path, mask in sos.masks(trained).items():
        np.testing.assert_array_equal(mask, sos.masks(model)[path])
    assert len({round(1 - m.mean(), 2) for m in sos.masks(trained).values()}) == 2  # one threshold


class Stop(Exception):
    pass


class StopInStep(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 3:
            raise Stop


@pytest.mark.slow
def test_a_run_that_goes_on_observes_nothing(trained, tmp_path, monkeypatch):
    calls = []

    def observe(model, batches):
        calls.append(model)
        sos.observe(model, batches)

    monkeypatch.setattr(train_module, "observe", observe)
    with pytest.raises(Stop):
        run(tmp_path / "run", callbacks=[StopInStep()])
    assert len(calls) == 1
    resumed = run(tmp_path / "run")
    assert len(calls) == 1
    check_equal(resumed.variables, trained.variables)


class Streamed(Digits):
    """The digits as a `tf.data.Dataset`."""

    def train(self, first_step, **shares):
        tf = pytest.importorskip("tensorflow")
        spec = tf.TensorSpec((None, 8, 8, 1), tf.float32), tf.TensorSpec((None,), tf.int64)
        batches = super().train
        return tf.data.Dataset.from_generator(
            lambda: batches(first_step, **shares), output_signature=spec
        )


def test_data_that_are_a_stream(trained, tmp_path):
    model = run(tmp_path / "run", data=Streamed(batch_size=32))
    check_equal(model.variables, trained.variables)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observed_batches": -1}, "`observed_batches` must be from 0"),
        ({"rules": None}, "`observed_batches` must be 0 where no layer records anything"),
    ],
)
def test_bad_numbers(changes, message):
    with pytest.raises(ValueError, match=message):
        small_experiment(**{**SNIP, **changes}).build()
