"""The pages on CIFAR-10 and translation: their arithmetic."""

import pathlib

import pytest

from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.analysis.run_table import RunTable
from state_of_sparsity.bin import gin_app
from state_of_sparsity.bin import settings as gin_settings
from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[2]
# Page, folder of its gin files, metric.
STUDIES = [("cifar10", "cifar10", "accuracy"), ("translation", "multi30k", "bleu")]


@pytest.fixture(autouse=True)
def _as_a_script(monkeypatch):
    with imported_as_a_script(monkeypatch, ROOT / "studies" / "curves"):
        yield


FOLDERS = {
    "magnitude_pruning": ("magnitude_pruning", "uniform"),
    "magnitude_global": ("magnitude_pruning", "global_threshold"),
    "random_pruning": ("random_pruning", "uniform"),
}


def row(run, accuracy, sparsity, target=None, kernels=((10, 100), (1, 10))):
    """Returns a row of a table; `kernels` are `(non-zeros, size)`."""
    technique, distribution = FOLDERS.get(run.split("/")[0], (run.split("/")[0], None))
    return {
        "run": run,
        "technique": technique,
        "distribution": distribution,
        "seed": int(run[-1]),
        "target_sparsity": target,
        "sparsity": sparsity,
        "accuracy": accuracy,
        "multiply_adds": 1000,
        "sparse_multiply_adds": 150,
        "steps": 100,
        "wall_time_s": 60.0 * (1 + int(run[-1])),
        "kernels": [
            {"path": f"layer_{i}/kernel", "nonzero": nonzero, "size": size}
            for i, (nonzero, size) in enumerate(kernels)
        ],
    }


