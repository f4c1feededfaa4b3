"""What `fit` says at the first masks of a large model, and where it says nothing."""

import re

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules import ConstantSparsity
from state_of_sparsity.updates import first_masks

X, Y = np.ones((8, 6), "float32"), np.ones((8, 4), "float32")
SAID = re.compile(r"UpdateSparsity: masks of 0\.0 M weights in 1 kernel \.\.\. \d+\.\d s\n")


@pytest.fixture(autouse=True)
def every_model_is_large(monkeypatch):
    monkeypatch.setattr(first_masks, "_LARGE", 24)


def fit(technique=None, begin_step=2, verbose=1, epochs=2):
    technique = technique or sos.MagnitudePruning
    schedule = ConstantSparsity(0.5, begin_step, frequency=1)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: technique(layer, schedule))
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, Y, 2, epochs, verbose=verbose, callbacks=[sos.UpdateSparsity()])
    return model


@pytest.mark.parametrize("verbose", [1, 2, "auto"])
def test_it_is_said_once_on_a_line_of_its_own(verbose, capsys):
    fit(verbose=verbose)
    printed = capsys.readouterr().out
    (found,) = SAID.finditer(printed)
    assert printed[: found.start()].endswith("\n") and "\n\n" not in printed
    assert "4/4" in printed[found.end() :]  # Keras goes on as before


def test_before_the_first_step_it_comes_before_the_progress_bar(capsys):
    fit(begin_step=0)
    printed = capsys.readouterr().out
    assert SAID.match(printed) and "\n\n" not in printed


def test_quiet_where_keras_is(capsys):
    fit(verbose=0)
    assert capsys.readouterr().out == ""
    keras.config.disable_interactive_logging()
    try:
        fit(verbose=1)
    finally:
        keras.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""


def test_quiet_for_small_models_and_for_what_makes_no_mask(capsys, monkeypatch):
    fit(lambda layer, schedule: sos.VariationalDropout(layer, sos.schedules.Ramp(0.1, 1, 3)))
    assert "UpdateSparsity" not in capsys.readouterr().out
    fit(begin_step=9, epochs=3)
    assert len(SAID.findall(capsys.readouterr().out)) == 1
    monkeypatch.setattr(first_masks, "_LARGE", 25)
    fit()
    assert "UpdateSparsity" not in capsys.readouterr().out


def test_quiet_in_a_loop_of_ones_own(capsys):
    model = fit(verbose=0, begin_step=0)
    sos.UpdateSparsity().update(model, 1)
    assert capsys.readouterr().out == ""


def test_each_fit_says_it(capsys):
    model = fit()
    model.fit(X, Y, 2, verbose=1, callbacks=[sos.UpdateSparsity()])
    assert len(SAID.findall(capsys.readouterr().out)) == 2


def test_the_line_ends_where_an_update_fails(capsys):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, ConstantSparsity(0.5, 0)))
    with pytest.raises(KeyError), first_masks.announced(sos.sparse_layers(model).values(), True):
        raise KeyError
    assert capsys.readouterr().out.endswith(" s\n")
