"""The benchmark of image pipelines runs, and what it compares are pipelines of the same images."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.script_folder import imported_as_a_script

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"
FLAGS = ["--made_up_images=12", "--made_up_size=24,32", "--image_size=8", "--batch_size=4"]


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with (
        imported_as_a_script(monkeypatch, FOLDER),
        imported_as_a_script(monkeypatch, FOLDER.parent / "launch"),
    ):
        yield


def test_help():
    command = [sys.executable, FOLDER / "image_pipeline.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--output" in done.stdout and done.stderr == ""


@pytest.mark.slow
def test_pipelines_of_few_images(monkeypatch, tmp_path, capsys):
    import image_pipeline

    path = tmp_path / "results.json"
    flags = [*FLAGS, "--batches=2", "--rounds=6", f"--output={path}"]
    monkeypatch.setattr(sys, "argv", ["image_pipeline.py", *flags])
    image_pipeline.main()
    found = json.loads(path.read_text())
    names = [image_pipeline.OURS, "decodes all, cuts out the crop", "decodes all, resizes all"]
    assert list(found["images_per_s_of_a_core"]) == names
    for name in names:
        assert len(found["processor_s"][name]) == len(found["seconds"][name]) == 6
        expected = 8 / np.median(found["processor_s"][name])
        assert found["images_per_s_of_a_core"][name] == pytest.approx(expected)
    for name in names[1:]:
        low, high = found["ratios"][name]["interval"]
        assert 0 < low <= found["ratios"][name]["median"] <= high
    printed = capsys.readouterr().out
    assert f"{names[1]} / {names[0]}: " in printed and f"{names[2]} / {names[0]}: " in printed


def test_crops_of_the_whole_are_those_of_our_pipeline(tmp_path):
    import image_pipeline

    folder = tmp_path / "images"
    image_pipeline.write_made_up_images(folder, images=12, size="24,32")
    ours, cut, whole = image_pipeline.pipelines(str(folder), image_size=8, batch_size=4).values()
    for (images, labels), (others, same_labels), (resized, again) in zip(
        ours.take(4), cut.take(4), whole.take(4), strict=True
    ):
        np.testing.assert_array_equal(labels, same_labels)
        np.testing.assert_array_equal(labels, again)
        assert images.shape == others.shape == resized.shape
        difference = np.abs(images - others)
        # Colours differ at edges of crops; without flips and windows in common, by 1 and more.
        assert difference.mean() < 0.1 < np.abs(images - resized).mean()
