"""What the extras of this package bring, and the error that says so where it is missing."""

import contextlib

from state_of_sparsity.errors import UsageError

_EXPERIMENTS = (
    *("absl", "bokeh", "etils", "gin", "importlib_resources", "matplotlib", "pandas"),
    *("sacrebleu", "sacremoses"),
    *("scipy", "sentencepiece", "sklearn", "tensorboard", "tensorflow_datasets"),
)
# The extra that brings a package, by the name that is imported; setup.py has those of pip.
EXTRA_OF = {
    **dict.fromkeys(("tensorflow", "tensorflow_model_optimization", "tf_keras"), "tensorflow"),
    **dict.fromkeys(_EXPERIMENTS, "experiments"),
    **dict.fromkeys(("llvmlite", "numba"), "inference"),
}


class MissingExtraError(UsageError, ImportError):
    """A package is not installed that an extra brings."""


def command(extra: str) -> str:
    """Returns the command that installs an extra."""
    return f'pip install "state_of_sparsity[{extra}]"'


@contextlib.contextmanager
def explained():
    """Has an import in the block that fails for want of an extra say which, and how to install it.

    Raises:
        MissingExtraError: naming the package and the command that installs the extra.

    Example:

    >>> from state_of_sparsity import extras
    >>> with extras.explained():
    ...     import matplotlib
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in EXTRA_OF:
            raise
        extra = EXTRA_OF[package]
        raise MissingExtraError(
            f"`{package}` must be installed for this, which the extra `{extra}` brings. Run: "
            f"{command(extra)}",
            name=error.name,
        ) from error
