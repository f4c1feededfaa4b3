"""`TargetSparsity`: on toys whose sparsity is known, in models, and where it is refused."""

import json

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.layers.controlled_penalty import ControllerState
from state_of_sparsity.updates.due import SparsityUpdates
from tests.conformance import X, Y, compiled, fit, plain_model
from tests.technique import LAYERS

EASE = np.random.default_rng(7).lognormal(0, 1.5, 2000)  # how light a penalty moves each weight


def late_and_final(margins, weight, rng):
    """Weights that move by the pull of a penalty, slowly, and stay where they are without it."""
    return margins - np.where(margins > -0.5, 0.006 * weight / (weight + EASE), 0.0)


def at_once_and_noisy(margins, weight, rng):
    """Weights that go within twenty steps where a penalty has them, and back without it."""
    goal = 3.0 - 1.5 * np.log1p(weight / EASE) + rng.normal(0, 1.0, margins.size)
    return margins + 0.05 * (goal - margins)


@pytest.mark.parametrize("scale", [1e-7, 1e-4, 1e-1])
@pytest.mark.parametrize("target", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("plant", "near"), [(late_and_final, 0.003), (at_once_and_noisy, 0.02)])
def test_toys_end_at_the_target_whatever_penalty_that_takes(plant, near, target, scale):
    controller = sos.schedules.TargetSparsity(target, end_step=1800)
    rng, margins, state, last = np.random.default_rng(0), np.full(2000, 3.0), ControllerState(), []
    for step in range(2001):
        if controller.last_update(step) == step:
            state = controller.next_state(state, step, margins)
        margins = plant(margins, state.weight / scale, rng)
        last.append(float(np.mean(margins <= 0)))
    assert abs(np.mean(last[-100:]) - target) < near
    assert abs(last[-1] - target) < near


def test_a_step_follows_the_published_formulas():
    controller = sos.schedules.TargetSparsity(0.5, end_step=1000, frequency=10)
    margins = np.linspace(1.0, 3.0, 101)
    first = controller.next_state(ControllerState(), 0, margins)
    assert first == ControllerState(0, 0.1 / 101, 0.1 / 101, 2.0, 2.0, 0.0, 0.001)
    second = controller.next_state(first, 10, margins - 0.1)
    velocity = 0.16 * 0.1 / 10
    bound = 2.0 * (1 - (10 + 90) / 900) ** 1.5 + velocity * 90
    below = np.mean(margins - 0.1 <= bound)
    change = np.clip(0.25 * (0.5 - below) / 0.5, -np.log(2) / 4, np.log(2) / 4)
    assert second.margin == pytest.approx(1.9) and second.velocity == pytest.approx(velocity)
    assert second.weight == second.integral == pytest.approx(0.1 / 101 * np.exp(change))
    past = controller.next_state(second, 20, margins - 2.5)
    assert past.weight == 0.0 and past.velocity == 0.0
    excess = np.mean(margins - 2.5 <= 0) - 0.5
    assert past.integral == pytest.approx(second.integral * np.exp(-0.25 * excess / 0.5))
    assert controller.next_state(past, 20, margins) is past  # repeated by a run that is resumed
    assert controller.next_state(past, 0, margins) == first  # a new run begins anew
    assert past.band == controller.next_state(past, 30, margins - 2.0).band == 0.001
    assert controller.next_state(past, 30, margins).band == 0.008  # they came back at once


def controlled(target=0.5, end_step=8, **options):
    goal = sos.schedules.TargetSparsity(target, end_step=end_step, frequency=1)
    rule = lambda layer: sos.L0Regularization(layer, goal, seed=1, **options)  # noqa: E731
    return compiled(sos.sparsify(plain_model(), rule), learning_rate=0.5)


def test_layers_with_an_equal_controller_share_its_state():
    model = controlled(group="unit")
    (due,) = SparsityUpdates(model).due(0, 0)
    assert len(due.wrappers) == 2 and due.step == 0 and due.value == 0.5
    with pytest.warns(UserWarning, match="`l0_weight` has not led to its target: .* 50.00% wanted"):
        fit(model, [sos.UpdateSparsity()])
    states = [model.get_layer(name).controller_state() for name in LAYERS]
    assert states[0] == states[1] and states[0].step == 8 and states[0].first_margin > 0
    margins = [w.margins(w.sparse_kernels[0]) for w in map(model.get_layer, LAYERS)]
    present = [sos.masks(model)[f"{name}/kernel"] for name in LAYERS]
    for found, mask in zip(margins, present, strict=True):
        np.testing.assert_array_equal(found > 0, mask)


