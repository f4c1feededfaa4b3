"""What holds for every technique: one table of techniques, every technique in every row.

A new technique is one more entry of `TECHNIQUES`. More rows are in `test_conformance_running.py`
and `test_conformance_saving.py`.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests import reference

# Updates at steps 4 and 8: multiples of 4, for steps_per_execution=4 to do what single steps do.
SCHEDULE = sos.schedules.PolynomialDecay(0.25, 0.75, begin_step=4, end_step=8, frequency=4)
NEVER = sos.schedules.ConstantSparsity(0.0, begin_step=0, frequency=1)
WEIGHT = 0.01
RAMP = sos.schedules.Ramp(WEIGHT, begin_step=4, shape="constant")
NO_RAMP = sos.schedules.Ramp(0.0, begin_step=4, shape="constant")
STEPS_PER_EPOCH = 4
LAYERS = ("convolution", "head")
NOISE = np.random.default_rng(0).normal(size=(16, 19)).astype("float32")
X, Y = NOISE[:, :16].reshape(16, 4, 4, 1), NOISE[:, 16:]


@dataclasses.dataclass(frozen=True)
class Technique:
    """An entry of the table.

    Args:
        rules: `schedule -> rules` for `sos.sparsify`; what has no schedule ignores it.
        inert: `rules` of no effect.
        expect: `(model, sparsity)`, which asserts that the masks are what they have to be.
        driven: whether it needs `UpdateSparsity`.
        state: the name of what it learns beside a kernel, if it does.
        unit: what a 1 in that stands for.
        penalty: `(kernel, state) ->` the penalty of one kernel, before it is weighted.
    """

    rules: Callable
    inert: Callable
    expect: Callable
    driven: bool = True
    state: str | None = None
    unit: float = 1.0
    penalty: Callable = lambda kernel, state: 0.0

    @property
    def scheduled(self):
        return self.driven and self.state is None


def kernels_of(model):
    """Returns the stored kernels of a model by their paths."""
    layers = {name: model.get_layer(name) for name in LAYERS}
    plain = {name: getattr(layer, "layer", layer) for name, layer in layers.items()}
    return {f"{name}/kernel": layer.kernel.numpy() for name, layer in plain.items()}


def state_of(model, name):
    """Returns the learned variables of that name, by the paths of their kernels."""
    variables = {layer: model.get_layer(layer).variables for layer in LAYERS}
    return {
        f"{layer}/kernel": next(v for v in own if v.name == name)
        for layer, own in variables.items()
    }


def expect_exact(model, sparsity):
    for path, kernel in kernels_of(model).items():
        expected = reference.exact_mask(np.abs(kernel), round(sparsity * kernel.size))
        np.testing.assert_array_equal(sos.masks(model)[path], expected)


def expect_counts(model, sparsity):
    for mask in sos.masks(model).values():
        assert mask.size - mask.sum() == round(sparsity * mask.size)


def expect_global(model, sparsity):
    magnitudes = np.concatenate([np.abs(k).reshape(-1) for k in kernels_of(model).values()])
    found = np.concatenate([sos.masks(model)[path].reshape(-1) for path in kernels_of(model)])
    expected = reference.exact_mask(magnitudes, round(sparsity * magnitudes.size))
    np.testing.assert_array_equal(found, expected)


def expect_erdos_renyi_kernel(model, sparsity):
    kernels, masks = kernels_of(model), sos.masks(model)
    size = sum(kernel.size for kernel in kernels.values())
    zeros = round(sparsity * size)
    assert sum(mask.size - mask.sum() for mask in masks.values()) == zeros
    shapes = [kernel.shape for kernel in kernels.values()]
    densities = reference.erdos_renyi_kernel_densities(shapes, 1 - zeros / size)
    for (path, kernel), density in zip(kernels.items(), densities, strict=True):
        assert abs(masks[path].sum() - density * kernel.size) < 1 + 1e-6
        own = reference.exact_mask(np.abs(kernel), kernel.size - masks[path].sum())
        np.testing.assert_array_equal(masks[path], own)


def striped(layer):
    return (np.arange(np.prod(layer.kernel.shape)) % 3 > 0).reshape(layer.kernel.shape)


def expect_striped(model, _):
    for name in LAYERS:
        expected = striped(model.get_layer(name).layer)
        np.testing.assert_array_equal(sos.masks(model)[f"{name}/kernel"], expected)


def expect_below_threshold(model, _):
    for path, log_sigma2 in state_of(model, "log_sigma2").items():
        log_alpha = reference.log_alpha(kernels_of(model)[path], log_sigma2.numpy())
        np.testing.assert_array_equal(sos.masks(model)[path], log_alpha < 3.0)


def expect_open_gates(model, _, gate_speed):
    for path, stored in state_of(model, "log_alpha").items():
        log_alpha = np.broadcast_to(gate_speed * stored.numpy(), kernels_of(model)[path].shape)
        is_open = reference.gate_mean(log_alpha) > 0
        np.testing.assert_array_equal(sos.masks(model)[path], is_open)


def kl_divergence(kernel, log_sigma2):
    return reference.kl_divergence(reference.clipped_log_alpha(kernel, log_sigma2))


def variational_dropout(kl_weight, no_weight, driven):
    without_noise = {"initial_log_sigma2": -40, "clip_log_alpha": None}
    return Technique(
        lambda _: lambda layer: sos.VariationalDropout(layer, kl_weight, seed=1),
        inert=lambda layer: sos.VariationalDropout(layer, no_weight, **without_noise),
        expect=expect_below_threshold,
        driven=driven,
        state="log_sigma2",
        penalty=kl_divergence,
    )


def expected_weights(kernel, stored, gate_speed):
    return reference.expected_l0(np.broadcast_to(gate_speed * stored, kernel.shape))


def l0_regularization(l0_weight, no_weight, driven, group=None, **options):
    options = {"group": group, **options}
    gate_speed = options.get("gate_speed", 16.0)
    return Technique(
        lambda _: lambda layer: sos.L0Regularization(layer, l0_weight, seed=1, **options),
        inert=lambda layer: sos.L0Regularization(layer, no_weight, 1 - 1e-9, **options),
        expect=functools.partial(expect_open_gates, gate_speed=gate_speed),
        driven=driven,
        state="log_alpha",
        unit=gate_speed,
        penalty=functools.partial(expected_weights, gate_speed=gate_speed),
    )


TECHNIQUES = {
    "magnitude": Technique(
        lambda schedule: lambda layer: sos.MagnitudePruning(layer, schedule),
        inert=lambda layer: sos.MagnitudePruning(layer, NEVER),
        expect=expect_exact,
    ),
    "random": Technique(
        lambda schedule: lambda layer: sos.RandomPruning(layer, schedule, seed=1),
        inert=lambda layer: sos.RandomPruning(layer, NEVER),
        expect=expect_counts,
    ),
    "global magnitude": Technique(
        sos.distributions.global_magnitude,
        inert=sos.distributions.global_magnitude(NEVER),
        expect=expect_global,
    ),
    "erdos-renyi-kernel": Technique(
        sos.distributions.erdos_renyi_kernel_magnitude,
        inert=sos.distributions.erdos_renyi_kernel_magnitude(NEVER),
        expect=expect_erdos_renyi_kernel,
    ),
    "fixed mask": Technique(
        lambda _: lambda layer: sos.FixedMask(layer, striped(layer)),
        inert=lambda layer: sos.FixedMask(layer, np.ones(layer.kernel.shape)),
        expect=expect_striped,
        driven=False,
    ),
    "variational dropout": variational_dropout(WEIGHT, 0.0, driven=False),
    "variational dropout, ramp": variational_dropout(RAMP, NO_RAMP, driven=True),
    "l0": l0_regularization(WEIGHT, 0.0, driven=False),
    "l0, ramp": l0_regularization(RAMP, NO_RAMP, driven=True),
    "l0, as published": l0_regularization(WEIGHT, 0.0, driven=False, gate_speed=1.0),
    "l0, units": l0_regularization(WEIGHT, 0.0, driven=False, group="unit"),
}
every_technique = pytest.mark.parametrize("name", TECHNIQUES)


def plain_model():
    """Returns two layers with kernels of 18 and 24 weights, the same in each call."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(2, 3, name="convolution", activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="head"),
        ]
    )


