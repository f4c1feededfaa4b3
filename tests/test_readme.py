"""The Python of the README runs, and the files and flags it names are there."""

import pathlib
import re
import runpy

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """Returns the README's code blocks of a language, freed of their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"(?m)^{indent}", "", code) for indent, code in found]


@pytest.mark.filterwarnings("ignore:`model` was made sparse before")
def test_the_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    code = "\n".join(blocks("python"))
    assert "sos.sparsify" in code and "sos.strip" in code
    script = tmp_path / "readme.py"
    script.write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert re.search(r"total .* 9\d\.\d\d%", capsys.readouterr().out)
    assert (tmp_path / "model.keras").exists()


@pytest.mark.parametrize(
    "page", ["README.md", "WORKSPACE.md", "CONTRIBUTING.md", "docs/tickets.md"]
)
def test_what_the_pages_name_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for path in re.findall(r"(?:\./)?((?:launch|docs|gin_configs|tests)/[\w./-]+\w)", text):
        assert (ROOT / path).exists(), path
    for gin_file in re.findall(r"--gin_file=(\S+\.gin)", text):
        assert (ROOT / "gin_configs" / gin_file).exists(), gin_file
    for path in re.findall(r"!?\[[^]]*\]\(([^)#]+)\)", text):
        assert path.startswith("http") or ((ROOT / page).parent / path).exists(), path
