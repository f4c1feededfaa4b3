"""`sos.observe`: records are filled, and nothing else has changed."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import X, Y, compiled, fit, plain_model
from tests.layers.test_recorded import differences, record_of
from tests.technique import LAYERS

ONCE = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0, frequency=1)


def saliency(layer):
    return sos.SaliencyPruning(layer, ONCE)


def stateful_model():
    """Returns a model with moving averages, dropout, and an optimizer with moments."""
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 3, name="convolution")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5, seed=1)(x)
    outputs = keras.layers.Dense(3, name="head")(keras.layers.Flatten()(x))
    model = sos.sparsify(keras.Model(inputs, outputs), saliency)
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def test_only_records_change():
    model = stateful_model()
    recorded = {id(w.beside["kernel"]["saliency"]) for w in sos.sparse_layers(model).values()}
    model.optimizer.build(model.trainable_variables)
    everything = [*model.variables, *model.optimizer.variables]
    before, optimizer = [variable.numpy() for variable in everything], model.optimizer
    sos.observe(model, [(X[:8], Y[:8]), (X[8:], Y[8:])])
    assert model.optimizer is optimizer and int(optimizer.iterations) == 0
    for variable, value in zip(everything, before, strict=True):
        assert np.array_equal(variable.numpy(), value) == (id(variable) not in recorded)


def test_records_are_the_mean_over_the_batches_and_masks_are_set_before_the_first_step():
    model = compiled(sos.sparsify(plain_model(), saliency))
    plain = {name: model.get_layer(name).layer.kernel.numpy() for name in LAYERS}
    expected = {name: plain[name] * differences(model, name) for name in LAYERS}
    sos.observe(model, [(X[:8], Y[:8]), (X[8:], Y[8:])])
    for name in LAYERS:
        np.testing.assert_allclose(record_of(model, name), expected[name], rtol=1e-3, atol=1e-4)
    seen = []
    first = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(sos.masks(model))
    )
    fit(model, [sos.UpdateSparsity(), first])
    for name in LAYERS:
        dropped = ~seen[0][f"{name}/kernel"]
        assert dropped.sum() * 2 == dropped.size
        size = np.abs(expected[name])
        assert size[dropped].max() <= size[~dropped].min() + 1e-4


def test_a_model_that_was_observed_still_needs_its_driver():
    model = compiled(sos.sparsify(plain_model(), saliency), run_eagerly=True)
    sos.observe(model, [(X, Y)])
    with pytest.raises(RuntimeError, match="nothing updates its sparsity"):
        fit(model)


@pytest.mark.parametrize("drive", ["fit", "update"])
def test_a_model_that_is_trained_already_can_be_observed_and_trained_on(drive):
    moves = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=99, frequency=2)
    model = compiled(sos.sparsify(plain_model(), lambda layer: sos.RigL(layer, moves)))
    if drive == "fit":
        fit(model, [sos.UpdateSparsity()])
    else:
        sos.UpdateSparsity().update(model, 0)
        model.train_on_batch(X, Y)
    before = [variable.numpy() for variable in model.optimizer.variables]
    sos.observe(model, [(X, Y)])
    for variable, value in zip(model.optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    fit(model, [sos.UpdateSparsity()])


@pytest.mark.parametrize(
    ("make", "batches", "message"),
    [
        (lambda: sos.sparsify(plain_model(), saliency), [(X, Y)], "`model` must be compiled"),
        (lambda: compiled(plain_model()), [(X, Y)], "technique that records something"),
        (stateful_model, [], "`batches` must have a batch at least"),
        (stateful_model, [X], r"`batches` must give \(inputs, targets\)"),
        (stateful_model, [(X,)], r"`batches` must give .* Received: tuple of 1"),
    ],
)
def test_bad_arguments(make, batches, message):
    with pytest.raises(ValueError, match=message):
        sos.observe(make(), batches)


def half_precision(weight):
    """Returns a model in float16 with a loss of many positions, and its data."""
    policy = keras.DTypePolicy("mixed_float16")
    inputs = keras.Input((256, 4))
    hidden = keras.layers.Dense(16, activation="relu", name="a", dtype=policy)(inputs)
    hidden = keras.layers.Dense(16, activation="relu", name="b", dtype=policy)(hidden)
    outputs = keras.layers.Dense(2, dtype="float32", name="c")(hidden)
    model = sos.sparsify(keras.Model(inputs, outputs), saliency)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0), 2.0**15)
    model.compile(scaled, "mse", loss_weights=[weight])
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(8, 256, 4)), rng.normal(size=(8, 256, 2))


def test_float16_is_observed_with_the_loss_scaled():
    keras.utils.set_random_seed(0)
    model, x, y = half_precision(weight=1e-4)
    before = [v.numpy() for v in model.variables]
    sos.observe(model, [(x, y)])
    small = {name: record_of(model, name) for name in sos.sparse_layers(model)}
    keras.utils.set_random_seed(0)
    model, x, y = half_precision(weight=1.0)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    sos.observe(model, [(x, y)])
    for name in small:
        record = record_of(model, name)
        np.testing.assert_allclose(small[name] * 1e4, record, rtol=0.02, atol=1e-3 * record.max())


def test_gradients_that_overflow_are_taken_with_a_smaller_scale():
    model, x, y = half_precision(weight=1e3)
    sos.observe(model, [(x, y)])
    records = [record_of(model, name) for name in sos.sparse_layers(model)]
    assert all(np.isfinite(record).all() and record.any() for record in records)
    assert float(model.optimizer.initial_scale) == 2.0**15
    model, x, y = half_precision(weight=np.inf)
    with pytest.raises(ValueError, match="`batches` must have gradients that are finite in float1"):
        sos.observe(model, [(x, y)])
