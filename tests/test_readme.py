"""The Python of the README and of docs/start.md runs, and what pages name is there."""

import pathlib
import re
import runpy

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [
    *("README.md", "WORKSPACE.md", "CONTRIBUTING.md", "docs/tickets.md", "docs/start.md"),
    *("docs/study.md", "docs/study_images.md", "docs/study_translation.md", "docs/faq.md"),
    *("docs/choosing.md", "docs/limits.md"),
]


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
@pytest.mark.filterwarnings("ignore:`model` was made sparse before")
def test_the_python_runs_from_top_to_bottom(page, tmp_path, monkeypatch, capsys):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL))
    assert "sos.sparsify" in code and "sos.strip" in code
    script = tmp_path / "readme.py"
    script.write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert re.search(r"total .* 9\d\.\d\d%", capsys.readouterr().out)
    assert (tmp_path / "model.keras").exists()


def test_the_readme_is_one_page():
    assert len(text_of("README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES)
def test_what_the_pages_name_exists(page):
    text = text_of(page)
    for path in re.findall(
        r"(?<![\w/.])(?:\./)?((?:launch|docs|gin_configs|tests)/[\w./-]+\w)", text
    ):
        assert (ROOT / path).exists(), path
    for gin_file in re.findall(r"--gin_file=(\S+\.gin)", text):
        assert (ROOT / "gin_configs" / gin_file).exists(), gin_file
    for path in re.findall(r"!?\[[^]]*\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert path.startswith("http") or ((ROOT / page).parent / path).exists(), path
