"""What each extra brings, and what is said where it is missing."""

import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from state_of_sparsity import extras
from tests.setup_arguments import setup_arguments

ROOT = pathlib.Path(extras.__file__).parents[1]
# Imports every module of the package, on JAX, where nothing is installed that an extra brings.
EVERY_MODULE = """
import importlib, json, pkgutil, sys
from state_of_sparsity import extras
for package in set(extras.EXTRA_OF) - {"absl", "scipy"}:  # Keras and JAX need those
    sys.modules[package] = None
import state_of_sparsity as sos
said = {}
for module in pkgutil.walk_packages(sos.__path__, "state_of_sparsity.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except extras.MissingExtraError as error:
        said[module.name] = str(error)
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
try:
    pruning_schedules()
except extras.MissingExtraError as error:
    said["state_of_sparsity.schedules"] = str(error)
print(json.dumps(said))
"""


def run(*arguments, path=(), **variables):
    variables["PYTHONPATH"] = os.pathsep.join(map(str, [*path, ROOT]))
    command, environment = [sys.executable, *arguments], {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_without_extras_every_module_can_be_imported_or_names_the_one_it_needs():
    done = run("-c", EVERY_MODULE, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    parts = {name.split(".")[1] for name in said}
    assert parts == {
        *("accounting", "analysis", "bin", "data", "inference", "schedules", "training"),
    }
    # What the report itself needs is in the core; only its plot and its table of pandas are not.
    of_reports = {name for name in said if name.startswith("state_of_sparsity.accounting.")}
    assert {name.rpartition(".")[2] for name in of_reports} == {"data_frame", "layer_plot"}
    assert said["state_of_sparsity.analysis.plots"] == (
        "`matplotlib` must be installed for this, which the extra `experiments` brings. Run: "
        'pip install "state_of_sparsity[experiments]"'
    )
    assert said["state_of_sparsity.schedules"].endswith('[tensorflow]"')


@pytest.mark.parametrize("module", ["train", "report"])
def test_a_program_says_in_one_line_what_to_install(module, tmp_path):
    missing = "raise ModuleNotFoundError(\"No module named 'gin'\", name='gin')"
    (tmp_path / "gin.py").write_text(missing, encoding="utf-8")
    done = run("-m", f"state_of_sparsity.bin.{module}", path=[tmp_path])
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"Error: `gin` must .* Run: pip install \"state_of_sparsity\[experiments\]\"\n", done.stderr
    )


def test_other_errors_pass():
    with pytest.raises(ModuleNotFoundError) as caught, extras.explained():
        import no_such_package  # noqa: F401
    assert not isinstance(caught.value, extras.MissingExtraError)
    with pytest.raises(ImportError, match="no_such_name"), extras.explained():
        from math import no_such_name  # noqa: F401


def test_what_setup_asks_for_is_known():
    modules_of = {}
    for module, distributions in importlib.metadata.packages_distributions().items():
        for distribution in distributions:
            modules_of.setdefault(normal(distribution), set()).add(module)
    declared = setup_arguments()["extras_require"]
    asked = {extra: {name_of(line) for line in declared[extra]} for extra in declared}
    assert asked["tensorflow"] < asked["experiments"] < asked["test"]
    for distribution in asked["experiments"]:
        expected = "tensorflow" if distribution in asked["tensorflow"] else "experiments"
        known = {extras.EXTRA_OF.get(module) for module in modules_of[distribution]}
        assert expected in known, distribution


def name_of(requirement):
    return normal(re.match(r"[\w.-]+", requirement)[0])


def normal(distribution):
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_the_core_needs_keras_and_numpy():
    assert {name_of(line) for line in setup_arguments()["install_requires"]} == {"keras", "numpy"}
