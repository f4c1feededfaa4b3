"""`SparsityUpdates` and `UpdateSparsity.update`: what is due when, asked how often, refused why."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from state_of_sparsity.updates.due import SparsityUpdates


class Recording:
    """A schedule that notes every question; a user's class of no family."""

    def __init__(self, due, sparsity=0.5):
        self.due, self.sparsity, self.asked = due, sparsity, []

    def __call__(self, step):
        self.asked.append(step)
        sparsity = self.sparsity(step) if callable(self.sparsity) else self.sparsity
        return step in self.due, sparsity


class Configured(Recording):
    def get_config(self):
        return {"sparsity": self.sparsity}


class Abstract(Recording):
    def get_config(self):
        raise NotImplementedError("as a base class of the user's may")


def network(count=3, width=10):
    model = keras.Sequential([keras.Input((width,))])
    for index in range(count):
        model.add(layers.Dense(width, name=f"dense_{index}"))
    return model


def pruned(schedule, **kwargs):
    return sos.sparsify(network(**kwargs), lambda layer: sos.MagnitudePruning(layer, schedule))


def zeros(model):
    return [int(np.count_nonzero(~mask)) for mask in sos.masks(model).values()]


def test_one_schedule_object_is_asked_once_a_step_for_all_its_layers():
    schedule = Recording(due={0, 2})
    model = pruned(schedule)
    updater = sos.UpdateSparsity()
    for step in (0, 1, 1, 2, 3):  # at step 1 twice
        updater.update(model, step)
    assert schedule.asked == [0, 1, 2, 3]
    assert zeros(model) == [50, 50, 50]


def test_a_layer_needs_its_driver_while_one_of_its_kernels_is_trained():
    plain = keras.Sequential([keras.Input((6, 2)), layers.SeparableConv1D(2, 2)])
    model = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, Recording(due={0})))
    updates = SparsityUpdates(model)
    first, second = (kernel.variable for kernel in updates.driven[0].sparse_kernels)
    first.trainable = False
    with pytest.raises(RuntimeError, match="UpdateSparsity"):
        updates.check_driven()
    second.trainable = False
    updates.check_driven()


def test_equal_schedules_are_asked_once():
    schedules = [Configured(due={0}) for _ in range(3)]
    queue = iter(schedules)
    model = sos.sparsify(network(), lambda layer: sos.MagnitudePruning(layer, next(queue)))
    sos.UpdateSparsity().update(model, 0)
    assert sum(len(schedule.asked) for schedule in schedules) == 1
    assert zeros(model) == [50, 50, 50]


def test_unequal_schedules_are_asked_each():
    schedules = [
        Configured(due={0}, sparsity=0.1),
        Configured(due={0}, sparsity=0.2),
        Recording(due={0}, sparsity=0.3),  # without a configuration: told apart by identity
    ]
    queue = iter(schedules)
    model = sos.sparsify(network(), lambda layer: sos.MagnitudePruning(layer, next(queue)))
    sos.UpdateSparsity().update(model, 0)
    assert [schedule.asked for schedule in schedules] == [[0], [0], [0]]
    assert zeros(model) == [10, 20, 30]


def test_a_configuration_that_cannot_be_had_is_no_hindrance():
    model = pruned(Abstract(due={0}))
    sos.UpdateSparsity().update(model, 0)
    assert zeros(model) == [50, 50, 50]


def test_of_several_due_steps_the_latest_counts():
    model = pruned(Recording(due={1, 3, 4}, sparsity=lambda step: step / 10))
    updater = sos.UpdateSparsity()
    updater.update(model, 0)
    assert zeros(model) == [0, 0, 0]
    updater.update(model, 6)
    assert zeros(model) == [40, 40, 40]


def test_due_names_no_update_where_there_is_none():
    updates = SparsityUpdates(pruned(Recording(due={5})))
    assert updates.due(0, 4) == []
    assert len(updates.due(0, 5)) == 1
    assert updates.due(6, 9) == []


@pytest.mark.parametrize("form", ["lambda", "tensor", "numpy", "python int"])
def test_what_a_callable_may_return(form):
    import tensorflow as tf

    schedule = {
        "lambda": lambda step: (True, 0.9),
        "tensor": lambda step: (tf.constant(True), tf.constant(0.9, tf.float32)),
        "numpy": lambda step: (np.bool_(True), np.float32(0.9)),
        "python int": lambda step: (1, 0),
    }[form]
    model = pruned(schedule)
    sos.UpdateSparsity().update(model, 0)
    assert zeros(model) == ([0] * 3 if form == "python int" else [90] * 3)