def compiled(model, learning_rate=0.05, **options):
    model.compile(keras.optimizers.SGD(learning_rate), "mse", **options)
    return model


def sparse_model(name, schedule=SCHEDULE, plain=None, **options):
    """Returns a compiled sparse model; what it learns is spread, to hold zeros and non-zeros."""
    technique = TECHNIQUES[name]
    model = sos.sparsify(plain or plain_model(), technique.rules(schedule))
    if technique.state is not None:
        rng = np.random.default_rng(1)
        for variable in state_of(model, technique.state).values():
            variable.assign(rng.uniform(-6, 2, variable.shape) / technique.unit)
    return compiled(model, **options)


def outputs_of(model):
    """Returns what a model makes of the inputs when it is called, as an array."""
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(X)))


def penalty_of(model):
    """Returns the sum of a model's penalties, as a number."""
    total = keras.ops.convert_to_tensor(sum(model.losses, start=0.0))
    return float(keras.ops.convert_to_numpy(keras.ops.stop_gradient(total)))


def fit(model, callbacks=(), epochs=2):
    """Trains for 8 steps and returns the losses of the epochs."""
    options = {"batch_size": 16 // STEPS_PER_EPOCH, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options).history["loss"]


@functools.cache
def training(name):
    """Returns a model trained in two calls of `fit`, and its traces so far after each epoch."""
    traces, after_epochs = [], []

    def mean_squared_error(y_true, y_pred):
        traces.append(y_pred)
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    model = sparse_model(name)
    model.compile(keras.optimizers.SGD(0.05), mean_squared_error)
    for _ in range(2):
        count = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: after_epochs.append(len(traces))
        )
        fit(model, [sos.UpdateSparsity(), count])
    return model, after_epochs


