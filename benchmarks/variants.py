"""The ways a model is trained that are compared: dense, each technique, and bounds."""

import keras
from two_contractions import with_two_contractions

import state_of_sparsity as sos

SPARSITY = 0.9
TECHNIQUES = ("magnitude", "random", "l0", "variational_dropout")
VARIANTS = ("dense", *TECHNIQUES, "two_contractions")


def rule(technique, frequency):
    """Returns a rule for `sos.sparsify`.

    Args:
        technique: one of `TECHNIQUES`.
        frequency: steps between updates of masks, the first at step 0.
    """
    schedule = sos.schedules.ConstantSparsity(SPARSITY, begin_step=0, frequency=frequency)
    return {
        "magnitude": lambda layer: sos.MagnitudePruning(layer, schedule),
        "random": lambda layer: sos.RandomPruning(layer, schedule, seed=0),
        "l0": lambda layer: sos.L0Regularization(layer, 1e-8),
        "variational_dropout": lambda layer: sos.VariationalDropout(layer, 1e-8),
    }[technique]


def compiled_model(variant, make_workload, frequency=10**9):
    """Returns a model ready for training, its masks set once, and its batch.

    Args:
        variant: one of `VARIANTS`.
        make_workload: a callable `keras -> Workload`.
        frequency: steps between updates of masks, if training is driven by `UpdateSparsity`.

    Returns:
        `(model, batch)`.
    """
    keras.utils.set_random_seed(0)
    workload = make_workload(keras)
    model = workload.model
    if variant == "two_contractions":
        model = with_two_contractions(model)
    elif variant in TECHNIQUES:
        model = sos.sparsify(model, rule(variant, frequency))
        sos.UpdateSparsity().update(model, 0)
    model.compile(workload.optimizer, workload.loss)
    return model, workload.batch