def test_a_single_precision_fraction_counts_as_the_number_that_was_meant():
    model = pruned(lambda step: (True, np.float32(0.1)), count=1, width=15)
    sos.UpdateSparsity().update(model, 0)
    assert zeros(model) == [round(0.1 * 225)] == [22]  # float32's 0.1 is above 0.1: 23


@pytest.mark.parametrize("bad", [1.0, 1.5, -0.1, np.nan, np.inf])
def test_a_sparsity_outside_its_range_is_an_error(bad):
    model = pruned(Recording(due={2}, sparsity=lambda step: bad if step == 2 else 0.5))
    updater = sos.UpdateSparsity()
    updater.update(model, 1)
    with pytest.raises(ValueError, match=r"`schedule` must return .*sparsity in \[0, 1\).*step 2"):
        updater.update(model, 2)
    assert zeros(model) == [0, 0, 0]


@pytest.mark.parametrize(
    "returned", [0.5, None, (True,), (True, 0.5, 1), (True, None), (True, "0.5x"), (True, [0.5, 1])]
)
def test_garbage_from_a_callable_is_an_error_that_names_it(returned):
    model = pruned(lambda step: returned)
    with pytest.raises((ValueError, TypeError), match="`schedule`"):
        sos.UpdateSparsity().update(model, 0)


def test_an_error_inside_a_callable_comes_through():
    def schedule(step):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        sos.UpdateSparsity().update(pruned(schedule), 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers(value):
    model = pruned(Recording(due={0, 1}))
    kernel = model.layers[1].layer.kernel.numpy()
    kernel[0, 0] = value
    model.layers[1].layer.kernel.assign(kernel)
    if np.isnan(value):
        with pytest.raises(ValueError, match="'dense_1' holds NaN at a sparsity update"):
            sos.UpdateSparsity().update(model, 0)
    else:  # an infinite weight is the largest
        sos.UpdateSparsity().update(model, 0)
        assert sos.masks(model)["dense_1/kernel"][0, 0]


def test_nan_of_either_sign_and_inf_together_are_found():
    model = pruned(Recording(due={0}))
    kernel = model.layers[0].layer.kernel.numpy()
    kernel[0, :3] = [np.inf, -np.inf, -np.nan]
    model.layers[0].layer.kernel.assign(kernel)
    with pytest.raises(ValueError, match="holds NaN"):
        sos.UpdateSparsity().update(model, 0)


def test_infinities_of_both_signs_are_no_nan():
    model = pruned(Recording(due={0}))
    kernel = model.layers[0].layer.kernel.numpy()
    kernel[0, :2] = [np.inf, -np.inf]
    model.layers[0].layer.kernel.assign(kernel)
    sos.UpdateSparsity().update(model, 0)
    assert sos.masks(model)["dense_0/kernel"][0, :2].all()


@pytest.mark.parametrize("step", [-1, 0.5, True, "3", None])
def test_a_step_must_be_a_count(step):
    with pytest.raises(ValueError, match="`step` must be an integer"):
        sos.UpdateSparsity().update(pruned(Recording(due={0})), step)


@pytest.mark.parametrize("step", [np.int64(0), 0.0, keras.ops.convert_to_tensor(0)])
def test_a_step_may_be_any_whole_number(step):
    model = pruned(Recording(due={0}))
    sos.UpdateSparsity().update(model, step)
    assert zeros(model) == [50, 50, 50]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras.Sequential([layers.Dense(3)]), "must be built"),
        (network, "must have sparse layers"),
    ],
)
def test_models_that_cannot_be_driven(model, message):
    with pytest.raises(ValueError, match=f"`model` {message}"):
        sos.UpdateSparsity().update(model(), 0)


def test_going_back_and_changing_the_model_start_anew():
    schedule = Recording(due=set(range(10)), sparsity=lambda step: step / 10)
    first, second = pruned(schedule), pruned(schedule)
    updater = sos.UpdateSparsity()
    updater.update(first, 5)
    updater.update(second, 3)
    assert (zeros(first)[0], zeros(second)[0]) == (50, 30)
    updater.update(second, 1)
    assert zeros(second)[0] == 10


def test_a_jump_over_due_steps_makes_up_for_them():
    model = pruned(sos.schedules.PolynomialDecay(0.0, 0.8, 0, 100, frequency=25))
    updater = sos.UpdateSparsity()
    updater.update(model, 0)
    updater.update(model, 60)  # nothing is due at 60 itself, but at 25 and 50
    assert zeros(model) == [round(100 * (0.8 - 0.8 * 0.5**3))] * 3