def test_layers_of_two_techniques_do_not_share_a_controller():
    goal = sos.schedules.TargetSparsity(0.5, end_step=8)
    rules = [
        ("head", lambda layer: sos.L0Regularization(layer, goal)),
        ("", lambda layer: sos.SoftThreshold(layer, goal)),
    ]
    model = sos.sparsify(plain_model(), rules)
    groups = {layer.update_group for layer in sos.sparse_layers(model).values()}
    assert len(groups) == 2


def test_margins_of_variational_dropout_are_positive_where_weights_are_present():
    wrapper = sos.VariationalDropout(keras.layers.Dense(5), 0.1)
    wrapper.build((None, 4))
    (kernel,) = wrapper.sparse_kernels
    wrapper.kernel_state["kernel"].assign(np.linspace(-12, 8, 20).reshape(4, 5))
    assert 0 < wrapper.present(kernel).sum() < 20
    np.testing.assert_array_equal(wrapper.margins(kernel) > 0, wrapper.present(kernel))


def test_variational_dropout_is_held_at_the_target_from_the_end_on():
    controller = sos.schedules.TargetSparsity(0.5, end_step=20, frequency=10)
    layers = [keras.layers.Dense(4, name="a"), keras.layers.Dense(3, name="b")]
    model = keras.Sequential([keras.Input((5,)), *layers])
    sparse = sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, controller))
    updater = sos.UpdateSparsity()
    updater.update(sparse, 0)
    size = 5 * 4 + 4 * 3
    log_alpha = np.random.default_rng(0).permutation(np.linspace(-5, 10, size))
    for wrapper, part in zip(sparse.layers, np.split(log_alpha, [20]), strict=True):
        (kernel,) = wrapper.sparse_kernels
        log_theta2 = np.log(kernel.variable.numpy() ** 2 + 1e-8)
        wrapper.kernel_state[kernel.name].assign(part.reshape(kernel.shape) + log_theta2)

    def present():
        return np.concatenate([m.ravel() for m in sos.masks(sparse).values()])

    assert np.array_equal(present(), log_alpha < 3.0) and present().sum() == 17
    updater.update(sparse, 10)
    assert present().sum() == 17  # too many of them yet
    for wrapper in sparse.layers:
        state = wrapper.kernel_state[wrapper.sparse_kernels[0].name]
        state.assign(state.numpy() + 2.0)
    before = present()
    assert before.sum() == 13
    updater.update(sparse, 20)
    nearest = np.argsort(log_alpha)[: size // 2]
    assert np.array_equal(np.flatnonzero(present()), np.sort(nearest))
    updater.update(sparse, 30)
    assert present().sum() == size // 2


@pytest.mark.parametrize(
    ("target", "absent", "held"),
    [(0.75, 72, False), (0.75, 73, True), (0.75, 87, True), (0.75, 88, False), (0.9, 88, False)],
)
def test_a_target_that_the_penalty_has_not_led_to_is_not_forced(target, absent, held):
    controller = sos.schedules.TargetSparsity(target, end_step=20, frequency=10)
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(10)])
    sparse = sos.sparsify(model, lambda layer: sos.L0Regularization(layer, controller))
    (wrapper,) = sparse.layers
    (kernel,) = wrapper.sparse_kernels
    margins = np.linspace(-1, 1, 100) + (1 - 2 * (absent - 0.5) / 99)
    wrapper.kernel_state["kernel"].assign((margins + wrapper.shut_at).reshape(10, 10) / 16)
    assert wrapper.gate_speed == 16.0 and wrapper.margins(kernel).max() > 0
    updater = sos.UpdateSparsity()
    for step in (0, 10, 20):
        updater.update(sparse, step)
    left = wrapper.present(kernel).sum()
    assert left == round(100 * (1 - target)) if held else left == 100 - absent


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_gates_are_held_at_the_target_from_the_end_on(speed):
    controller = sos.schedules.TargetSparsity(0.75, end_step=20, frequency=10)
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])
    rule = lambda layer: sos.L0Regularization(layer, controller, gate_speed=speed)  # noqa: E731
    sparse = sos.sparsify(model, rule)
    updater = sos.UpdateSparsity()
    updater.update(sparse, 0)
    (wrapper,) = sparse.layers
    (kernel,) = wrapper.sparse_kernels
    margins = np.random.default_rng(0).permutation(np.linspace(-4, 1, 200)).reshape(20, 10)
    margins += 0.02 - np.quantile(margins, 0.75)  # half a point of zeros too few
    wrapper.kernel_state["kernel"].assign((margins + wrapper.shut_at) / speed)
    updater.update(sparse, 10)
    assert wrapper.present(kernel).sum() == 51
    updater.update(sparse, 20)
    present = wrapper.present(kernel)
    assert np.array_equal(present, margins >= np.sort(margins, axis=None)[150])
    found = wrapper.margins(kernel)
    np.testing.assert_allclose(found[present], margins[present], atol=1e-5)  # not moved
    assert found[~present].max() == pytest.approx(-0.01, abs=1e-5)


