"""What `setup.py` hands to setuptools."""

import pathlib
import runpy
from unittest import mock


def setup_arguments() -> dict:
    """Returns the arguments of `setuptools.setup`, without setting anything up."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(pathlib.Path(__file__).parents[1] / "setup.py"))
    return setup.call_args.kwargs
