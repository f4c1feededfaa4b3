"""What results call a run."""

import functools

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.optimizers.inverse_square_root import InverseSquareRoot
from state_of_sparsity.training import run_identity
from tests.training.experiments import SCHEDULE, STEPS, TECHNIQUES, network, small_experiment

OTHER = sos.schedules.ConstantSparsity(0.5, 0)
MIXED = [
    ("hidden", functools.partial(sos.MagnitudePruning, schedule=SCHEDULE)),
    ("", sos.distributions.global_magnitude(SCHEDULE)),
]
LAYERWISE = [
    ("hidden", functools.partial(sos.MagnitudePruning, schedule=SCHEDULE)),
    ("", functools.partial(sos.MagnitudePruning, schedule=OTHER)),
]


@pytest.mark.parametrize(
    ("rules", "technique", "distribution"),
    [
        (TECHNIQUES["magnitude_pruning"], "magnitude_pruning", "uniform"),
        (TECHNIQUES["random_pruning"], "random_pruning", "uniform"),
        (TECHNIQUES["variational_dropout"], "variational_dropout", None),
        (TECHNIQUES["l0_regularization"], "l0_regularization", None),
        (functools.partial(sos.RigL, schedule=SCHEDULE), "rigl", "uniform"),
        (
            functools.partial(sos.TopKAST, schedule=SCHEDULE, backward_sparsity=0.5),
            "top_kast",
            "uniform",
        ),
        (sos.distributions.global_magnitude(SCHEDULE), "magnitude_pruning", "global_threshold"),
        (
            sos.distributions.erdos_renyi_kernel_magnitude(SCHEDULE),
            "magnitude_pruning",
            "erdos_renyi_kernel",
        ),
        (MIXED, "magnitude_pruning", "global_threshold+uniform"),
        (LAYERWISE, "magnitude_pruning", "layerwise"),
        ([("logits", None), *MIXED[:1]], "magnitude_pruning", "uniform"),
    ],
)
def test_technique_and_distribution(rules, technique, distribution):
    model = sos.sparsify(network(), rules)
    assert run_identity.technique(model) == technique
    assert run_identity.distribution(model, STEPS) == distribution


def test_a_dense_model_has_neither():
    model = network()
    assert run_identity.technique(model) == "dense"
    assert run_identity.distribution(model, STEPS) is None


def test_a_run_says_what_it_was():
    experiment = small_experiment("magnitude_pruning", precision="mixed_float16")
    model = experiment.build()
    rows = [{"step": STEPS, "learning_rate": 0.01}]
    found = run_identity.identity(experiment, model, rows)
    assert found == {
        "name": "magnitude_pruning",
        "technique": "magnitude_pruning",
        "distribution": "uniform",
        "start": None,
        "target_sparsity": 0.8,
        "data_set": "digits",
        "model": "network",
        "optimizer": "Adam",
        "learning_rate": 0.01,
        "batch_size": 32,
    }


@pytest.mark.parametrize("warm_up", [1, 37, 4_000, 99_999])
def test_the_peak_of_a_schedule_is_found_wherever_it_is(warm_up):
    schedule = InverseSquareRoot(hidden_dim=4, warm_up=warm_up, constant=1.0)
    peak = run_identity.peak_learning_rate(keras.optimizers.SGD(schedule), [{"step": 100_000}])
    assert peak == pytest.approx((4 * warm_up) ** -0.5, rel=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 100, 101, 102, 5000])
def test_the_peak_is_one_of_the_run(steps):
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 10_000, end_learning_rate=1.0)
    peak = run_identity.peak_learning_rate(keras.optimizers.SGD(rising), [{"step": steps}])
    assert peak == pytest.approx((steps - 1) / 10_000, rel=1e-3)


def test_what_a_callback_set_counts():
    rows = [{"step": 1, "learning_rate": 0.5}, {"step": 2, "learning_rate": np.float32(0.1)}]
    assert run_identity.peak_learning_rate(keras.optimizers.SGD(0.1), rows) == 0.5
