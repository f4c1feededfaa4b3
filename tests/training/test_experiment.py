import functools
import warnings

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.optimizers.warm_up_and_drops import WarmUpAndDrops
from state_of_sparsity.training.tickets import Start
from tests.training.experiments import RAMP, SCHEDULE, TECHNIQUES, small_experiment


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_builds_a_compiled_model_with_the_technique(technique):
    model = small_experiment(technique, steps_per_execution=2).build()
    assert model.built and model.compiled and model.optimizer.built
    assert model.steps_per_execution == 2
    assert len(sos.sparse_layers(model)) == (0 if technique == "dense" else 2)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_the_seed_decides_every_initial_value(technique):
    def initial(seed):
        model = small_experiment(technique, seed=seed).build()
        return [np.asarray(v) for v in model.variables]

    first, again, other = initial(3), initial(3), initial(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_rules_may_be_a_list():
    rules = [("logits", None), (".*", TECHNIQUES["magnitude_pruning"])]
    model = small_experiment(rules=rules).build()
    assert list(sos.sparse_layers(model)) == ["hidden"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "`steps` must be from 1 to 2147483647. Received: 0"),
        ({"averaged_checkpoints": 4}, "number of validations.* = 3. Received: 4"),
        ({"steps": 2.5}, "`steps` must be an integer, from 1 to 2147483647. Received: 2.5"),
        ({"steps": 7}, "`steps` must be a multiple of `eval_every`, 2.*nearest that fits is 8"),
        ({"steps_per_execution": 4}, "`eval_every` must be a multiple of `steps_per_execution`"),
    ],
)
def test_numbers_of_steps_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_experiment(**changes)


@pytest.mark.parametrize(
    "rules",
    [
        lambda layer: sos.MagnitudePruning(layer, SCHEDULE),
        lambda layer: sos.VariationalDropout(layer, kl_weight=RAMP),
    ],
)
def test_a_schedule_that_outlasts_the_run_is_refused(rules):
    with pytest.raises(ValueError, match="does not reach its final value within `steps`, 4"):
        small_experiment(rules=rules, steps=4).build()


@pytest.mark.parametrize(("drop", "late"), [(2.5, False), (3, True), (30, True)])
def test_a_learning_rate_that_outlasts_the_run_is_told(drop, late):
    rate = WarmUpAndDrops(batch_size=32, examples=64, warm_up=0, drops=(1, drop))
    experiment = small_experiment(optimizer=functools.partial(keras.optimizers.SGD, rate), steps=6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        experiment.build()
    messages = [str(w.message) for w in caught if "learning rate" in str(w.message)]
    assert len(messages) == late
    if late:
        for expected in (f"at least {2 * drop + 1}", "BATCH_SIZE", "6 steps of 32"):
            assert expected in messages[0]


def test_a_rule_that_matches_nothing_is_refused():
    rules = [("no_such_layer", TECHNIQUES["magnitude_pruning"])]
    with pytest.raises(ValueError, match="hidden"):
        small_experiment(rules=rules).build()


def test_metrics_and_loss_are_those_given():
    model = small_experiment(metrics=[keras.metrics.SparseCategoricalCrossentropy()]).build()
    images, labels = small_experiment().data.validation()[0]
    assert set(model.evaluate(images, labels, verbose=0, return_dict=True)) == {
        "loss",
        "sparse_categorical_crossentropy",
    }


MASKED = Start(masks_of="a")
OF_A_START = {
    "`kept_steps` must be a list of steps": {"kept_steps": 3},
    "`kept_steps` must be a list of steps; ": {"kept_steps": [1.5]},
    "`kept_steps` must be from 0 to 6": {"kept_steps": [-1]},
    "`kept_steps` must be from 0 to 6. Received: 7": {"kept_steps": [7]},
    "`kept_steps` must be a multiple of `steps_per_execution`, 2": {
        "kept_steps": [0, 3],
        "steps_per_execution": 2,
    },
    "`kept_steps` must be from 0 to 12": {
        "kept_steps": [12, 13],
        "start": Start(masks_of="a", length=2),
    },
    "`kept_optimizer` must be True or False": {"kept_optimizer": 1},
    "`start` must be a tickets.Start\\(\\), with": {"start": Start},
    "`start` must be .* Received: 'lottery_ticket'": {"start": "lottery_ticket"},
    "`rules` must be None where `start`": {"start": MASKED, "rules": TECHNIQUES["random_pruning"]},
    "`rules` must be None where `start` begins at a step": {
        "start": Start(weights_of="a", step=2),
        "rules": TECHNIQUES["random_pruning"],
    },
    "`callbacks` must not set the learning rate": {
        "start": Start(masks_of="a", length=2),
        "callbacks": [keras.callbacks.ReduceLROnPlateau()],
    },
    "`start` must leave .* multiple of `eval_every`, 2. Received: 3": {
        "start": Start(masks_of="a", length=0.5)
    },
    "`rate_from` must be less than": {"start": Start(masks_of="a", rate_from=6)},
    "`steps` must be from 1 to": {"start": Start(masks_of="a", length=1e12)},
    "`averaged_checkpoints` must be at most": {
        "start": Start(masks_of="a", rate_from=4),
        "averaged_checkpoints": 2,
    },
}


@pytest.mark.parametrize("message", OF_A_START)
def test_fields_that_go_with_kept_steps_and_a_start(message):
    with pytest.raises(ValueError, match=message):
        small_experiment(**OF_A_START[message])
