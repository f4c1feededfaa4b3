"""Which errors are the user's to put right, and so one line; all others are mistakes of ours."""

import contextlib
import pathlib
import sys
import traceback

import gin

from state_of_sparsity.bin import error_messages, gin_internals, gin_messages, gin_values
from state_of_sparsity.errors import UsageError

_PACKAGE, _GIN = pathlib.Path(__file__).resolve().parents[1], pathlib.Path(gin.__file__).parent
# What gin files of this package import.
_OF_OUR_FILES = {"keras", "state_of_sparsity", "tensorflow_model_optimization"}
# What is raised of a wrong value, by us and by libraries; by the system; on too small a machine.
_TOLD = (ValueError, OSError, MemoryError)


@contextlib.contextmanager
def in_one_line():
    """Raises what the user can put right as a `UsageError`, and lets all else through."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        if not is_the_users(error):
            raise
        raise UsageError(explain(error)) from error


def is_the_users(error: Exception) -> bool:
    """Returns whether an error comes of what was configured, as far as that can be told.

    It does where its type says that a value is wrong, a package is missing, or the system refuses
    something; where gin called an object with what was bound, and no code of ours ran inside that
    call; and in code that the configuration imports. Whatever else comes up while our code runs is
    a mistake of ours.
    """
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0] != _PACKAGE.name
    is_told = isinstance(error, _TOLD)
    return is_told or _is_of_a_gin_call(error) or place_in_imported_code(error) is not None


def place_in_imported_code(error: Exception) -> str | None:
    """Returns where code that the configuration imports raised an error, None if it did not.

    Such are a user's own callbacks and evaluators, and those of packages that gin files of this
    package do not name, as trackers are. It did not where it called code of ours that raised.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [i for i, frame in enumerate(frames) if _lies_in(frame, _PACKAGE)]
    imported = {module.partition(".")[0] for module in gin_internals.imported()} - _OF_OUR_FILES
    for frame in frames[max(ours, default=-1) + 1 :]:
        if frame.f_globals.get("__name__", "").partition(".")[0] in imported:
            code = frame.f_code
            return f"{code.co_qualname} of {code.co_filename}, line {frame.f_lineno}"
    return None


def is_about_data(error: Exception) -> bool:
    """Returns whether Keras or TensorFlow refused data, as those that do not fit a model."""
    tensorflow = sys.modules.get("tensorflow")
    refused = () if tensorflow is None else (tensorflow.errors.OpError,)
    return isinstance(error, (ValueError, *refused))


def explain(error: Exception) -> str:
    """Returns an error that the configuration brings about, as one line with what was bound."""
    message = error_messages.one_line(error)
    message += "" if message.endswith((".", "?", "!")) else "."
    place = place_in_imported_code(error)
    if place is not None:
        kind = type(error).__name__
        message += f" ({kind} in {place}; --verbosity=1 shows the traceback.)"
    return " ".join([message, *gin_values.named_in(error), *gin_messages.doubtful_parameters()])


def _is_of_a_gin_call(error):
    """Returns whether gin called an object that is not ours, or any with what it does not take."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    of_both = [frame for frame in frames if _lies_in(frame, _GIN) or _lies_in(frame, _PACKAGE)]
    if not of_both or _lies_in(of_both[-1], _PACKAGE):
        return False
    called = [selector for selector in map(gin_internals.selector_called, frames) if selector]
    is_ours = bool(called) and called[-1].startswith(f"{_PACKAGE.name}.")
    return of_both[-1] is frames[-1] or not is_ours


def _lies_in(frame, folder):
    return pathlib.Path(frame.f_code.co_filename).is_relative_to(folder)
