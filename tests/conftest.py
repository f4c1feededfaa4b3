"""What every test relies on: quiet TensorFlow, fixed seeds, no state left by other tests."""

import gc
import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As in the programs, which some tests compare with.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import pytest

from state_of_sparsity.bin import start_up

start_up.prepare()  # as programs do

# A shell's background job ignores Ctrl-C, and so would what tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Every warning is an error, but for these, which are not ours to mend.
_IGNORED_WARNINGS = [
    # keras 3.15 and tensorflow 2.21 under numpy 2: converting a variable to numpy.
    "ignore:distutils Version classes are deprecated:DeprecationWarning",  # tf-mot 0.8
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning",
]


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")
    for line in _IGNORED_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


def pytest_collection_finish(session):
    """Leaves out, with slow tests, what TensorFlow does to a graph before it runs: a fifth of all.

    Most graphs here run for a few steps. `launch/test.sh -m ''` has it in all tests. What has been
    imported stays: the collector need not look through it again, which takes it a second.
    """
    gc.collect()
    gc.freeze()
    if "tensorflow" in sys.modules and session.config.option.markexpr == "not slow":
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": True}
        )


@pytest.fixture(autouse=True, scope="module")
def _search_in_few_objects(request):
    """Hides what other modules have left from the collector where all objects are searched."""
    if getattr(request.module, "SEARCHES_FOR_OTHER_MODELS", False):
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _no_search_for_other_models(request, monkeypatch):
    """Leaves out a search through all objects, millions in a process that runs many tests.

    Tests of what it finds are in modules with `SEARCHES_FOR_OTHER_MODELS`.
    """
    searches = getattr(request.module, "SEARCHES_FOR_OTHER_MODELS", False)
    if "keras" in sys.modules and not searches:
        monkeypatch.setattr("state_of_sparsity.surgery.sharing._living_models", list)


@pytest.fixture(autouse=True)
def _fresh_state():
    """Seeds, dtype policy and gin bindings as in a new process."""
    # Tests of what needs no Keras do not wait for it.
    if "keras" in sys.modules:
        import keras

        keras.config.set_dtype_policy("float32")
        keras.utils.set_random_seed(0)
    if "gin" in sys.modules:
        import gin

        gin.clear_config()
    yield
    # Fixtures of a module are set up before this is, for its first test.
    if "keras" in sys.modules:
        import keras

        keras.config.set_dtype_policy("float32")
