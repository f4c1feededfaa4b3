"""Small made-up images in ImageNet's layouts, each with a label of its own to know it by."""

import pathlib
import sys

import pytest

from tests.script_folder import imported_as_a_script

LAUNCH = pathlib.Path(__file__).parents[1] / "launch"
TRAIN, TEST = 40, 10
SIZES = (48, 64)


def make_script():
    """Returns launch/make_image_records.py as a module."""
    with pytest.MonkeyPatch.context() as patch, imported_as_a_script(patch, LAUNCH):
        import make_image_records

        return make_image_records


def small_records():
    """Returns `{split: list of ImageRecord}` of 40 and 10; no two of a split have one label."""
    counts = {"train": TRAIN, "validation": TEST}
    script = make_script()
    return {
        split: list(script.make_images(split, count, count, SIZES, seed=0))
        for split, count in counts.items()
    }


def write_records(folder, layout, records):
    """Writes records in a layout, "tfds" or "tfrecords", to a folder, and returns the folder."""
    make_script().LAYOUTS[layout](folder, records)
    assert "make_image_records" not in sys.modules
    return folder