ROWS = [
    row("random_pruning/sparsity_0.9_seed_0", 0.70, 0.899, 0.9),
    row("random_pruning/sparsity_0.9_seed_1", 0.72, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.9_seed_1", 0.83, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.9_seed_0", 0.81, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.5_seed_0", 0.86, 0.5, 0.5),
    row("variational_dropout/kl_weight_3e-5_seed_0", 0.82, 0.91, None, ((8, 100), (4, 10))),
    row("variational_dropout/kl_weight_3e-5_seed_1", 0.84, 0.92, None, ((6, 100), (4, 10))),
    row("variational_dropout/kl_weight_1e-5_seed_0", 0.84, 0.7),
    row("dense/seed_0", 0.87, 0.0),
    row("scratch/seed_0", 0.5, 0.0),
]


def test_runs_that_differ_in_their_seed_are_one_line_and_others_are_not():
    from runs import aggregates

    found = aggregates(ROWS, "accuracy")
    assert [(a.curve, a.setting, a.n) for a in found] == [
        ("Dense", "", 1),
        ("Magnitude pruning, uniform", "sparsity_0.5", 1),
        ("Magnitude pruning, uniform", "sparsity_0.9", 2),
        ("Variational dropout", "kl_weight_1e-5", 1),
        ("Variational dropout", "kl_weight_3e-5", 2),
        ("Random pruning, uniform", "sparsity_0.9", 2),
    ]
    assert found[2].mean == pytest.approx(0.82) and found[2].std == pytest.approx(0.02**0.5 / 10)


def test_a_table_that_does_not_tell_distributions_apart_is_refused():
    from runs import aggregates

    with pytest.raises(ValueError, match=r"column `distribution`. Received: random_pruning/"):
        aggregates([{**ROWS[0], "distribution": None}], "accuracy")


def test_a_learned_sparsity_counts_where_its_density_is_near():
    from runs import aggregates, at_level, level

    found = aggregates(ROWS, "accuracy")
    assert [level(a) for a in found] == [None, 0.5, 0.9, None, 0.9, 0.9]
    assert at_level(found, "Variational dropout", 0.9).setting == "kl_weight_3e-5"
    assert at_level(found, "Variational dropout", 0.5) is None


def test_runs_with_a_setting_more_are_compared_with_those_without():
    from runs import aggregates, variants
    from tables import variants as text

    more = [
        row("magnitude_pruning/sparsity_0.9_dropout_0_seed_0", 0.85, 0.9, 0.9),
        row("l0_regularization/l0_weight_1e-4_dropout_0_seed_0", 0.8, 0.7),
        row("dense/dropout_0_seed_0", 0.88, 0.0),
    ]
    assert aggregates([*ROWS, *more], "accuracy") == aggregates(ROWS, "accuracy")
    assert text(variants([*ROWS, *more], "accuracy"), "accuracy").splitlines()[2:] == [
        "| dense | DROPOUT = 0 | 0.0, 0.0 | 88.00 (1) | 87.00 (1) | +1.00 |",
        "| magnitude, uniform | SPARSITY = 0.9, DROPOUT = 0 | 90.0, 89.9 | 85.00 (1) | "
        "82.00 ± 1.41 (2) | +3.00 |",
        "| L0, a gate a weight | L0_WEIGHT = 1e-4, DROPOUT = 0 | 70.0 | 80.00 (1) | - | - |",
    ]
    assert text([], "accuracy") == "Not measured yet."


def test_the_lines_of_results():
    from runs import aggregates
    from tables import results

    text = results(aggregates(ROWS, "accuracy"), "accuracy")
    assert "| dense | - | 0.00 | 87.00 | 87.00 | 15.0 |" in text
    assert "| magnitude, uniform | - | 89.90 | 82.00 ± 1.41 | 81.00, 83.00 | 15.0 |" in text
    assert "| variational dropout | KL_WEIGHT = 3e-5 | 91.50 |" in text


def test_multiply_adds_that_nobody_counted_are_no_column():
    from runs import aggregates
    from tables import results

    rows = [{**ROWS[-2], "multiply_adds": None, "sparse_multiply_adds": None}]
    lines = results(aggregates(rows, "accuracy"), "accuracy").splitlines()
    assert lines[0].endswith("| Each seed |") and lines[2].endswith("| 87.00 | 87.00 |")


def test_an_order_is_told_by_more_than_the_spread_of_seeds():
    from runs import aggregates
    from tables import orderings

    more = [row("magnitude_pruning/sparsity_0.9_seed_2", 0.82, 0.899, 0.9)]
    more.append(row("random_pruning/sparsity_0.9_seed_2", 0.71, 0.899, 0.9))
    found = aggregates([*ROWS, *more], "accuracy")
    curves = ["Random pruning, uniform", "Variational dropout"]
    pairs = [("Magnitude pruning, uniform", other) for other in curves]
    lines = orderings(found, "accuracy", pairs).splitlines()[2:]
    assert lines[0].endswith("| 89.9, 89.9 | 82.00 (3) | 71.00 (3) | +11.00 | yes |")
    assert lines[1].endswith(
        "| 89.9, 91.5 | 82.00 (3) | 83.00 (2) | -1.00 | not told: needs 3 or more seeds each |"
    )
    assert len(lines) == 2  # nothing of 0.5, which has one seed


def test_sparsities_of_layers_are_means_over_seeds():
    from runs import aggregates
    from tables import layers

    lines = layers(aggregates(ROWS, "accuracy"), 0.9).splitlines()
    assert lines[0].startswith("| Sparsity (%) of | magnitude, uniform | variational dropout |")
    assert [line.split(" | ")[2] for line in lines[2:]] == ["93.0", "60.0", "91.5"]
    assert lines[2].startswith("| layer 0 |") and lines[4].startswith("| all |")


def test_layers_of_a_stack_are_one_line():
    from runs import aggregates
    from tables import layers

    run = row("l0_regularization/l0_weight_1_seed_0", 0.5, 0.9, None, ((10, 100), (90, 300)))
    for kernel, number in zip(run["kernels"], (1, 2), strict=True):
        kernel["path"] = f"encoder_{number}_feed_forward_hidden/kernel"
    lines = layers(aggregates([run], "accuracy"), 0.9).splitlines()
    assert lines[2:] == ["| encoders: feed forward hidden | 75.0 |", "| all | 90.0 |"]


def test_minutes_are_medians_over_runs():
    from runs import aggregates
    from tables import times

    text = times(aggregates(ROWS, "accuracy"))
    assert "| random, uniform | 2 | 900 | 1.5 | 1.0 to 2.0 |" in text


def test_samples_are_quoted_under_their_source():
    from tables import samples

    rows = [
        {"source": "A dog.", "reference": "Ein Hund.", "run": "dense", "translation": "Hund."},
        {"source": "A dog.", "reference": "Ein Hund.", "run": "random", "translation": "Der."},
    ]
    assert samples(rows).splitlines() == [
        "*A dog.*",
        "",
        "| Run | Translation |",
        "| --- | --- |",
        "| reference | Ein Hund. |",
        "| dense | Hund. |",
        "| random | Der. |",
    ]


def evaluated(run, *points):
    """Returns what bin/evaluate.py writes of a run; points are `(threshold, sparsity, metric)`."""
    names = ("threshold", "sparsity", "accuracy")
    found = [dict(zip(names, point, strict=True)) for point in points]
    return {"run_dir": f"runs/variational_dropout/{run}", "thresholds": found}


EVALUATIONS = [
    evaluated("kl_weight_1e-5_dropout_0_seed_0", (0.0, 0.95, 0.8)),
    evaluated("kl_weight_5e-6_seed_1", (-1.0, 0.92, 0.78), (0.0, 0.90, 0.83)),
    evaluated("kl_weight_5e-6_seed_0", (-1.0, 0.92, 0.76), (0.0, 0.91, 0.81)),
]


def test_thresholds_have_a_line_each_over_seeds():
    import thresholds
    from tables import thresholds as text

    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    assert text(found, "accuracy").splitlines()[2:] == [
        "| KL_WEIGHT = 5e-6, THRESHOLD = -1 | 92.0 | 77.00 ± 1.41 | 76.00, 78.00 |",
        "| KL_WEIGHT = 5e-6, THRESHOLD = 0 | 90.5 | 82.00 ± 1.41 | 81.00, 83.00 |",
        "| KL_WEIGHT = 1e-5, DROPOUT = 0, THRESHOLD = 0 | 95.0 | 80.00 | 80.00 |",
    ]
    assert text([], "accuracy") == "Not measured yet."


def test_multiply_adds_at_a_threshold_are_shown_where_the_evaluation_has_them():
    import thresholds
    from tables import thresholds as text

    evaluation = evaluated("kl_weight_1e-5_seed_0", (0.0, 0.95, 0.8))
    (point,) = evaluation["thresholds"]
    counted = {**evaluation, "multiply_adds": 400}
    counted["thresholds"] = [{**point, "sparse_multiply_adds": 50}]
    found = thresholds.aggregates([counted], "accuracy")
    assert text(found, "accuracy").splitlines()[2:] == [
        "| KL_WEIGHT = 1e-5, THRESHOLD = 0 | 95.0 | 80.00 | 80.00 | 12.5 |"
    ]


def test_the_threshold_nearest_a_sparsity_is_in_the_orderings():
    import thresholds
    from runs import OTHER_THRESHOLDS, aggregates
    from tables import orderings

    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    found += aggregates(
        [row(f"magnitude_pruning/sparsity_0.9_seed_{i}", 0.86, 0.9, 0.9) for i in (0, 1)],
        "accuracy",
    )
    pairs = [("Magnitude pruning, uniform", OTHER_THRESHOLDS)]
    assert orderings(found, "accuracy", pairs).splitlines()[2:] == [
        "| magnitude, uniform above variational dropout (KL_WEIGHT = 5e-6, THRESHOLD = 0) "
        "| 90.0, 90.5 | 86.00 (2) | 82.00 (2) | +4.00 | not told: needs 3 or more seeds each |"
    ]


def test_a_point_worse_and_less_sparse_than_another_is_not_on_the_front():
    import thresholds

    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    assert [a.setting for a in thresholds.front(found)] == [
        "kl_weight_5e-6_threshold_0",
        "kl_weight_1e-5_dropout_0_threshold_0",
    ]


def test_evaluations_of_runs_that_are_no_cells_are_refused():
    import thresholds

    with pytest.raises(ValueError, match=r"seed last.*Received: .*/one"):
        thresholds.aggregates([evaluated("one", (0.0, 0.9, 0.8))], "accuracy")


def test_thresholds_are_read_from_what_evaluations_wrote(tmp_path):
    import thresholds

    assert thresholds.read(tmp_path) == []
    for name in ("2", "1"):
        (tmp_path / f"thresholds_{name}.json").write_text(f'{{"thresholds": [{name}]}}')
    assert thresholds.read(tmp_path) == [{"thresholds": [1]}, {"thresholds": [2]}]


def test_the_page_and_its_plots_are_written(tmp_path, monkeypatch, capsys):
    import page

    template, table = tmp_path / "page.md", tmp_path / "docs/study/runs.csv"
    template.write_text("# Title\n\n{{runs}}\n\n{{results}}\n\n{{trade off}}\n\n{{layer plot}}\n")
    names = ("path", "nonzero", "size")
    rows = [
        {
            **r,
            "kernels": str([[*(k[n] for n in names), 1, 1] for k in r["kernels"]]).replace(
                "'", '"'
            ),
        }
        for r in ROWS
    ]
    RunTable(table).add(rows)
    output = tmp_path / "docs/study.md"
    arguments = f"page.py --template={template} --table={table} --metric=accuracy --output={output}"
    monkeypatch.setattr("sys.argv", arguments.split())
    page.main()
    text = output.read_text()
    assert text.startswith("# Title\n\n[9 runs](study/runs.csv)\n\n| Technique |")
    assert "{{" not in text
    for name in ("trade_off.png", "layers.png"):
        assert (tmp_path / "docs/study" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "_", "metric"), STUDIES)
def test_a_page_is_what_its_table_says(name, _, metric):
    import thresholds
    from page import page, read_samples

    output = ROOT / f"docs/results/{name}.md"
    template = (ROOT / f"studies/{name}/page.md").read_text(encoding="utf-8")
    rows = RunTable(ROOT / f"docs/results/{name}/runs.csv").read()
    more = [read(output.with_suffix("")) for read in (read_samples, thresholds.read)]
    text = page(template, rows, metric, name, *more)
    assert output.read_text(encoding="utf-8") == text
    assert not any("+" in row["commit"] for row in rows)


@pytest.mark.parametrize(("name", "folder", "_"), STUDIES)
def test_gin_files_are_those_that_runs_were_made_with(name, folder, _):
    from runs import settings

    cells = {}
    for run in RunTable(ROOT / f"docs/results/{name}/runs.csv").read():
        technique, setting = run["run"].split("/")
        cells[technique, setting.rpartition("seed_")[0].strip("_")] = run["config_hash"]
    for (technique, setting), expected in cells.items():
        bindings = [f"{knob} = {value}" for knob, value in settings(setting)]
        gin_app.parse([f"{folder}/{technique}.gin"], bindings)
        assert config_hash(gin_settings.of_parsed()) == expected, (technique, setting)
