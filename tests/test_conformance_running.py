"""What holds for every technique however it is run: precision, modes, retracing, the callback."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.test_conformance import (
    LAYERS,
    SCHEDULE,
    TECHNIQUES,
    WEIGHT,
    X,
    Y,
    every_technique,
    fit,
    plain_model,
    sparse_model,
    trained_model,
    training,
)


@every_technique
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_state_is_float32_under_mixed_precision(name, policy):
    keras.config.set_dtype_policy(policy)
    plain = plain_model()
    rng = np.random.default_rng(0)
    for layer in LAYERS:  # within a thousandth: not to be told apart in half precision
        kernel = plain.get_layer(layer).kernel
        steps = rng.permutation(int(np.prod(kernel.shape))).reshape(kernel.shape)
        kernel.assign(0.25 + 1e-3 * steps / steps.size)
    model = sparse_model(name, plain=plain)
    optimizer = keras.optimizers.SGD(1e-4)
    if policy == "mixed_float16":  # with a scale so small that no step overflows and is skipped
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**8)
    model.compile(optimizer, "mse")
    losses = fit(model, [sos.UpdateSparsity()])
    assert np.isfinite(losses).all()
    for layer in map(model.get_layer, LAYERS):
        assert layer.layer.compute_dtype == policy.removeprefix("mixed_")
        assert {v.dtype for v in layer.variables} <= {"float32", "bool", "int64"}  # seeds: int64
        assert layer.layer.kernel.dtype == "float32"
    TECHNIQUES[name].expect(model, 0.75)


@pytest.fixture
def noise_off(monkeypatch):
    """Takes the randomness out of what differs between eager, graph and jit for that alone."""
    monkeypatch.setattr(
        keras.random, "normal", lambda shape, dtype=None, seed=None: keras.ops.zeros(shape, dtype)
    )
    monkeypatch.setattr(
        keras.random,
        "uniform",
        lambda shape, dtype=None, seed=None: keras.ops.full(shape, 0.5, dtype),
    )


@every_technique
def test_every_way_of_running_gives_the_same_loss(name, noise_off):
    ways = [{}, {"run_eagerly": True}, {"jit_compile": True}, {"steps_per_execution": 4}]
    graph, *others = [
        fit(sparse_model(name, **options), [sos.UpdateSparsity()], epochs=3) for options in ways
    ]
    for losses in others:
        np.testing.assert_allclose(losses, graph, rtol=1e-5)


@every_technique
def test_no_retracing_after_the_first_epoch(name):
    _, after_epochs = training(name)
    assert after_epochs[0] > 0 and after_epochs == after_epochs[:1] * 4


@every_technique
def test_a_layer_called_three_times_counts_its_penalty_and_its_steps_once(name, noise_off):
    technique = TECHNIQUES[name]
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    plain = keras.Model(inputs, shared(shared(shared(inputs))))
    model = sos.sparsify(plain, technique.rules(SCHEDULE))
    no_loss = lambda y_true, y_pred: 0.0 * keras.ops.mean(y_pred)  # noqa: E731
    model.compile(keras.optimizers.SGD(0.0), no_loss, run_eagerly=True)
    drive = sos.UpdateSparsity()
    drive.update(model, 4)
    wrapper = model.get_layer("shared")
    state = next((v.numpy() for v in wrapper.variables if v.name == technique.state), None)
    expected = WEIGHT * technique.penalty(shared.kernel.numpy(), state)
    loss = model.train_on_batch(X[:, 0, :, 0], X[:, 0, :, 0])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert int(model.optimizer.iterations) == 1
    if technique.scheduled:
        assert (~sos.masks(model)["shared/kernel"]).sum() == 4


@every_technique
def test_forgetting_the_callback(name):
    model = sparse_model(name)
    model(X, training=True)
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    if not TECHNIQUES[name].driven:
        fit(model)
        return
    for train in (lambda: fit(model), lambda: model.train_on_batch(X, Y)):
        with pytest.raises(RuntimeError, match="UpdateSparsity"):
            train()
    # Neither is it silent where the training step was compiled with the callback there.
    with pytest.raises(RuntimeError, match="UpdateSparsity"):
        fit(trained_model(name))
    trained_model(name).evaluate(X, Y, verbose=0)
