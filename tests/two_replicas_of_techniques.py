"""Trains the techniques it is given on two replicas of layers with constraints and regularizers.

Prints as JSON, by technique, what is wrong afterwards: nothing.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import state_of_sparsity as sos
from tests.conformance import TECHNIQUES, fit, penalty_of, plain_model, sparse_model
from tests.technique import kernels_of
from tests.test_conformance_repeats import everything
from tests.test_conformance_terms import CONSTRAINTS, REGULARIZERS, norms


def faults(name, strategy):
    """Returns what is wrong with a technique that was trained on several replicas."""
    constraint, regularizer = CONSTRAINTS["unit_norm"][0], REGULARIZERS["l2"]
    terms = {"kernel_constraint": constraint, "kernel_regularizer": regularizer}
    with strategy.scope():
        model = sparse_model(name, plain=plain_model(**terms))
    fit(model, [sos.UpdateSparsity()])
    wrong, before = [], everything(model)
    sos.UpdateSparsity().update(model, 8)
    for variable, value, old in zip(
        [*model.variables, *model.optimizer.variables], everything(model), before, strict=True
    ):
        if not np.array_equal(value, old):
            wrong.append(f"{variable.path} changed when the update was repeated")
        copies = [local.numpy() for local in strategy.experimental_local_results(variable.value)]
        if not all(np.array_equal(copy, value) for copy in copies):
            wrong.append(f"{variable.path} differs between replicas")
    stripped = sos.strip(model)
    for path, kernel in kernels_of(stripped).items():
        if not np.allclose(norms(kernel), 1, rtol=1e-4):
            wrong.append(f"{path} has norms {norms(kernel)}")
    if TECHNIQUES[name].penalty is None and not np.isclose(penalty_of(model), penalty_of(stripped)):
        wrong.append(f"regularizers {penalty_of(model)}, stripped {penalty_of(stripped)}")
    return wrong


def main():
    """Runs the techniques that the arguments name."""
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    print(json.dumps({name: faults(name, strategy) for name in sys.argv[1:]}))


if __name__ == "__main__":
    main()
