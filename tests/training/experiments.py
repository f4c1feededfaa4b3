"""Small experiments that the tests of training share."""

import functools

import keras

import state_of_sparsity as sos
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.training.experiment import Experiment
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train

STEPS = 6
EVAL_EVERY = 2


def network():
    """A network with dropout, so that seeds matter in every technique."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            keras.layers.Dropout(0.3, name="dropout"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="network",
    )


SCHEDULE = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=5, frequency=1)
RAMP = sos.schedules.Ramp(0.01, begin_step=0, end_step=5, shape="smoothed_cubic")

# Every technique; `functools.partial` takes what gin binds in a real run.
MOVES = sos.schedules.ConstantSparsity(0.5, begin_step=1, end_step=STEPS, frequency=1)
TECHNIQUES = {
    "dense": None,
    "magnitude_pruning": functools.partial(sos.MagnitudePruning, schedule=SCHEDULE),
    "random_pruning": functools.partial(sos.RandomPruning, schedule=SCHEDULE, seed=1),
    "variational_dropout": functools.partial(sos.VariationalDropout, kl_weight=RAMP),
    "l0_regularization": functools.partial(sos.L0Regularization, l0_weight=RAMP),
    # Masks that depend on those before, and on gradients that steps write down.
    "rigl": functools.partial(sos.RigL, schedule=MOVES, seed=1),
}


def small_experiment(technique="dense", **changes):
    """Returns an `Experiment` of a few steps on the digits."""
    arguments = {
        "name": technique,
        "model": network,
        "data": Digits(batch_size=32),
        "optimizer": functools.partial(keras.optimizers.Adam, 0.01),
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "steps": STEPS,
        "eval_every": EVAL_EVERY,
        "rules": TECHNIQUES[technique],
    }
    return Experiment(**{**arguments, **changes})


def trained(path, technique="dense", **changes):
    """Returns the `RunDir` of a small experiment that has been trained there."""
    run_dir = RunDir(path)
    experiment = small_experiment(technique, **changes)
    with run_dir.lock():
        model = experiment.build()
        train(experiment, model, run_dir, verbose=False, start=lambda: run_dir.start(""))
    return run_dir