def trained_model(name):
    """Returns a trained model, shared by the tests that only look at it."""
    return training(name)[0]


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
    # Variational dropout keeps a deviation of sqrt(1e-8) even where sigma is 0.
    tolerance = 3e-4 if TECHNIQUES[name].state == "log_sigma2" else 1e-6
    np.testing.assert_allclose(losses, plain_losses(), rtol=tolerance)
    assert losses[0] > losses[1] > losses[2]


@every_technique
def test_evaluation_is_deterministic(name):
    model = trained_model(name)
    first = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), first)
    np.testing.assert_allclose(outputs_of(model), first, rtol=1e-5, atol=1e-6)
    loss = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(X, Y, verbose=0) == loss


@every_technique
def test_masks_are_boolean_of_the_kernels_shapes_and_cover_what_strip_writes_zeros_to(name):
    model = trained_model(name)
    masks, stripped = sos.masks(model), kernels_of(sos.strip(model))
    assert list(masks) == [f"{layer}/kernel" for layer in LAYERS]
    for path, kernel in kernels_of(model).items():
        assert masks[path].dtype == bool and masks[path].shape == kernel.shape
        np.testing.assert_array_equal(stripped[path] != 0, masks[path])
    assert 0 < sum(mask.sum() for mask in masks.values()) < sum(m.size for m in masks.values())


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
    if technique.state == "log_alpha":  # gates that are shut in every sample, and open in every one
        for variable in state_of(model, "log_alpha").values():
            variable.assign(
                np.where(np.arange(np.prod(variable.shape)) % 2, 40, -40).reshape(variable.shape)
            )
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
    # Variational dropout masks at evaluation only: what it drops is noise, and learns on.
    assert moved[~present].any() == (technique.state == "log_sigma2")
