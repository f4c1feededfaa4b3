"""The committed pages are what their tables say, and the gin files those of their runs."""

import pathlib

import pytest

from state_of_sparsity.analysis.pages import study_page
from state_of_sparsity.analysis.pages.cells import settings
from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import gin_app
from state_of_sparsity.bin import settings as gin_settings
from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "docs/results"
# Table, folder of its gin files.
STUDIES = [
    ("cifar10/runs.csv", "cifar10"),
    ("techniques/runs.csv", "cifar10"),
    ("techniques/multi30k.csv", "multi30k"),
    ("translation/runs.csv", "multi30k"),
]


@pytest.mark.parametrize(
    "name", ["cifar10", "mnist", "targets", "techniques", "tickets", "translation"]
)
def test_a_page_is_what_its_table_says(name, monkeypatch):
    rows = RunTable(RESULTS / name / "runs.csv").read()
    with imported_as_a_script(monkeypatch, ROOT / "studies" / name):
        import page

        text = study_page.fill(page.TEMPLATE, page.parts(rows, RESULTS / name))
    assert (RESULTS / f"{name}.md").read_text(encoding="utf-8") == text
    assert not any("+" in row["commit"] for row in rows)


@pytest.mark.parametrize(("table", "folder"), STUDIES)
def test_gin_files_are_those_that_runs_were_made_with(table, folder):
    cells = {}
    for run in RunTable(RESULTS / table).read():
        technique, setting = run["run"].split("/")
        cells[technique, setting.rpartition("seed_")[0].strip("_")] = run["config_hash"]
    for (technique, setting), expected in cells.items():
        bindings = [f"{knob} = {value}" for knob, value in settings(setting)]
        gin_app.parse([f"{folder}/{technique}.gin"], bindings)
        assert config_hash(gin_settings.of_parsed()) == expected, (technique, setting)
