"""The list of names that a recorded configuration may use: whole, and of nothing that runs code."""

import importlib
import re
import types

import pytest

from state_of_sparsity import layers
from state_of_sparsity.bin import gin_messages, recorded_names


@pytest.mark.parametrize("name", sorted(recorded_names.NAMES))
def test_every_name_is_there(name):
    module, _, own = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), own))
    assert module in recorded_names.MODULES


@pytest.mark.parametrize("name", sorted(recorded_names.NAMES))
def test_no_name_takes_a_function_or_a_file(name):
    module, _, own = name.rpartition(".")
    configurable = types.SimpleNamespace(wrapped=getattr(importlib.import_module(module), own))
    taken = set(gin_messages._parameters(configurable))
    suspicious = {x for x in taken if re.search("path|file|dir|url|fn|func|module|command", x)}
    # Where these are is not said by what is recorded.
    assert suspicious <= {"data_dir", "directory"}


@pytest.mark.parametrize("name", layers.__all__)
def test_techniques_are_there_and_their_bases_are_not(name):
    kind = getattr(layers, name)
    is_base = name in ("ScheduledMask", "SparseWrapper")
    for module in ("state_of_sparsity", "state_of_sparsity.layers", kind.__module__):
        assert (f"{module}.{name}" in recorded_names.NAMES) == (not is_base)


# Public in modules of the list, and nothing that a gin file means.
OTHERS = {
    "distributions.erdos_renyi_kernel",
    *(
        "data.images.cifar10.standardize",
        "data.images.cifar10.shift_and_mirror",
        "data.text.parallel_text.read_lines",
    ),
    *("models.small_vgg.whitening_filters", "losses.token_crossentropy.token_weights"),
    *(f"schedules.{name}" for name in ("check_schedule", "check_sparsity")),
    *(
        f"wrapping.powerpropagation.{name}"
        for name in (
            "check_reparametrization",
            "reparametrization_config",
            "reparametrization_in",
        )
    ),
}


def test_no_technique_model_or_data_set_is_missing():
    missing = set()
    for module in recorded_names.MODULES:
        if not module.startswith("state_of_sparsity."):
            continue
        for name, value in vars(importlib.import_module(module)).items():
            of_it = getattr(value, "__module__", None) == module and not name.startswith("_")
            if of_it and callable(value) and f"{module}.{name}" not in recorded_names.NAMES:
                missing.add(f"{module}.{name}".removeprefix("state_of_sparsity."))
    assert missing - OTHERS == set()
