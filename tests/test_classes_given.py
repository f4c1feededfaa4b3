"""A class, or another callable, where an instance is meant: what to write is said."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

X, Y = np.ones((4, 6), "float32"), np.ones((4, 4), "float32")
HALF = sos.schedules.ConstantSparsity(0.5, 0)


class Net(keras.Model):
    pass


def network():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])


def compiled():
    model = sos.sparsify(network(), lambda layer: sos.MagnitudePruning(layer, HALF))
    model.compile("sgd", "mse")
    return model


def pruned(*arguments, **kwargs):
    return lambda: sos.MagnitudePruning(layers.Dense(4), *arguments, **kwargs)


def sparsified(rules):
    return lambda: sos.sparsify(network(), rules)


CALLBACKS = {
    "UpdateSparsity": [sos.UpdateSparsity],
    "SparsityLog": [sos.UpdateSparsity(), sos.SparsityLog],
}
GIVEN = {
    "a schedule": (pruned(sos.schedules.ConstantSparsity), "`schedule`.*ConstantSparsity"),
    "TF-MOT's": (pruned(pruning_schedules().PolynomialDecay), "`schedule`.*PolynomialDecay"),
    "of all layers": (
        lambda: sos.distributions.global_magnitude(sos.schedules.PolynomialDecay),
        "`schedule`.*PolynomialDecay",
    ),
    "a distribution": (
        pruned(HALF, distribution=sos.distributions.GlobalThreshold),
        r"`distribution`.*GlobalThreshold\(\"a name\"\)",
    ),
    "a ramp of KL": (
        lambda: sos.VariationalDropout(layers.Dense(4), sos.schedules.Ramp),
        "`kl_weight`.*write kl_weight=sos.schedules.Ramp",
    ),
    "a ramp of L0": (
        lambda: sos.L0Regularization(layers.Dense(4), sos.schedules.Ramp),
        "`l0_weight`.*write l0_weight=sos.schedules.Ramp",
    ),
    "a layer": (lambda: sos.FixedMask(layers.Dense, np.eye(2)), r"`layer`.*Dense\(10\)"),
    "a model to mask": (lambda: sos.masks(Net), "`model`.*the class Net"),
    "a model to report": (lambda: sos.report(Net), "`model`.*the class Net"),
    "a model to list": (lambda: sos.sparse_layers(Net), "`model`.*the class Net"),
    "a model to update": (lambda: sos.UpdateSparsity().update(Net, 0), "`model`.*the class Net"),
    "a model to share": (
        lambda: sos.distributions.erdos_renyi_kernel(Net, 0.5),
        "`model`.*the class Net",
    ),
    "a model to sparsify": (lambda: sos.sparsify(Net, lambda layer: None), "`model`.*Net"),
    "a model to strip": (lambda: sos.strip(Net), "`model`.*Net"),
    "a rule": (
        sparsified(sos.MagnitudePruning),
        r"`rules`.*Write lambda layer: sos.MagnitudePruning\(layer, ...\)",
    ),
    "a rule in a list": (
        sparsified([("", sos.FixedMask)]),
        r"`rules`.*Write lambda layer: sos.FixedMask\(layer, ...\)",
    ),
    "a rule of nothing": (sparsified(lambda: None), "`rules`.*one argument.*'dense'"),
    "a rule of two": (sparsified(lambda path, layer: None), "`rules`.*one argument.*'dense'"),
    "a factory of rules": (sparsified(sos.distributions.global_magnitude), "`rules` must return"),
    "a schedule of nothing": (pruned(lambda: (True, 0.5)), "`schedule` must be callable"),
    "a schedule of two": (pruned(lambda a, b: (True, 0.5)), "`schedule` must be callable"),
}


@pytest.mark.parametrize("run", ["fit", "evaluate"])
@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback(name, run):
    with pytest.raises(ValueError, match=rf"`callbacks`.*write callbacks=\[sos.{name}\(\)\]"):
        getattr(compiled(), run)(X, Y, verbose=0, callbacks=CALLBACKS[name])


@pytest.mark.parametrize("case", GIVEN)
def test_what_is_given(case):
    make, message = GIVEN[case]
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "Received" in str(caught.value)


@keras.saving.register_keras_serializable(package="tests")
class Halved(sos.MagnitudePruning):
    """A technique that needs a layer alone, so that its class is a rule."""

    def __init__(self, layer, schedule=HALF, **kwargs):
        super().__init__(layer, schedule, **kwargs)


def test_what_may_be_called_with_a_layer_is_a_rule():
    sparse = sos.sparsify(network(), Halved)
    sos.UpdateSparsity().update(sparse, 0)
    assert sos.report(sparse).sparsity == 0.5


def test_schedules_with_more_arguments_that_have_defaults():
    sparse = sos.sparsify(
        network(),
        lambda layer: sos.MagnitudePruning(layer, lambda step, value=0.5, **_: (True, value)),
    )
    sos.UpdateSparsity().update(sparse, 0)
    assert sos.report(sparse).sparsity == 0.5
