"""What holds for every technique however it is run: precision, modes, retracing, the callback."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.layers import random_numbers
from tests.conformance import (
    OF_EACH_KIND,
    TECHNIQUES,
    X,
    Y,
    compiled,
    fit,
    one_of_each,
    outputs_of,
    penalty_of,
    plain_model,
    sparse_model,
    training,
)
from tests.slow_variants import slow_but
from tests.technique import LAYERS, SCHEDULE, WEIGHT, fill_records, spread

# On torch there are no graphs, and Keras takes neither several steps in one call nor, around
# gradients of one's own, `jit_compile`.
HAS_GRAPHS = keras.backend.backend() != "torch"
with_graphs = pytest.mark.skipif(not HAS_GRAPHS, reason="torch runs eagerly")


def check_evaluation(model, tolerance):
    """Holds what `predict` and `evaluate` compile against the model called eagerly."""
    outputs = outputs_of(model)
    predictions = model.predict(X, verbose=0)
    np.testing.assert_allclose(predictions, outputs, rtol=tolerance, atol=tolerance)
    loss = np.mean((outputs - Y) ** 2) + penalty_of(model)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), loss, rtol=tolerance)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", slow_but(OF_EACH_KIND, TECHNIQUES))
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
    jit = HAS_GRAPHS and policy == "mixed_bfloat16"  # float16 is run eagerly
    model.compile(optimizer, "mse", jit_compile=jit, run_eagerly=not jit)
    losses = fit(model, [sos.UpdateSparsity()])
    assert np.isfinite(losses).all()
    if jit:
        check_evaluation(model, tolerance=2e-2)
    for layer in map(model.get_layer, LAYERS):
        assert layer.layer.compute_dtype == policy.removeprefix("mixed_")
        seeds = keras.random.SeedGenerator(0).state.dtype
        assert {v.dtype for v in layer.variables} <= {"float32", "bool", "int32", seeds}
        assert layer.layer.kernel.dtype == "float32"
    TECHNIQUES[name].expect(model, 0.75)


@pytest.fixture
def noise_off(monkeypatch):
    """Takes the randomness out of what differs between eager, graph and jit for that alone."""
    monkeypatch.setattr(
        random_numbers, "normal", lambda shape, dtype=None, seed=None: keras.ops.zeros(shape, dtype)
    )
    monkeypatch.setattr(
        random_numbers,
        "uniform",
        lambda shape, dtype=None, seed=None: keras.ops.full(shape, 0.5, dtype),
    )


@pytest.mark.parametrize("name", slow_but(OF_EACH_KIND, TECHNIQUES))
def test_every_way_of_running_gives_the_same_loss(name, noise_off):
    ways = [{}, {"run_eagerly": True}]
    if HAS_GRAPHS:
        ways += [{"steps_per_execution": 4}, {"jit_compile": True}]
    models = [sparse_model(name, **options) for options in ways]
    graph, *others = [fit(model, [sos.UpdateSparsity()], epochs=3) for model in models]
    for losses in others:
        np.testing.assert_allclose(losses, graph, rtol=1e-5)
    check_evaluation(models[-1], tolerance=1e-5)


@with_graphs
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("variational dropout", "attention", marks=pytest.mark.slow),
        ("l0", "recurrent"),
    ],
)
def test_every_step_of_other_layers_is_compiled_by_xla(name, kind):
    tokens = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(8, 4)(tokens)
    if kind == "attention":
        hidden = keras.layers.MultiHeadAttention(2, 2)(hidden, hidden)[:, 0]
    else:
        hidden = keras.layers.SimpleRNN(4)(hidden)
    plain = keras.Model(tokens, keras.layers.Dense(3)(hidden))
    model = compiled(sos.sparsify(plain, TECHNIQUES[name].rules(None)), jit_compile=True)
    x = np.arange(96).reshape(16, 6) % 8
    assert np.isfinite(model.fit(x, Y, batch_size=4, verbose=0).history["loss"]).all()
    outputs = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), outputs, rtol=1e-5, atol=1e-6)


@with_graphs
@one_of_each
def test_no_retracing_after_the_first_epoch(name):
    _, after_epochs = training(name)
    assert after_epochs[0] > 0 and after_epochs == after_epochs[:1] * 4


@one_of_each
def test_a_layer_called_three_times_counts_its_penalty_and_its_steps_once(name, noise_off):
    technique = TECHNIQUES[name]
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    plain = keras.Model(inputs, shared(shared(shared(inputs))))
    model = sos.sparsify(plain, technique.rules(SCHEDULE))
    no_loss = lambda y_true, y_pred: 0.0 * keras.ops.mean(y_pred)  # noqa: E731
    model.compile(keras.optimizers.SGD(0.0), no_loss, run_eagerly=True)
    spread(model, technique.learned)
    fill_records(model)
    drive = sos.UpdateSparsity()
    drive.update(model, 4)
    wrapper = model.get_layer("shared")
    expected = 0.0
    if technique.penalty is not None:
        values = {v.name: v.numpy() for v in wrapper.variables}
        kept = [values[name] for name in technique.variables]
        expected = WEIGHT * technique.penalty(shared.kernel.numpy(), *kept)
    loss = model.train_on_batch(X[:, 0, :, 0], X[:, 0, :, 0])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert int(model.optimizer.iterations) == 1
    if technique.scheduled:
        assert (~sos.masks(model)["shared/kernel"]).sum() == 4


@pytest.mark.parametrize("name", slow_but([*OF_EACH_KIND, "rigl"], TECHNIQUES))
def test_forgetting_the_callback(name):
    model = sparse_model(name, run_eagerly=True)
    model(X, training=True)
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    if not TECHNIQUES[name].driven:
        fit(model)
        return
    # On JAX a training step that fails leaves its model without variables: a new one each time.
    for train in (fit, lambda model: model.train_on_batch(X, Y)):
        with pytest.raises(RuntimeError, match="UpdateSparsity"):
            train(sparse_model(name))
    # Neither is it silent where the training step was compiled with the callback there.
    model = sparse_model(name)
    fit(model, [sos.UpdateSparsity()])
    with pytest.raises(RuntimeError, match="UpdateSparsity"):
        fit(model)
