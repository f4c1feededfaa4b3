"""What docs/from_tfmot.md shows runs: TF-MOT's tutorial with one import changed."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_tfmot.md"


@pytest.mark.filterwarnings("ignore")  # TensorFlow's own, as it converts
def test_the_tutorial_runs():
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 4
    exec("\n".join(snippets), {"__name__": "tutorial"})
