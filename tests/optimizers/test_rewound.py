"""Learning rates that begin in the midst of others, against the formula in plain Python."""

import keras
import numpy as np
import pytest
from keras import ops

from state_of_sparsity.optimizers.inverse_square_root import InverseSquareRoot
from state_of_sparsity.optimizers.rewound import Rewound
from state_of_sparsity.optimizers.warm_up_and_drops import WarmUpAndDrops

LAST = 24
schedules = keras.optimizers.schedules
SCHEDULES = {
    "linear": schedules.PolynomialDecay(0.5, LAST, end_learning_rate=0.0),
    "cosine": schedules.CosineDecay(0.1, LAST - 4, warmup_target=0.4, warmup_steps=4),
    "pieces": schedules.PiecewiseConstantDecay([6, 12], [0.4, 0.2, 0.1]),
    "drops": WarmUpAndDrops(0.1, 256, 512, warm_up=2, drops=(4, 8)),
    "inverse square root": InverseSquareRoot(hidden_dim=16, warm_up=5),
    "exponential": schedules.ExponentialDecay(0.5, 10, 0.5),
    "constant": 0.3,
}
VARIANTS = {
    "from 0": {},
    "from k": {"first": 7},
    "last": {"first": LAST},
    "twice as long": {"stretch": 2},
    "half as long": {"stretch": 0.5},
    "from k, stretched": {"first": 6, "stretch": 3.0},
    "at a final rate": {"final_rate": 0.01},
    "from k, at a final rate": {"first": 7, "final_rate": 0.01},
}


def expected(schedule, step, first=0, stretch=1.0, final_rate=None):
    """The learning rate, step by step of the old schedule, in Python's own numbers."""
    where = first + step / stretch
    if where >= LAST:
        if final_rate is not None:
            return final_rate
        where = LAST
    return float(schedule(where)) if callable(schedule) else schedule


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_of_every_step(name, variant):
    schedule, arguments = SCHEDULES[name], VARIANTS[variant]
    rate = Rewound(schedule, last=LAST, **arguments)
    steps = [*range(0, 2 * LAST + 4, 4), 5, 6, 7, 13, 17, 18, 23, 25, 47, 49]
    wanted = [expected(schedule, step, **arguments) for step in steps]
    found = [float(rate(ops.convert_to_tensor(step))) for step in steps]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    back = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert [float(back(step)) for step in steps[::5]] == found[::5]


@pytest.mark.parametrize(
    ("name", "arguments"), [("drops", {"first": 5, "stretch": 2}), ("pieces", {"final_rate": 0.01})]
)
def test_the_rate_in_compiled_training(name, arguments):
    rate = Rewound(SCHEDULES[name], last=LAST, **arguments)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(rate), lambda _, outputs: ops.mean(outputs))

    begin, found = float(model.get_weights()[0][0, 0]), []

    class Weight(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(float(self.model.get_weights()[0][0, 0]))

    model.fit(np.ones((30, 1)), np.ones((30, 1)), batch_size=1, verbose=0, callbacks=[Weight()])
    # The gradient is 1, so that each step takes away its learning rate.
    wanted = np.cumsum([expected(SCHEDULES[name], step, **arguments) for step in range(30)])
    np.testing.assert_allclose(begin - np.array(found), wanted, rtol=1e-4)


def test_steps_that_float32_does_not_hold_are_told_apart():
    class Odd(schedules.LearningRateSchedule):
        def __call__(self, step):
            return ops.cast(step % 2, "float32")

    first = 2**24
    rate = Rewound(Odd(), first, last=2**31 - 1)
    found = [float(rate(ops.convert_to_tensor(step))) for step in range(4)]
    assert found == [0, 1, 0, 1]
    rate = Rewound(0.5, 0, last=2**30 + 1, final_rate=0.1)
    assert float(rate(ops.convert_to_tensor(2**30))) == 0.5
    assert float(rate(ops.convert_to_tensor(2**30 + 1))) == pytest.approx(0.1)


def test_the_last_change():
    drops = SCHEDULES["drops"]
    assert drops.last_change == 16
    assert Rewound(drops, 0, LAST).last_change == 16
    assert Rewound(drops, 4, LAST, stretch=2).last_change == 24
    assert Rewound(drops, 20, LAST).last_change == 0
    assert Rewound(drops, 4, LAST, final_rate=0.1).last_change == LAST - 4
    assert Rewound(SCHEDULES["linear"], 0, LAST).last_change == 0  # it does not say


@pytest.mark.parametrize(
    ("name", "value"),
    [("first", -1), ("first", 1.5), ("last", 3), ("stretch", 0), ("final_rate", -0.1)],
)
def test_arguments_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Rewound(0.1, **{"first": 4, "last": 5, name: value})
