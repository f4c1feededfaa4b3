import os
import subprocess
import sys

import gin
import pytest

from state_of_sparsity.bin import gin_app, gin_messages
from state_of_sparsity.bin.gin_app import parse
from state_of_sparsity.errors import UsageError
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

DENSE = "quickstart/dense.gin"
PRUNING = "quickstart/magnitude_pruning.gin"


@pytest.mark.parametrize("prefix", ["", "gin_configs/", f"{gin_app.gin_configs()}/"])
def test_files_are_found_from_any_directory(tmp_path, monkeypatch, prefix):
    monkeypatch.chdir(tmp_path)
    assert "STEPS = 1000" in parse([prefix + DENSE], [])


def test_a_file_of_the_working_directory_may_include_those_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.gin").write_text('include "quickstart/dense.gin"\nSTEPS = 7\n')
    assert "STEPS = 7" in parse(["mine.gin"], [])


def test_bindings_win_over_files_and_text_does_not_depend_on_the_way():
    assert parse([PRUNING], ["SPARSITY = 0.9", "STEPS = 5"]) == parse(
        [PRUNING], ["STEPS = 5", "SPARSITY = 0.8", "SPARSITY = 0.9"]
    )


def test_nothing_is_left_from_an_earlier_configuration():
    parse([PRUNING], ["SPARSITY = 0.9"])
    assert "SPARSITY" not in parse([DENSE], [])


def test_where_data_lies_is_no_part_of_the_configuration(tmp_path):
    file = tmp_path / "data.gin"
    file.write_text(
        "from __gin__ import dynamic_registration\n"
        "from state_of_sparsity.data.images import digits\n"
        "digits.Digits.batch_size = %DATA_DIR\n"
    )
    long = f"/{'long/' * 40}"  # gin takes a line of its own for it
    expected = parse([str(file)], [], data_dir="/a")
    assert expected == parse([str(file)], [], data_dir="/b") == parse([str(file)], [], long)
    assert "DATA_DIR = " not in expected and "%DATA_DIR" in expected
    with pytest.raises(UsageError, match="macro %DATA_DIR is used but not defined"):
        parse([str(file)], [])


@pytest.mark.parametrize(
    ("files", "bindings", "message"),
    [
        ([], [], "`gin_file` must name at least one"),
        (["quickstart/magnitude_prunning.gin"], [], r"no gin file .* mean quickstart/magnitude_pr"),
        (
            ["gin_configs/quickstart/dens.gin"],
            [],
            r"no gin file .*Did you mean quickstart/dense.gin",
        ),
        ([PRUNING], [], r"SPARSITY must be given: add --gin_binding='SPARSITY = ...'"),
        (
            [PRUNING],
            ["SPARSTY = 0.9", "SPARSITY = 0.9"],
            "SPARSTY is given but nothing uses it. Did",
        ),
        ([DENSE], ["SPARSITY = 0.9"], "The macro SPARSITY is given but nothing uses it"),
        ([DENSE], ["STEPS = %STEP"], r"macro %STEP is used but not defined. Did you mean STEPS"),
        ([DENSE], ["Experiment.step = 9"], r"parameter named 'step'.* Did you mean steps"),
        ([DENSE], ["Experimnt.steps = 9"], r"No configurable matching 'Experimnt'.*Experiment"),
        ([DENSE], ["STEPS = 1 +"], "."),
        ([DENSE], ["STEPS"], "."),
        ([DENSE], ["import no_such_module"], "no_such_module"),
        ([DENSE], ["Experiment.optimizer = @Adamm"], "Adamm"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(files, bindings, message):
    with pytest.raises(UsageError, match=message) as raised:
        parse(files, bindings)
    assert "\n" not in str(raised.value)


def test_a_wrong_name_in_a_file_is_found_with_the_nearest(tmp_path):
    file = tmp_path / "wrong.gin"
    file.write_text(
        "from __gin__ import dynamic_registration\nimport keras\n"
        "keras.optimizers.Adamm.learning_rate = 0.1\n"
    )
    with pytest.raises(UsageError, match=r"Adamm.* Did you mean Adam.* In .*wrong.gin, line 3"):
        parse([str(file)], [])


@pytest.mark.parametrize("file", ["cifar10/dense.gin", "lenet/dense/lenet_5.gin", DENSE])
def test_parameters_that_a_class_passes_on_to_its_base_are_not_doubted(file):
    parse([file], [])
    assert gin_messages.doubtful_parameters() == []


def test_a_parameter_that_neither_a_class_nor_its_base_has_is_doubted():
    parse(["cifar10/dense.gin"], ["SGDWithMultipliers.momentun = 0.5"])
    assert gin_messages.doubtful_parameters() == [
        "`SGDWithMultipliers.momentun` is bound and is not one of its parameters. "
        "Did you mean momentum or ema_momentum? "
        "In --gin_binding 'SGDWithMultipliers.momentun = 0.5'."
    ]


def test_a_gin_file_gets_the_schedules_of_tfmot_itself():
    parse([PRUNING], ["SPARSITY = 0.9"])
    reference = gin.query_parameter("MagnitudePruning.schedule")
    assert reference.configurable.wrapped is pruning_schedules().PolynomialDecay
    assert "TF_USE_LEGACY_KERAS" not in os.environ


@pytest.mark.parametrize("given, used", [({}, "1"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "0")])
def test_programs_turn_onednn_on_unless_told_otherwise(given, used):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    code = "from state_of_sparsity.bin import train\nimport os, sys\n"
    code += "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], 'tensorflow' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], env=environment | given, text=True)
    assert said.split() == [used, "False"]


def test_an_error_is_one_line_whatever_strangers_call_their_files(capsys):
    with pytest.raises(SystemExit):
        gin_app._exit_with("a\n b\x1b[2J\udc80 \u00e9")
    assert capsys.readouterr().err == "Error: a b\\x1b[2J\\udc80 \u00e9\n"
