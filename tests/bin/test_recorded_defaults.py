"""A configuration from before an argument existed means what it always did."""

import gin
import pytest

from state_of_sparsity.bin import evaluate, gin_app, train
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training.experiment import Experiment

QUICKSTART = "quickstart/l0_regularization.gin"
SPEED = "sos.L0Regularization.gate_speed"
FEW = ["L0_WEIGHT = 1e-3", "STEPS = 3", "EVAL_EVERY = 3", "STEPS_PER_EXECUTION = 1"]
FEW += ["BEGIN_STEP = 0", "END_STEP = 2"]


def speeds(name, bindings):
    """Returns the text of a configuration, and the speeds of its gates."""
    text = gin_app.parse([name], bindings)
    with gin.unlock_config():
        model = gin.get_configurable(Experiment)().build()
    gin_app.check_all_used()
    return text, [wrapper.gate_speed for wrapper in sparse_layers(model).values()]


def test_gates_have_the_published_speed_unless_another_is_said():
    text, found = speeds(QUICKSTART, ["L0_WEIGHT = 1e-3"])
    assert found == [1, 1, 1] and "gate_speed" not in text  # its hash is that of recorded runs
    assert f"{SPEED} = 1.0" in gin.operative_config_str()
    text, found = speeds(QUICKSTART, ["L0_WEIGHT = 1e-3", f"{SPEED} = 16"])
    assert found == [16, 16, 16] and f"{SPEED} = 16" in text


def test_what_is_said_for_all_layers_holds_in_every_scope(tmp_path):
    file = tmp_path / "scopes.gin"
    file.write_text(
        "from __gin__ import dynamic_registration\n"
        "import state_of_sparsity as sos\n"
        "from state_of_sparsity.training import experiment\n"
        'include "quickstart/dense.gin"\n'
        "experiment.Experiment.rules = [\n"
        '    ("hidden_1", @first/sos.L0Regularization), ("", @others/sos.L0Regularization)]\n'
        "first/sos.L0Regularization.l0_weight = 1e-3\n"
        "others/sos.L0Regularization.l0_weight = 1e-4\n"
    )
    assert speeds(str(file), [])[1] == [1, 1, 1]
    assert speeds(str(file), [f"{SPEED} = 8"])[1] == [8, 8, 8]
    assert speeds(str(file), [f"first/{SPEED} = 8"])[1] == [8, 1, 1]


def test_other_configurations_are_left_alone():
    gin_app.parse([QUICKSTART], ["L0_WEIGHT = 1e-3"])  # registers the class
    gin_app.parse(["quickstart/dense.gin"], [])
    assert "gate_speed" not in gin.config_str()


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
def test_a_recorded_run_is_evaluated_as_it_was_trained(tmp_path):
    result = train.run([QUICKSTART], FEW, tmp_path / "run", verbose=False)
    again = evaluate.evaluate_run(tmp_path / "run")
    assert again["metrics"]["loss"] == pytest.approx(result["loss"], rel=1e-6)
    assert again["sparsity"] == result["sparsity"]
