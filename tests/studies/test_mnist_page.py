"""The page on MNIST: its arithmetic, and that it is what its table of runs says."""

import pathlib
import subprocess
import sys

import pytest

import state_of_sparsity as sos
from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import gin_app
from state_of_sparsity.bin import settings as gin_settings
from state_of_sparsity.models import lenet
from tests.script_folder import imported_as_a_script
from tests.small_mnist import random_mnist, write_mnist

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "studies" / "mnist"
TABLE = ROOT / "docs/results/mnist/runs.csv"


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, FOLDER):
        yield


def run(cell, seed, accuracy, kernels):
    """Returns a row of a table; `kernels` are `(path, non-zeros, size, inputs, outputs)`."""
    names = ("path", "nonzero", "size", "inputs_left", "outputs_left")
    return {
        "run": f"{cell}/seed_{seed}",
        "accuracy": accuracy,
        "seed": seed,
        "config_hash": "a",
        "steps": 100,
        "wall_time_s": 50.0 + seed,
        "nonzero": sum(k[1] for k in kernels),
        "size": sum(k[2] for k in kernels),
        "kernels": [dict(zip(names, kernel, strict=True)) for kernel in kernels],
    }


def mlp(first, second, third, **units):
    sizes = (235_200, 30_000, 1_000)
    inputs = units.get("inputs", (784, 300, 100))
    names = ("hidden_1/kernel", "hidden_2/kernel", "logits/kernel")
    lines = zip(names, (first, second, third), sizes, inputs, (300, 100, 10), strict=True)
    return list(lines)


@pytest.mark.parametrize(
    ("network", "units"), [("lenet_300_100", (784, 300, 100)), ("lenet_5", (20, 50, 800, 500))]
)
def test_multiply_adds_of_a_whole_network_are_those_of_the_report(network, units):
    from published import multiply_adds

    model = getattr(lenet, network)()
    assert multiply_adds(network, units) == sos.report(model).multiply_adds


def test_multiply_adds_of_published_architectures():
    from published import multiply_adds

    assert multiply_adds("lenet_300_100", (266, 88, 33)) == 266 * 88 + 88 * 33 + 330
    small = 9 * 25 * 576 + 9 * 18 * 25 * 64 + 65 * 25 + 250
    assert multiply_adds("lenet_5", (9, 18, 65, 25)) == small


def test_a_claim_is_met_where_both_figures_are():
    from cells import cells
    from tables import claims

    cell = "variational_dropout/lenet_300_100"
    rows = [
        run(cell, 0, 0.9808, mlp(2600, 800, 400)),  # 1.92 %, 70 times fewer
        run(cell, 1, 0.9807, mlp(2600, 800, 400)),
        run(cell, 2, 0.9850, mlp(3000, 800, 400)),  # 63 times fewer
    ]
    text = claims(cells(rows))
    assert "1.92 % with 68 times fewer" in text
    assert "1.92 % with 70<br>1.93 % with 70<br>1.50 % with 63 | 1 of 3 seeds |" in text


def test_units_are_compared_with_what_was_published():
    from cells import cells
    from tables import architectures, claims

    cell = "l0_groups/lenet_300_100"
    worse_in_both = mlp(1000, 1000, 1000, inputs=(300, 90, 40))
    cheaper = mlp(1000, 1000, 1000, inputs=(200, 90, 40))
    rows = [run(cell, 0, 0.98, worse_in_both), run(cell, 1, 0.98, cheaper)]
    assert "| 1 of 2 seeds |" in claims(cells(rows))
    assert "| 1 | 200-90-40 | 2.00 | 22,000 |" in architectures(cells(rows), "lenet_300_100")


def test_runs_of_one_configuration_are_one_cell():
    from cells import cells

    rows = [run("dense/lenet_5", seed, 0.99, mlp(1, 2, 3)) for seed in (2, 0, 1)]
    rows += [{**run("dense/lenet_5", 9, 0.5, mlp(1, 2, 3)), "config_hash": "b"}]
    rows += [run("quickstart/digits", 0, 0.5, mlp(1, 2, 3))]  # no cell of this study
    found = cells(rows)
    assert [[row["seed"] for row in cell.runs] for cell in found] == [[0, 1, 2], [9]]
    assert found[0].errors == pytest.approx([1.0] * 3)


def test_a_network_of_which_nothing_is_left_has_its_place():
    from cells import cells
    from tables import techniques

    rows = [run("l0_regularization/lenet_300_100", 0, 0.1, mlp(0, 0, 0))]
    assert "| 90.00 | 90.00 | inf | 0 |" in techniques(cells(rows), "lenet_300_100")


@pytest.mark.slow
def test_steps_are_timed(tmp_path):
    """Two networks, six techniques each, compile: most of a minute."""
    write_mnist(tmp_path, *random_mnist(train=120, test=20))
    command = [sys.executable, str(FOLDER / "step_time.py"), "--rounds=1", "--steps=2"]
    options = [f"--data_dir={tmp_path}", f"--output={tmp_path / 'times.csv'}"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    lines = (tmp_path / "times.csv").read_text().splitlines()
    assert len(lines) == 13 and lines[1].startswith("lenet_300_100,dense,")


def test_what_is_claimed_comes_from_three_seeds():
    from cells import cells

    found = cells(RunTable(TABLE).read())
    claiming = [cell for cell in found if cell.technique != "l0_regularization"]
    assert claiming and all(len(cell.runs) >= 3 for cell in claiming)


def test_the_gin_files_are_those_that_the_runs_were_made_with():
    cells = {}
    for row in RunTable(TABLE).read():
        technique, network, settings = row["run"].split("/")
        setting = settings.rsplit("seed_", 1)[0].strip("_")
        cells[technique, network, setting] = row["config_hash"]
    for (technique, network, setting), expected in cells.items():
        name, _, value = setting.rpartition("_")
        bindings = [f"{name.upper()} = {value}"] if setting else []
        gin_app.parse([f"lenet/{technique}/{network}.gin"], bindings)
        assert config_hash(gin_settings.of_parsed()) == expected, (technique, network)
