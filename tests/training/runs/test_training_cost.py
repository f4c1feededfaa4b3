import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.runs import training_cost
from state_of_sparsity.training.runs.training_cost import TrainingCost

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=100, frequency=4)


def costs(rule, epochs=1, steps=1):
    """Returns what every epoch of a model with 8 * 4 and 4 * 1 multiply-adds logs."""
    layers = [keras.layers.Dense(4), keras.layers.Dense(1, name="head")]
    model = keras.Sequential([keras.Input((8,)), *layers])
    if rule is not None:
        model = sos.sparsify(model, [("head", None), ("", rule)])
    model.compile("sgd", "mse", steps_per_execution=steps)
    x = np.random.default_rng(0).normal(size=(16, 8))
    driver = None if rule is None else sos.UpdateSparsity()
    callbacks = [*([] if rule is None else [driver]), TrainingCost(driver)]
    history = model.fit(x, x[:, :1], batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks)
    return history.history[training_cost.NAME]


@pytest.mark.filterwarnings("ignore:No gate of")
# By the appendix of "Rigging the Lottery": dense 3 * 36; the head's 12 are always there.
@pytest.mark.parametrize(
    ("rule", "of_the_layer"),
    [
        (None, 96),
        (lambda layer: sos.MagnitudePruning(layer, HALF), 96 * 0.5),
        (lambda layer: sos.SET(layer, HALF), 96 * 0.5),
        (lambda layer: sos.RigL(layer, HALF), 96 * (0.5 + 0.5 / 3 / 4)),  # every fourth step
        (lambda layer: sos.StraightThrough(layer, HALF), 32 * (0.5 + 0.5 + 1)),
        (lambda layer: sos.TopKAST(layer, HALF, 0.25), 32 * (0.5 + 0.5 + 0.75)),
        (lambda layer: sos.FixedMask(layer, np.arange(32).reshape(8, 4) < 8), 96 * 0.25),
        (lambda layer: sos.VariationalDropout(layer, 1e-6), 2 * 96),
        (lambda layer: sos.L0Regularization(layer, 1e-6), 96),
        (lambda layer: sos.SoftThreshold(layer, 0.0, initial_logit=-30.0), 96),
    ],
)
def test_a_step_costs_what_is_not_skipped(rule, of_the_layer):
    assert costs(rule) == [pytest.approx(of_the_layer + 12)]


def test_each_step_costs_what_its_masks_do():
    alternating = sos.schedules.Alternating(0.5, begin_step=1, phase_steps=2, end_step=5)
    masks, sparsity = [], 0.0
    for step in range(8):
        due, wanted = alternating(step)
        sparsity = wanted if due else sparsity
        masks.append(96 * (1 - sparsity) + 12)
    assert set(masks) == {96 + 12, 48 + 12}
    found = costs(lambda layer: sos.ACDC(layer, alternating), epochs=2)
    assert found == [pytest.approx(np.mean(masks[:4])), pytest.approx(np.mean(masks[4:]))]


def test_several_steps_an_execution():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=4, end_step=4)
    found = costs(lambda layer: sos.MagnitudePruning(layer, schedule), epochs=3, steps=2)
    assert found == [96 + 12, 48 + 12, 48 + 12]


def test_movement_trains_all_scores():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=4, end_step=4)
    found = costs(lambda layer: sos.MovementPruning(layer, schedule), epochs=2)
    assert found == [96 + 12, pytest.approx(32 * (0.5 + 0.5 + 1) + 12)]


def test_the_total_goes_by_the_steps_of_each_row():
    rows = [{"step": 10, training_cost.NAME: 6.0}, {"step": 15, training_cost.NAME: 3.0}]
    assert training_cost.total(rows, batch_size=2) == 2 * (10 * 6 + 5 * 3)
    assert training_cost.total([{"step": 10}, *rows], batch_size=2) is None
    assert training_cost.total([], batch_size=2) is None


def test_where_uses_are_not_known_nothing_is_logged():
    class AnyShape(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs["x"])

    model = AnyShape()
    model.compile("sgd", "mse")
    x = {"x": np.ones((4, 3))}
    history = model.fit(x, np.ones((4, 1)), verbose=0, callbacks=[TrainingCost()])
    assert training_cost.NAME not in history.history
