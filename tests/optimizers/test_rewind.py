"""Which optimizers get another learning rate, and when that is refused."""

import keras
import numpy as np
import pytest

from state_of_sparsity.optimizers.adam_with_multipliers import AdamWithMultipliers
from state_of_sparsity.optimizers.learning_rate import (
    learning_rate_at,
    schedule_of,
    stepping_optimizers,
)
from state_of_sparsity.optimizers.rewind import rewind
from state_of_sparsity.optimizers.rewound import Rewound
from state_of_sparsity.optimizers.sgd_with_multipliers import SGDWithMultipliers

LAST = 10


def decay(rate=0.5):
    return keras.optimizers.schedules.PolynomialDecay(rate, LAST, end_learning_rate=0.1)


def several(rates):
    """Returns an optimizer for each of two variables, of which only building tells."""
    made = {name: keras.optimizers.SGD(rate) for name, rate in rates.items()}
    return keras.optimizers.MultiOptimizer(lambda variable: made[variable.name])


WRAPPED = {
    "bare": keras.optimizers.SGD,
    "loss scaler": lambda r: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(r)),
    "multipliers": lambda r: SGDWithMultipliers(r, multipliers={"a": 2.0}),
    "adam with multipliers": lambda r: AdamWithMultipliers(r, multipliers={"a": 2.0}),
    "several": lambda r: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(keras.optimizers.SGD(r))
    ),
}


def rates(optimizer, steps=range(LAST + 3)):
    return [learning_rate_at(optimizer, step) for step in steps]


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_a_schedule_is_rewound_whatever_is_wrapped_around_it(wrap):
    optimizer = wrap(decay())
    rewind(optimizer, LAST, first=4, stretch=0.5)
    linear = [max(0.5 - 0.04 * (4 + 2 * step), 0.1) for step in range(LAST + 3)]
    np.testing.assert_allclose(rates(optimizer), linear, rtol=1e-5)


def test_each_of_several_follows_its_own():
    variables = {name: keras.Variable([1.0], name=name) for name in ("a", "b", "c")}
    optimizer = several({"a": decay(0.5), "b": decay(0.2), "c": 0.3})
    optimizer.build(list(variables.values()))
    rewind(optimizer, LAST, first=LAST, beyond=True)
    assert [rates(each, [0])[0] for each in stepping_optimizers(optimizer)] == pytest.approx(
        [0.1, 0.1, 0.3]
    )
    optimizer.apply([keras.ops.ones(1)] * 3, list(variables.values()))
    left = [float(v.numpy()[0]) for v in variables.values()]
    assert left == pytest.approx([0.9, 0.9, 0.7])


def test_a_function_cannot_be_rewound():
    optimizer = keras.optimizers.SGD(lambda: 0.3)
    rewind(optimizer, LAST)
    with pytest.raises(ValueError, match="`learning_rate` must be a number or a schedule"):
        rewind(optimizer, LAST, first=3)


def test_what_has_no_schedule_is_left_as_it_is():
    optimizer = keras.optimizers.SGD(0.3)
    before = schedule_of(optimizer)
    for changes in ({"first": 3}, {"stretch": 2.0}, {"first": LAST, "beyond": True}):
        rewind(optimizer, LAST, **changes)
        assert schedule_of(optimizer) is before
    rewind(optimizer, LAST, beyond=True, final_rate=0.01)
    assert rates(optimizer) == pytest.approx([0.3] * LAST + [0.01] * 3)


def test_a_schedule_from_its_first_step_is_left_as_it_is():
    optimizer = keras.optimizers.SGD(decay())
    before = schedule_of(optimizer)
    rewind(optimizer, LAST)
    assert schedule_of(optimizer) is before


def test_a_built_optimizer_with_a_rewound_rate_can_be_saved_and_trained():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.3), "mse")
    model.optimizer.build(model.trainable_variables)
    rewind(model.optimizer, 2, beyond=True, final_rate=0.01)
    model.fit(np.ones((3, 2)), np.ones((3, 1)), batch_size=1, verbose=0)
    assert learning_rate_at(model.optimizer, 3) == pytest.approx(0.01)
    assert [v.name for v in model.optimizer.variables][:1] == ["iteration"]
    assert not any(v.name == "learning_rate" for v in model.optimizer.variables)
    back = keras.optimizers.deserialize(keras.optimizers.serialize(model.optimizer))
    assert isinstance(schedule_of(back), Rewound)
    assert rates(back) == pytest.approx(rates(model.optimizer))


@pytest.mark.parametrize("first", [0, LAST])
def test_a_schedule_that_ends_at_nothing_needs_a_final_rate(first):
    ends = keras.optimizers.schedules.CosineDecay(0.5, LAST)
    optimizer = keras.optimizers.SGD(ends)
    with pytest.raises(ValueError, match=r"`final_rate` must be given.* such as 0\.005"):
        rewind(optimizer, LAST, first=first, beyond=True)
    assert schedule_of(optimizer) is ends
    rewind(optimizer, LAST, first=first, beyond=True, final_rate=0.02)
    assert rates(optimizer, [LAST - first, LAST + 5]) == pytest.approx([0.02, 0.02])
    begin = [0.5, 0.25] if first == 0 else [0.02, 0.02]
    assert rates(optimizer, [0, LAST // 2]) == pytest.approx(begin)