def test_ramps_and_masks_together():
    ramp = sos.schedules.Ramp(1.0, 0, 4)
    rules = [
        ("0", lambda layer: sos.MagnitudePruning(layer, Recording(due={2}))),
        ("1", lambda layer: sos.VariationalDropout(layer, ramp)),
        ("2", lambda layer: sos.L0Regularization(layer, sos.schedules.Ramp(3.0, 0, 6))),
    ]
    model = sos.sparsify(network(), rules)
    updater = sos.UpdateSparsity()
    seen = []
    for step in range(5):
        updater.update(model, step)
        weights = [v.numpy() for v in model.non_trainable_variables if v.name == "penalty_weight"]
        mask = sos.masks(model)["dense_0/kernel"]
        seen.append((*weights, np.count_nonzero(~mask)))
    assert seen == [(0, 0, 0), (0.25, 0.5, 0), (0.5, 1.0, 50), (0.75, 1.5, 50), (1.0, 2.0, 50)]


def test_tfmots_schedules_give_the_masks_of_their_twins():
    arguments = {"initial_sparsity": 0.1, "final_sparsity": 0.8, "begin_step": 1, "end_step": 7}
    theirs = pruned(pruning_schedules().PolynomialDecay(**arguments, frequency=3))
    keras.utils.set_random_seed(0)
    ours = pruned(sos.schedules.PolynomialDecay(**arguments, frequency=3))
    ours.set_weights(theirs.get_weights())
    updaters = sos.UpdateSparsity(), sos.UpdateSparsity()
    for step in range(9):
        updaters[0].update(theirs, step)
        updaters[1].update(ours, step)
        assert zeros(theirs) == zeros(ours)
    assert zeros(ours) == [80, 80, 80]


@pytest.mark.parametrize(
    ("start", "end", "short", "frequency"),
    [
        (0, 11, True, False),
        (0, 12, True, True),
        (12, 20, True, True),
        (13, 20, False, False),
    ],
)
def test_a_run_from_or_to_the_end_of_a_tfmot_schedule_says_what_it_lacks(
    start, end, short, frequency
):
    schedule = pruning_schedules().PolynomialDecay(0.0, 0.9, 2, 12, frequency=4)
    found = SparsityUpdates(pruned(schedule)).unreached(start, end)
    assert ["last update at step 10" in sentence for sentence in found] == [True] * short
    assert any("`frequency` does not divide" in sentence for sentence in found) == frequency


def test_a_subclass_that_inherits_its_configuration_is_a_schedule_of_its_own():
    class Scaled(sos.schedules.ConstantSparsity):
        scale = 1.0

        def sparsity(self, step):
            return self.target_sparsity * self.scale

    low, high = Scaled(0.8, 0), Scaled(0.8, 0)
    low.scale = 0.25
    model = network(2)
    sparse = sos.sparsify(
        model,
        [
            (name, lambda layer, s=schedule: sos.MagnitudePruning(layer, s))
            for name, schedule in zip(
                (layer.name for layer in model.layers), (low, high), strict=True
            )
        ],
    )
    sos.UpdateSparsity().update(sparse, 0)
    assert [1 - mask.mean() for mask in sos.masks(sparse).values()] == pytest.approx([0.2, 0.8])


class Wrong(sos.ScheduledMask):
    """Returns what a test puts here."""

    answer = None

    def scores(self, kernel, values):
        return self.answer(values)


@pytest.mark.parametrize(
    "answer",
    [lambda v: v * np.nan, lambda v: v[:1], lambda v: 1.0],
    ids=["nan", "another shape", "a number"],
)
def test_scores_of_a_users_technique_are_checked(answer):
    model = network(1)
    sparse = sos.sparsify(model, lambda layer: Wrong(layer, sos.schedules.ConstantSparsity(0.5, 0)))
    for wrapper in sos.sparse_layers(sparse).values():
        wrapper.answer = answer
    with pytest.raises(ValueError, match="`scores` of Wrong must return"):
        sos.UpdateSparsity().update(sparse, 0)


def test_a_path_stays_when_the_model_is_nested():
    def make(layer):
        return sos.RandomPruning(layer, sos.schedules.ConstantSparsity(0.5, 0), seed=1)

    inner = sos.sparsify(network(1), make)
    sos.UpdateSparsity().update(inner, 0)
    (before,) = sos.masks(inner).values()
    outer = keras.Sequential([keras.Input(inner.input_shape[1:]), inner])
    sos.UpdateSparsity().update(outer, 0)
    (after,) = sos.masks(outer).values()
    np.testing.assert_array_equal(before, after)
