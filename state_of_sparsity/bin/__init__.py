"""Command-line programs; the only modules that know absl and gin."""

import pathlib
import sys

from state_of_sparsity import extras

try:
    with extras.explained():
        import absl  # noqa: F401
        import gin  # noqa: F401
except extras.MissingExtraError as error:
    # Where a program is being started, which cannot say it itself: Python calls it "-m" until it is
    # found. Others get the error.
    name = pathlib.Path(sys.argv[0]).name
    if name != "-m" and not name.startswith("sos-"):
        raise
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
