"""Writes golden states: python -m tests.write_golden_states [--overwrite] [names of techniques].

A file that exists is compared with what would be written, array by array, and stays as it is unless
`--overwrite` is given: a change of what a technique means is to be seen, and meant.
"""

import argparse
import zlib

import numpy as np

from tests.golden_state import compare, expected_by, given_of, goldens, path_of, read


def as_in_file(given, expected):
    """Returns all arrays under the names that they have in a file."""
    parts = {"given": given, "after": expected}
    return {f"{part}/{k}": v for part, arrays in parts.items() for k, v in arrays.items()}


def new_state(name, statement):
    """Returns what numpy says a file has to hold."""
    given = given_of(statement, zlib.crc32(name.encode()))
    arrays = as_in_file(given, expected_by(statement, given))
    return {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}


def main(arguments=None):
    """Returns whether every file that was not written is as it would be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--overwrite", action="store_true", help="write files that exist, too")
    parser.add_argument("names", nargs="*", help="files of tests/techniques; all by default")
    chosen, every, good = parser.parse_args(arguments), goldens(), True
    for name in chosen.names or every:
        state = new_state(name, every[name].statement)
        if path_of(name).exists():
            equal, lines = compare(state, as_in_file(*read(name)))
            print(name, *lines, sep="\n  ")
            if equal or not chosen.overwrite:
                good &= equal
                continue
        np.savez_compressed(path_of(name), **state)
        print(f"wrote {path_of(name)}")
    return good


if __name__ == "__main__":
    raise SystemExit(0 if main() else "Files differ, and stay as they are. To write: --overwrite")
