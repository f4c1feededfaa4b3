"""Variants of a test that differ little: a few run in the suite, all of them with `-m ''`."""

import pytest


def slow_but(quick, values):
    """Returns the values as parameters, all but the `quick` ones marked slow."""
    return [
        pytest.param(value, marks=() if value in quick else pytest.mark.slow) for value in values
    ]
