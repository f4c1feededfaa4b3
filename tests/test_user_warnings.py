"""Warnings name the line that the user wrote."""

import ast
import pathlib
import warnings

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.user_warnings import warn

X, Y = np.ones((8, 6), "float32"), np.ones((8, 4), "float32")
TOO_LONG = sos.schedules.PolynomialDecay(0.0, 0.5, 0, 100, frequency=1)


def rule(layer):
    return sos.MagnitudePruning(layer, TOO_LONG)


def network(rules=rule, **compile_with):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model = sos.sparsify(model, rules)
    model.compile("sgd", "mse", **compile_with)
    return model


def batches():
    yield X, Y


class OwnOptimizer(keras.Model):
    """Takes no step of `model.optimizer`."""

    def train_step(self, *arguments):
        return {"loss": keras.ops.zeros(())}


def no_steps():
    inputs = keras.Input((6,))
    model = OwnOptimizer(inputs, rule(layers.Dense(4))(inputs))
    model.compile(run_eagerly=True)
    endless = sos.schedules.ConstantSparsity(0.5, 0)
    model.layers[1].schedule = endless
    return model


def fit(model, *arguments, **kwargs):
    """The line that warnings point at: the call of Keras, not that of this function."""
    callbacks = [sos.UpdateSparsity()]
    return model.fit(*arguments, verbose=0, callbacks=callbacks, **kwargs)  # here


CASES = {
    "before training": lambda: fit(network(), X, Y),
    "eagerly": lambda: fit(network(run_eagerly=True), X, Y),
    "with validation": lambda: fit(network(), X, Y, validation_data=(X, Y)),
    "at the end": lambda: fit(network(), batches(), shuffle=False, steps_per_epoch=None),
    "no step is counted": lambda: fit(no_steps(), X, Y),
    "sparsify": lambda: sos.sparsify(  # here
        keras.Sequential([keras.Input((6,)), layers.Dense(4)]), [("", rule), ("dense", None)]
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_warning_points_at_the_users_line(case):
    if case == "no step is counted" and keras.backend.backend() != "tensorflow":
        pytest.skip("a training step that takes no state")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CASES[case]()
    ours = [w for w in caught if "input ran out of data" not in str(w.message)]
    ours = [w for w in ours if issubclass(w.category, UserWarning)]
    assert len(ours) == 1
    assert ours[0].filename == __file__
    lines = pathlib.Path(__file__).read_text().splitlines()
    assert lines[ours[0].lineno - 1].endswith("# here")


@pytest.mark.parametrize("library", ["keras", "keras_hub"])
def test_with_nobody_but_libraries_on_the_way_it_points_at_the_caller(library):
    names = {"__name__": f"{library}.src.somewhere", "warn": warn}
    code = "def library():\n    warn('told', FutureWarning)"
    exec(compile(code, "keras_file.py", "exec"), names)
    with pytest.warns(FutureWarning, match="told") as caught:
        names["library"]()
    assert caught[0].filename == __file__


def test_all_warnings_of_the_package_are_made_here():
    package = pathlib.Path(sos.__file__).parent
    for path in package.rglob("*.py"):
        if path.name != "user_warnings.py":
            nodes = ast.walk(ast.parse(path.read_text()))
            names = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
            assert not names & {"warnings.warn", "warnings.warn_explicit"}, path
