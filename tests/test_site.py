"""The site of docs/ is built without a warning; every page is on it, and every public name."""

import os
import pathlib
import re
import runpy
import subprocess
import sys
import zlib

import pytest

import state_of_sparsity as sos
from state_of_sparsity import tfmot

ROOT = pathlib.Path(sos.__file__).parents[1]
# By what names in them begin with.
MODULES = {
    "": sos,
    "distributions.": sos.distributions,
    "inference.": sos.inference,
    "patterns.": sos.patterns,
    "schedules.": sos.schedules,
    "tfmot.sparsity.keras.": tfmot.sparsity.keras,
}
GIN_IMPORTS = re.compile(r"^from state_of_sparsity\.?(\S*) import (\w+)$", re.M)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built in another process: Sphinx leaves much behind in its own."""
    output = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--nitpicky", "--fail-on-warning", "--quiet"]
    command += ["-c", str(ROOT / "docs"), str(ROOT), str(output)]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def documented(site):
    """The names that the API pages describe."""
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(inventory).decode().splitlines()
    return {line.split()[0] for line in lines if " py:" in line}


def public_names():
    """Yields `(name, object)` for every public name below `state_of_sparsity`."""
    for prefix, module in MODULES.items():
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
        ]
        for name in names:
            yield prefix + name, getattr(module, name)


def test_every_public_name_is_documented(documented):
    public = dict(public_names())
    assert len(public) > 60
    assert [name for name in public if f"state_of_sparsity.{name}" not in documented] == []
    assert [name for name, value in public.items() if not value.__doc__] == []


def test_what_gin_files_import_is_documented(documented):
    files = (ROOT / "gin_configs").rglob("*.gin")
    found = {match for file in files for match in GIN_IMPORTS.findall(file.read_text("utf-8"))}
    modules = {".".join(filter(None, ["state_of_sparsity", *match])) for match in found}
    bare = {name.rpartition(".")[0] for name in documented} | documented
    assert len(modules) > 20 and modules - bare == set()


def test_every_page_is_on_the_site(site):
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    pages += (ROOT / "examples").rglob("*.ipynb")
    made = [site / page.relative_to(ROOT).with_suffix(".html") for page in pages]
    assert [page for page in made if not page.is_file()] == []


def test_the_example_of_the_front_page_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs/index.md").read_text("utf-8")
    (tmp_path / "example.py").write_text(re.search(r"```python\n(.*?)```", text, re.S)[1], "utf-8")
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path("example.py")
    assert round(sos.report(made["sparse"]).sparsity, 3) == 0.9
    assert (tmp_path / "model.keras").is_file()


def test_nothing_is_fetched(site):
    """No font, script, style or picture of a page is somewhere else."""
    loaded = re.compile(r"""<(?:link|script|img|iframe)[^>]*(?:src|href)="(?:https?:)?//[^"]*""")
    pages = {page: loaded.findall(page.read_text("utf-8")) for page in site.rglob("*.html")}
    assert len(pages) > 50 and {page: found for page, found in pages.items() if found} == {}
