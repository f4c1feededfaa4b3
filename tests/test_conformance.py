"""What holds for every technique: one table of techniques, every technique in every row.

A new technique is one more file in `tests/techniques`. More tests of the table are in
`test_conformance_running.py`, `_saving`, `_terms` and `_repeats`.
"""

import functools

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests import reference
from tests.conformance import (
    FILES,
    TECHNIQUES,
    X,
    Y,
    compiled,
    every_technique,
    fit,
    one_of_each,
    outputs_of,
    plain_model,
    sparse_model,
    trained_model,
    updated_model,
)
from tests.technique import LAYERS, kernels_of, state_of, technique_files


def test_every_technique_has_rows():
    assert technique_files() == [file.stem for file in FILES]


@functools.cache
def plain_losses():
    """Returns the losses of three steps without sparsity."""
    model = compiled(plain_model(), run_eagerly=True)
    return [model.train_on_batch(X, Y) for _ in range(3)]


@every_technique
def test_without_effect_it_is_the_plain_layer(name):
    model = compiled(sos.sparsify(plain_model(), TECHNIQUES[name].inert), run_eagerly=True)
    drive, losses = sos.UpdateSparsity(), []
    for step in range(3):
        drive.update(model, step)
        losses.append(model.train_on_batch(X, Y))
    np.testing.assert_allclose(losses, plain_losses(), rtol=TECHNIQUES[name].tolerance)
    assert losses[0] > losses[1] > losses[2]


@one_of_each
def test_what_it_keeps_beside_a_kernel_has_the_names_it_declares(name):
    for layer in LAYERS:
        wrapper = trained_model(name).get_layer(layer)
        kept = {v.name for v in wrapper.variables} - {v.name for v in wrapper.layer.variables}
        assert kept - {"penalty_weight", "seed_generator_state"} == {*TECHNIQUES[name].variables}


@one_of_each
def test_evaluation_is_deterministic(name):
    model = trained_model(name)
    first = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), first)
    np.testing.assert_allclose(outputs_of(model), first, rtol=1e-5, atol=1e-6)
    loss = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(X, Y, verbose=0) == loss


@one_of_each
def test_masks_are_boolean_of_the_kernels_shapes_and_strip_leaves_no_weight_outside_them(name):
    model = trained_model(name)
    masks, stripped = sos.masks(model), kernels_of(sos.strip(model))
    assert list(masks) == [f"{layer}/kernel" for layer in LAYERS]
    for path, kernel in kernels_of(model).items():
        assert masks[path].dtype == bool and masks[path].shape == kernel.shape
        assert not stripped[path][~masks[path]].any()
    assert 0 < sum(mask.sum() for mask in masks.values()) < sum(m.size for m in masks.values())


@every_technique
def test_sparsity_is_the_fraction_of_zeros_in_the_stripped_kernels_wherever_it_is_said(name):
    model = updated_model(name)
    kernel = model.get_layer("head").layer.kernel
    values, mask = kernel.numpy(), sos.masks(model)["head/kernel"]
    values[tuple(np.argwhere(mask)[0])] = 0  # a weight that is present, and zero all the same
    kernel.assign(values)
    stripped, log, logs = sos.strip(model), sos.SparsityLog(), {}
    zeros = sum(int((kernel == 0).sum()) for kernel in kernels_of(stripped).values())
    assert zeros > 0
    assert sos.report(model).nonzero == sos.report(stripped).nonzero == 18 + 24 - zeros
    log.set_model(model)
    log.on_epoch_end(0, logs)
    assert logs["sparsity"] == zeros / (18 + 24) == pytest.approx(sos.report(stripped).sparsity)


class CheckAtEveryStep(keras.callbacks.Callback):
    """Holds the masks against those expected at that step, or against those of the step before."""

    def __init__(self, expect, due, scheduled):
        super().__init__()
        self.expect, self.due, self.scheduled, self.steps = expect, due, scheduled, []

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        if step in self.due or not self.scheduled:
            self.expect(self.model, self.due.get(step))
        else:
            before = self.masks if self.steps else {}
            for path, mask in sos.masks(self.model).items():
                np.testing.assert_array_equal(mask, before.get(path, True))
        self.masks = sos.masks(self.model)
        self.steps.append(step)


def stepwise_schedule():
    """Returns a schedule with updates at steps 2, 4 and 6, and the sparsity at each."""
    schedule = sos.schedules.PolynomialDecay(0.1, 0.75, begin_step=2, end_step=6, frequency=2)
    due = {step: reference.polynomial_sparsity(step, 0.1, 0.75, 2, 6) for step in (2, 4, 6)}
    return schedule, due


@every_technique
def test_masks_at_every_step_of_the_schedule(name):
    schedule, due = stepwise_schedule()
    model = sparse_model(name, schedule)
    check = CheckAtEveryStep(TECHNIQUES[name].expect, due, TECHNIQUES[name].scheduled)
    fit(model, [sos.UpdateSparsity(), check])
    assert check.steps == [1, 2, 3, 4, 5, 6, 7, 8]


@every_technique
def test_masks_of_tied_weights_at_every_step_of_the_schedule(name):
    schedule, due = stepwise_schedule()
    plain = plain_model()
    for layer in LAYERS:  # a handful of magnitudes
        kernel = plain.get_layer(layer).kernel
        kernel.assign(np.sign(kernel.numpy()) * np.ceil(np.abs(kernel.numpy()) * 4) / 4)
    model = sparse_model(name, schedule, plain)
    drive = sos.UpdateSparsity()
    for step in range(8):
        drive.update(model, step)
        if step in due:
            TECHNIQUES[name].expect(model, due[step])


@every_technique
def test_no_data_gradient_where_masked(name):
    technique = TECHNIQUES[name]
    model = sparse_model(name, run_eagerly=True)
    for learned, ends in technique.settled.items():
        for variable in state_of(model, learned).values():
            variable.assign(np.resize(ends, variable.shape))
    drive = sos.UpdateSparsity()
    drive.update(model, 4)
    masks, before = sos.masks(model), kernels_of(model)
    for step in range(4, 7):
        drive.update(model, step)
        model.train_on_batch(X, Y)
    after = kernels_of(model)
    present = np.concatenate([masks[path].reshape(-1) for path in after])
    moved = np.concatenate([(after[path] != before[path]).reshape(-1) for path in after])
    assert not present.all() and moved[present].any()
    assert moved[~present].any() == technique.trains_absent
