"""The notebooks of examples/: stored as their last run left them, and they run."""

import ast
import importlib
import json
import operator
import pathlib
import re

import pytest

import state_of_sparsity as sos
from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "examples"
NOTEBOOKS = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MOST_BYTES = 400_000
OF_A_MACHINE = re.compile(
    r"/(?:home|root|tmp|usr|work|Users|private|var)/|site-packages|[A-Z]:\\\\"
)


def text_of(source):
    """Returns text that nbformat stores whole or as a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def cells(name, kind):
    """Returns the cells of one kind of a notebook."""
    found = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def code(name):
    """Returns the code of all cells, parsed."""
    return ast.parse("\n".join(text_of(cell["source"]) for cell in cells(name, "code")))


def test_every_notebook_is_listed_once():
    listed = re.findall(r"\]\((\w+)\.ipynb\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert listed == [*NOTEBOOKS]
    assert len(NOTEBOOKS) >= 7


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_stored_as_a_run_from_the_top_left_it(name):
    notebook = json.loads(NOTEBOOKS[name].read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len({*ids}) == len(ids)
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}
    assert text_of(notebook["cells"][0]["source"]).startswith("# ")
    counts = [cell["execution_count"] for cell in cells(name, "code")]
    assert counts == [*range(1, len(counts) + 1)]
    assert NOTEBOOKS[name].stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_have_no_errors_warnings_or_machine_paths(name):
    outputs = [output for cell in cells(name, "code") for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output["output_type"] in ("stream", "display_data", "execute_result")
        assert output.get("name", "stdout") == "stdout", output  # warnings go to stderr
        shown = [text_of(output.get("text", ""))]
        shown += [text_of(v) for kind, v in output.get("data", {}).items() if "image" not in kind]
        assert not [text for text in shown if OF_A_MACHINE.search(text)], output


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_a_notebook_names_exists(name):
    tree = code(name)
    for node in ast.walk(tree):
        chain = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if re.fullmatch(r"sos(\.\w+)+", chain):
            operator.attrgetter(chain.removeprefix("sos."))(sos)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("state_of_sparsity"):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)
    for cell in cells(name, "markdown"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(cell["source"])):
            assert (FOLDER / link).exists(), link


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's packages
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    pytest.importorskip("nbclient", reason='needs `pip install -e ".[examples]"`')
    pytest.importorskip("ipykernel", reason='needs `pip install -e ".[examples]"`')
    with imported_as_a_script(monkeypatch, ROOT / "launch"):
        import run_notebooks

        done = run_notebooks.run(NOTEBOOKS[name], tmp_path)
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
