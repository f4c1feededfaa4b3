"""Which errors are the user's to put right, and so one line; all others are mistakes of ours."""

import contextlib
import pathlib
import sys
import traceback

import gin

from state_of_sparsity.bin import error_messages, gin_messages, gin_values
from state_of_sparsity.errors import UsageError

_PACKAGE, _GIN = pathlib.Path(__file__).resolve().parents[1], pathlib.Path(gin.__file__).parent
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
    something; and where gin called an object with what was bound, and none of our code ran inside
    that call. Whatever else comes up while our code runs is a mistake of ours.
    """
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0] != _PACKAGE.name
    return isinstance(error, _TOLD) or _runs_last(error) == _GIN


def is_about_data(error: Exception) -> bool:
    """Returns whether Keras or TensorFlow refused data, as those that do not fit a model."""
    tensorflow = sys.modules.get("tensorflow")
    refused = () if tensorflow is None else (tensorflow.errors.OpError,)
    return isinstance(error, (ValueError, *refused))


def explain(error: Exception) -> str:
    """Returns an error that the configuration brings about, as one line with what was bound."""
    message = error_messages.one_line(error)
    message += "" if message.endswith((".", "?", "!")) else "."
    return " ".join([message, *gin_values.named_in(error), *gin_messages.doubtful_parameters()])


def _runs_last(error):
    """Returns the folder, gin's or ours, of the code that ran last of both when an error rose."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    folders = (
        folder
        for file in reversed(files)
        for folder in (_GIN, _PACKAGE)
        if pathlib.Path(file).is_relative_to(folder)
    )
    return next(folders, None)