def test_gates_of_units_and_soft_thresholds_are_led_by_the_penalty_alone():
    controller = sos.schedules.TargetSparsity(0.75, end_step=20, frequency=10)
    for rule in (
        lambda layer: sos.L0Regularization(layer, controller, group="unit"),
        lambda layer: sos.SoftThreshold(layer, controller),
    ):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, name="dense")])
        sparse, updater = sos.sparsify(model, rule), sos.UpdateSparsity()
        for step in (0, 10, 20):
            updater.update(sparse, step)
            assert sos.masks(sparse)["dense/kernel"].mean() > 0.5 or step == 0


def test_a_run_that_is_saved_and_loaded_goes_on_as_it_would(tmp_path):
    model = controlled(end_step=4, group="unit")
    with pytest.warns(UserWarning, match="has not led to its target"):
        fit(model, [sos.UpdateSparsity()], epochs=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    before = model.get_layer("head").controller_state()
    for each in (model, loaded):  # an update that was done, and the next one
        sos.UpdateSparsity().update(each, 4)
        assert each.get_layer("head").controller_state() == before
        sos.UpdateSparsity().update(each, 5)
    after = [each.get_layer("head").controller_state() for each in (model, loaded)]
    assert after[0] == after[1] != before and after[0].step == 5
    config = model.get_layer("head").get_config()
    again = sos.L0Regularization.from_config(json.loads(json.dumps(config)))
    assert again.penalty_weight == model.get_layer("head").penalty_weight


def test_a_run_that_ends_before_the_sparsity_arrives_is_refused():
    with pytest.raises(ValueError, match=r"TargetSparsity\(target=0.5.* arrives at step 9, after"):
        fit(controlled(end_step=9), [sos.UpdateSparsity(strict=True)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 0}, r"`target` must be a number in \(0, 1\)"),
        ({"target": 1}, r"`target` must be a number in \(0, 1\)"),
        ({"end_step": 0}, "`end_step` must be above `begin_step`"),
        ({"end_step": 5, "begin_step": 5}, "`end_step` must be above `begin_step`"),
        ({"frequency": 0}, "`frequency` must be an integer of at least 1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sos.schedules.TargetSparsity(**{"target": 0.5, "end_step": 10, **arguments})


def test_a_penalty_may_weigh_what_any_callable_says_but_no_less_than_nothing():
    wrapper = lambda weight: lambda layer: sos.VariationalDropout(layer, weight)  # noqa: E731
    model = compiled(sos.sparsify(plain_model(), wrapper(lambda step: 1e-3 * step)))
    fit(model, [sos.UpdateSparsity()])
    assert float(model.get_layer("head").current_weight.numpy()) == pytest.approx(8e-3)
    model = compiled(sos.sparsify(plain_model(), wrapper(lambda step: 1e-3 - step)))
    with pytest.raises(ValueError, match=r"weight of a penalty .* Received: -0.999 .* at step 1"):
        model.fit(X, Y, batch_size=4, callbacks=[sos.UpdateSparsity()], verbose=0)
