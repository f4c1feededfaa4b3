from state_of_sparsity.analysis.pages import tables
from state_of_sparsity.analysis.pages.cells import aggregates, variants
from tests.analysis.pages.made_up_rows import ROWS, row


def test_runs_with_a_setting_more_are_compared_with_those_without():
    more = [
        row("magnitude_pruning/sparsity_0.9_dropout_0_seed_0", 0.85, 0.9, 0.9),
        row("l0_regularization/l0_weight_1e-4_dropout_0_seed_0", 0.8, 0.7),
        row("dense/dropout_0_seed_0", 0.88, 0.0),
    ]
    assert aggregates([*ROWS, *more], "accuracy") == aggregates(ROWS, "accuracy")
    assert tables.variants(variants([*ROWS, *more], "accuracy"), "accuracy").splitlines()[2:] == [
        "| dense | DROPOUT = 0 | 0.0, 0.0 | 88.00 (1) | 87.00 (1) | +1.00 |",
        "| magnitude, uniform | SPARSITY = 0.9, DROPOUT = 0 | 90.0, 89.9 | 85.00 (1) | "
        "82.00 ± 1.41 (2) | +3.00 |",
        "| L0, a gate a weight | L0_WEIGHT = 1e-4, DROPOUT = 0 | 70.0 | 80.00 (1) | - | - |",
    ]
    assert tables.variants([], "accuracy") == "Not measured yet."


def test_the_lines_of_results():
    text = tables.results(aggregates(ROWS, "accuracy"), "accuracy")
    assert "| dense | - | 0.00 | 87.00 | 87.00 | 15.0 |" in text
    assert "| magnitude, uniform | - | 89.90 | 82.00 ± 1.41 | 81.00, 83.00 | 15.0 |" in text
    assert "| variational dropout | KL_WEIGHT = 3e-5 | 91.50 |" in text


def test_multiply_adds_that_nobody_counted_are_no_column():
    rows = [{**ROWS[-2], "multiply_adds": None, "sparse_multiply_adds": None}]
    lines = tables.results(aggregates(rows, "accuracy"), "accuracy").splitlines()
    assert lines[0].endswith("| Each seed |") and lines[2].endswith("| 87.00 | 87.00 |")


def test_an_order_is_told_by_more_than_the_spread_of_seeds():
    more = [row("magnitude_pruning/sparsity_0.9_seed_2", 0.82, 0.899, 0.9)]
    more.append(row("random_pruning/sparsity_0.9_seed_2", 0.71, 0.899, 0.9))
    found = aggregates([*ROWS, *more], "accuracy")
    curves = ["Random pruning, uniform", "Variational dropout"]
    pairs = [("Magnitude pruning, uniform", other) for other in curves]
    lines = tables.orderings(found, "accuracy", pairs).splitlines()[2:]
    assert lines[0].endswith("| 89.9, 89.9 | 82.00 (3) | 71.00 (3) | +11.00 | yes |")
    assert lines[1].endswith(
        "| 89.9, 91.5 | 82.00 (3) | 83.00 (2) | -1.00 | not told: needs 3 or more seeds each |"
    )
    assert len(lines) == 2  # nothing of 0.5, which has one seed


def test_sparsities_of_layers_are_means_over_seeds():
    lines = tables.layers(aggregates(ROWS, "accuracy"), 0.9).splitlines()
    assert lines[0].startswith("| Sparsity (%) of | magnitude, uniform | variational dropout |")
    assert [line.split(" | ")[2] for line in lines[2:]] == ["93.0", "60.0", "91.5"]
    assert lines[2].startswith("| layer 0 |") and lines[4].startswith("| all |")


def test_layers_of_a_stack_are_one_line():
    run = row("l0_regularization/l0_weight_1_seed_0", 0.5, 0.9, None, ((10, 100), (90, 300)))
    for kernel, number in zip(run["kernels"], (1, 2), strict=True):
        kernel["path"] = f"encoder_{number}_feed_forward_hidden/kernel"
    lines = tables.layers(aggregates([run], "accuracy"), 0.9).splitlines()
    assert lines[2:] == ["| encoders: feed forward hidden | 75.0 |", "| all | 90.0 |"]


def test_minutes_are_medians_over_runs():
    text = tables.times(aggregates(ROWS, "accuracy"))
    assert "| random, uniform | 2 | 900 | 1.5 | 1.0 to 2.0 |" in text
