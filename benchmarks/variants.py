"""The ways a model is trained that are compared: dense, each technique, and bounds."""

import keras
from technique_names import LATER, STUDIED
from two_contractions import with_two_contractions

import state_of_sparsity as sos

SPARSITY = 0.9
TECHNIQUES = (*STUDIED, *LATER)
VARIANTS = ("dense", *TECHNIQUES, "two_contractions")


def rule(technique, frequency):
    """Returns a rule for `sos.sparsify`.

    Args:
        technique: one of `TECHNIQUES`.
        frequency: steps between updates of masks, the first at step 0.
    """
    end = 10**9
    schedule = sos.schedules.ConstantSparsity(SPARSITY, 0, end, frequency)
    # Scores have to be trained before they mask.
    later = sos.schedules.ConstantSparsity(SPARSITY, frequency, 2 * end, frequency)
    phases = sos.schedules.Alternating(SPARSITY, 0, frequency, max(end, 2 * frequency))
    return {
        "magnitude": lambda layer: sos.MagnitudePruning(layer, schedule),
        "random": lambda layer: sos.RandomPruning(layer, schedule, seed=0),
        "l0": lambda layer: sos.L0Regularization(layer, 1e-8),
        "variational_dropout": lambda layer: sos.VariationalDropout(layer, 1e-8),
        "snip": lambda layer: sos.SaliencyPruning(layer, schedule),
        "set": lambda layer: sos.SET(layer, schedule, seed=0),
        "rigl": lambda layer: sos.RigL(layer, schedule, seed=0),
        "acdc": lambda layer: sos.ACDC(layer, phases),
        "straight_through": lambda layer: sos.StraightThrough(layer, schedule, decay=2e-4),
        "top_kast": lambda layer: sos.TopKAST(layer, schedule, backward_sparsity=SPARSITY - 0.1),
        "movement": lambda layer: sos.MovementPruning(layer, later),
        "soft_threshold": lambda layer: sos.SoftThreshold(layer, 1e-8),
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
    model.compile(workload.optimizer, workload.loss)
    if variant == "snip":
        sos.observe(model, [workload.batch])
    if variant in TECHNIQUES:
        sos.UpdateSparsity().update(model, 0)
    return model, workload.batch
