"""What docs/patterns.md shows runs, from top to bottom."""

import pathlib
import re

import gin

from state_of_sparsity.bin import gin_app
from state_of_sparsity.patterns import NOfM
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training.experiment import Experiment

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "patterns.md"


def blocks(language):
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_python_runs(capsys):
    namespace = {}
    for code in blocks("python"):
        exec(compile(code, str(PAGE), "exec"), namespace)
    assert len(blocks("python")) == 5
    assert len(re.findall(r"^(?:second|head)/kernel .* 2:4 ", capsys.readouterr().out, re.M)) == 2


def test_the_gin_file_makes_a_model(tmp_path):
    (code,) = blocks("gin")
    (tmp_path / "two_of_four.gin").write_text(code)
    gin_app.parse([str(tmp_path / "two_of_four.gin")], ["SPARSITY = 0.5"])
    with gin.unlock_config():
        model = gin.get_configurable(Experiment)().build()
    assert {w.pattern for w in sparse_layers(model).values()} == {NOfM(2, 4)}
