import os
import sys

import pytest

from state_of_sparsity.schedules import tfmot_schedules
from state_of_sparsity.schedules.tfmot_schedules import imported_when_needed, pruning_schedules

TFMOT = "tensorflow_model_optimization"
VARIABLE = "TF_USE_LEGACY_KERAS"


@pytest.fixture
def waiting(monkeypatch):
    """What an import of TF-MOT gives where nobody has imported it."""
    pruning_schedules()
    monkeypatch.setitem(sys.modules, TFMOT, sys.modules[TFMOT])
    monkeypatch.delitem(sys.modules, TFMOT)
    tfmot_schedules._waiting.cache_clear()
    with imported_when_needed():
        tfmot = __import__(TFMOT, fromlist=[""])  # as gin does
    assert TFMOT not in sys.modules
    yield tfmot
    tfmot_schedules._waiting.cache_clear()


@pytest.mark.parametrize("name", tfmot_schedules.CLASSES)
def test_its_schedules_are_there_without_the_rest(waiting, name):
    assert getattr(waiting.sparsity.keras, name) is tfmot_schedules.schedule_class(name)
    assert TFMOT not in sys.modules
    assert getattr(pruning_schedules(), name) is getattr(waiting.sparsity.keras, name)


def test_what_else_it_is_asked_for_imports_the_whole(waiting):
    assert waiting.sparsity.keras.prune_low_magnitude is pruning_schedules().prune_low_magnitude
    assert waiting.quantization is sys.modules[TFMOT].quantization
    with pytest.raises(AttributeError, match="has no attribute 'Pruning'"):
        waiting.sparsity.keras.Pruning  # noqa: B018
    assert repr(waiting.sparsity.keras) == repr(pruning_schedules())


@pytest.mark.parametrize("before", [None, "0"])
def test_an_import_leaves_keras_3_to_the_process(monkeypatch, before):
    monkeypatch.delenv(VARIABLE, raising=False)
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)
    with tfmot_schedules.keras_3_kept():
        os.environ[VARIABLE] = "1"
    assert os.environ.get(VARIABLE) == before
