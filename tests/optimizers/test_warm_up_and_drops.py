"""`WarmUpAndDrops` against a slow statement of it, and the numbers published with it."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.optimizers.warm_up_and_drops import WarmUpAndDrops

SMALL = {
    "learning_rate": 0.2,
    "batch_size": 64,
    "examples": 640,
    "warm_up": 2,
    "drops": (3, 5.25),
    "factor": 0.5,
}


def slow_rate(step, learning_rate, batch_size, examples, warm_up, drops, factor):
    epoch = step * batch_size / examples
    rate = learning_rate * batch_size / 256
    if epoch < warm_up:
        rate *= epoch / warm_up
    for drop in drops:
        if epoch >= drop:
            rate *= factor
    return rate


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"warm_up": 0},
        {"drops": ()},
        {"drops": (2, 3)},
        {"batch_size": 100},
        {"examples": 641},
        {"factor": 1},
    ],
)
def test_it_is_the_slow_statement_at_every_step(change):
    arguments = SMALL | change
    rate = WarmUpAndDrops(**arguments)
    steps = range(80)
    expected = [slow_rate(step, **arguments) for step in steps]
    np.testing.assert_allclose([float(rate(step)) for step in steps], expected, rtol=1e-6)


def test_it_drops_in_the_very_step_that_begins_the_epoch():
    rate = WarmUpAndDrops(**SMALL)
    found = [float(rate(step)) for step in (0, 10, 20, 29, 30, 52, 53)]
    np.testing.assert_allclose(found, [0, 0.025, 0.05, 0.05, 0.025, 0.025, 0.0125], rtol=1e-6)


@pytest.mark.parametrize("change", [{}, {"drops": ()}, {"drops": (), "warm_up": 0}])
def test_the_last_change_is_the_last_step_before_which_it_was_another(change):
    rate = WarmUpAndDrops(**(SMALL | change))
    rates = [float(rate(step)) for step in range(80)]
    changes = [step for step in range(1, 80) if rates[step] != rates[step - 1]]
    assert rate.last_change == (changes[-1] if changes else 0)


def test_the_defaults_are_the_published_schedule():
    rate = WarmUpAndDrops()
    np.testing.assert_allclose(float(rate(6256)), 0.4, rtol=1e-6)  # 5 epochs are 6255.7 steps
    for drop, before, after in [
        (37_535, 0.4, 0.04),
        (75_069, 0.04, 0.004),
        (100_092, 0.004, 0.0004),
    ]:
        found = [float(rate(drop - 1)), float(rate(drop)), float(rate(drop + 1))]
        np.testing.assert_allclose(found, [before, after, after], rtol=1e-6)
    np.testing.assert_allclose(float(rate(128_000)), 0.0004, rtol=1e-6)
    np.testing.assert_allclose(float(WarmUpAndDrops(batch_size=4096)(2000)), 1.6, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_a_tensor_is_as_good_as_an_integer(jit_compile, dtype):
    rate = WarmUpAndDrops(**SMALL)
    compiled = tf.function(lambda step: rate(step), jit_compile=jit_compile)
    for step in (0, 7, 30, 53):
        found = compiled(tf.constant(step, dtype))
        assert found.dtype == "float32" and found.shape == ()
        np.testing.assert_allclose(found, slow_rate(step, **SMALL), rtol=1e-6)


def test_an_optimizer_follows_it():
    variable = keras.Variable([0.0])
    optimizer = keras.optimizers.SGD(WarmUpAndDrops(**SMALL))
    for _ in range(55):
        optimizer.apply([keras.ops.ones(1)], [variable])
    moved = sum(slow_rate(step, **SMALL) for step in range(55))
    np.testing.assert_allclose(variable.numpy(), [-moved], rtol=1e-5)


def test_the_configuration_brings_it_back():
    optimizer = keras.optimizers.SGD(WarmUpAndDrops(**SMALL))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(optimizer)))
    again = keras.saving.deserialize_keras_object(config)._learning_rate
    assert type(again) is WarmUpAndDrops
    assert again.get_config() == SMALL | {"drops": [3, 5.25]}
    assert float(again(30)) == float(WarmUpAndDrops(**SMALL)(30))


@pytest.mark.parametrize("name", ["learning_rate", "batch_size", "examples"])
@pytest.mark.parametrize("value", [0, -1, "2", None, float("nan")])
def test_a_number_that_is_not_above_zero_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be a number above 0. Received: "):
        WarmUpAndDrops(**{name: value})


@pytest.mark.parametrize("value", [-1, None, True])
def test_a_negative_warm_up_is_refused(value):
    with pytest.raises(ValueError, match=r"`warm_up` must be a number of at least 0\. Received: "):
        WarmUpAndDrops(warm_up=value)


@pytest.mark.parametrize("drops", [(60, 30), (30, 30), (4, 30), ("30",), (30, None)])
def test_drops_out_of_order_are_refused(drops):
    with pytest.raises(ValueError, match=r"`drops` must be ascending.*Received: .* with warm_up=5"):
        WarmUpAndDrops(drops=drops)


@pytest.mark.parametrize("factor", [0, -0.1, 1.5, "0.1"])
def test_a_factor_outside_its_range_is_refused(factor):
    with pytest.raises(ValueError, match=r"`factor` must be a number in \(0, 1\]. Received: "):
        WarmUpAndDrops(factor=factor)
