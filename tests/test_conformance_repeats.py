"""What holds for every technique when an update is repeated at the same step: nothing changes."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import (
    ONE_EACH,
    TECHNIQUES,
    X,
    Y,
    chosen_rows,
    one_of_each,
    plain_model,
    sparse_model,
)
from tests.slow_variants import slow_but

TERMS = {
    "plain": {},
    "constrained": {"kernel_constraint": lambda axes: keras.constraints.UnitNorm(axes)},
}


def everything(model):
    """Returns all that a model holds, seeds and the optimizer's slots included."""
    held = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in held]


def check_unchanged(model, before):
    for value, old in zip(everything(model), before, strict=True):
        np.testing.assert_array_equal(value, old)


def model_of(name, terms):
    return sparse_model(name, plain=plain_model(**TERMS[terms]), run_eagerly=True)


@pytest.mark.parametrize("terms", TERMS)
@one_of_each
def test_an_update_repeated_at_its_step_changes_nothing(name, terms):
    model = model_of(name, terms)
    model.optimizer.build(model.trainable_variables)
    drive = sos.UpdateSparsity()
    for step in (4, 8):
        drive.update(model, step)
        before = everything(model)
        for again in (drive, sos.UpdateSparsity(), sos.UpdateSparsity()):
            again.update(model, step)
            check_unchanged(model, before)


class CheckAtTheStart(keras.callbacks.Callback):
    """Holds the model against what it was before, once `UpdateSparsity` has begun the run."""

    def __init__(self, before):
        super().__init__()
        self.before = before

    def on_train_begin(self, logs=None):
        check_unchanged(self.model, self.before)

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            check_unchanged(self.model, self.before)


@pytest.mark.parametrize("terms", slow_but(["plain"], TERMS))
@pytest.mark.parametrize("name", slow_but(ONE_EACH, TECHNIQUES))
def test_a_run_that_goes_on_repeats_the_last_update_without_effect(name, terms, tmp_path):
    model, drive = model_of(name, terms), sos.UpdateSparsity()
    drive.update(model, 4)
    model.train_on_batch(X, Y)
    model.optimizer.iterations.assign(8)
    drive.update(model, 8)  # its last update is at its last step
    model.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    for again in (model, resumed):
        callbacks = [sos.UpdateSparsity(), CheckAtTheStart(everything(again))]
        again.fit(X, Y, verbose=0, callbacks=callbacks)
        assert int(again.optimizer.iterations) == 9


def train(model, drive, first, last):
    """Trains from one step to another, and leaves the updates of the last done."""
    for step in range(first, last):
        drive.update(model, step)
        model.train_on_batch(X, Y)
    drive.update(model, last)


@pytest.mark.parametrize("name", slow_but(ONE_EACH, TECHNIQUES))
def test_a_run_that_goes_on_ends_bit_for_bit_as_one_without_a_break(name, tmp_path):
    model = model_of(name, "plain")
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    drive = sos.UpdateSparsity()
    train(model, drive, 3, 6)  # updates are due at steps 4 and 8
    model.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    for variable, seed in zip(resumed.variables, model.variables, strict=True):
        if "seed" in variable.name:  # which Keras's files do not hold; those of runs do
            variable.assign(seed)
    train(resumed, sos.UpdateSparsity(), 6, 9)
    train(model, drive, 6, 9)
    check_unchanged(resumed, everything(model))


@pytest.mark.parametrize("kind", ["unit_norm", "max_norm", "non_neg", "partly"])
def test_masks_and_constraints_agree_after_one_update(kind):
    """Of kernels whose weights come back, and have to be smaller than some that are masked."""
    constraint = {
        "unit_norm": keras.constraints.UnitNorm(),
        "max_norm": keras.constraints.MaxNorm(0.5),
        "non_neg": keras.constraints.NonNeg(),
        "partly": keras.constraints.MinMaxNorm(0.3, 0.7, rate=0.5),
    }[kind]
    rng = np.random.default_rng(0)
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    for _ in range(4):
        shape = rng.integers(2, 30, 2)
        layer = keras.layers.Dense(int(shape[1]), kernel_constraint=constraint)
        layer.build((None, int(shape[0])))
        wrapper = sos.MagnitudePruning(layer, schedule)
        (kernel,) = wrapper.sparse_kernels
        for sparsity in rng.uniform(0.1, 0.95, 8):
            wrapper.update(0, float(sparsity), [wrapper])
            stored, mask = layer.kernel.numpy(), wrapper.present(kernel)
            assert mask.size - mask.sum() == round(float(sparsity) * mask.size)
            if kind != "partly":
                allowed = keras.ops.convert_to_numpy(layer.kernel.constraint(layer.kernel))
                np.testing.assert_allclose(allowed, stored, rtol=1e-4)
            wrapper.update(0, float(sparsity), [wrapper])
            np.testing.assert_array_equal(wrapper.present(kernel), mask)
            np.testing.assert_array_equal(layer.kernel.numpy(), stored)
            layer.kernel.assign(stored + 0.1 * rng.normal(size=shape))
            layer.kernel.assign(layer.kernel.constraint(layer.kernel))  # as training does


def random_half(layer):
    return sos.RandomPruning(layer, sos.schedules.ConstantSparsity(0.5, begin_step=0))


def test_random_masks_stay_when_a_model_is_saved_inside_another(tmp_path):
    model = sos.sparsify(plain_model(), random_half)
    sos.UpdateSparsity().update(model, 0)
    inputs = keras.Input((4, 4, 1))
    outer = keras.Model(inputs, model(inputs))
    outer.save(tmp_path / "outer.keras")
    outer = keras.saving.load_model(tmp_path / "outer.keras")
    before = sos.masks(outer)
    sos.UpdateSparsity().update(outer, 0)
    for path, mask in sos.masks(outer).items():
        np.testing.assert_array_equal(mask, before[path])


@pytest.fixture(scope="module")
def faults(request):
    """Returns, by technique, what is wrong after training on two replicas, in one process."""
    names = chosen_rows(request, test_on_two_replicas_too)
    done = subprocess.run(
        [sys.executable, "-m", "tests.two_replicas_of_techniques", *names],
        cwd=pathlib.Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
@pytest.mark.parametrize("name", slow_but(["l0", "magnitude", "global magnitude"], TECHNIQUES))
def test_on_two_replicas_too(name, faults):
    assert faults[name] == []
