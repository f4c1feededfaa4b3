import pytest

from state_of_sparsity.analysis.pages import tables, thresholds
from state_of_sparsity.analysis.pages.cells import OTHER_THRESHOLDS, aggregates
from tests.analysis.pages.made_up_rows import row


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
    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    assert tables.thresholds(found, "accuracy").splitlines()[2:] == [
        "| KL_WEIGHT = 5e-6, THRESHOLD = -1 | 92.0 | 77.00 ± 1.41 | 76.00, 78.00 |",
        "| KL_WEIGHT = 5e-6, THRESHOLD = 0 | 90.5 | 82.00 ± 1.41 | 81.00, 83.00 |",
        "| KL_WEIGHT = 1e-5, DROPOUT = 0, THRESHOLD = 0 | 95.0 | 80.00 | 80.00 |",
    ]
    assert tables.thresholds([], "accuracy") == "Not measured yet."


def test_multiply_adds_at_a_threshold_are_shown_where_the_evaluation_has_them():
    evaluation = evaluated("kl_weight_1e-5_seed_0", (0.0, 0.95, 0.8))
    (point,) = evaluation["thresholds"]
    counted = {**evaluation, "multiply_adds": 400}
    counted["thresholds"] = [{**point, "sparse_multiply_adds": 50}]
    found = thresholds.aggregates([counted], "accuracy")
    assert tables.thresholds(found, "accuracy").splitlines()[2:] == [
        "| KL_WEIGHT = 1e-5, THRESHOLD = 0 | 95.0 | 80.00 | 80.00 | 12.5 |"
    ]


def test_the_threshold_nearest_a_sparsity_is_in_the_orderings():
    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    found += aggregates(
        [row(f"magnitude_pruning/sparsity_0.9_seed_{i}", 0.86, 0.9, 0.9) for i in (0, 1)],
        "accuracy",
    )
    pairs = [("Magnitude pruning, uniform", OTHER_THRESHOLDS)]
    assert tables.orderings(found, "accuracy", pairs).splitlines()[2:] == [
        "| magnitude, uniform above variational dropout (KL_WEIGHT = 5e-6, THRESHOLD = 0) "
        "| 90.0, 90.5 | 86.00 (2) | 82.00 (2) | +4.00 | not told: needs 3 or more seeds each |"
    ]


def test_a_point_worse_and_less_sparse_than_another_is_not_on_the_front():
    found = thresholds.aggregates(EVALUATIONS, "accuracy")
    assert [a.setting for a in thresholds.front(found)] == [
        "kl_weight_5e-6_threshold_0",
        "kl_weight_1e-5_dropout_0_threshold_0",
    ]


def test_evaluations_of_runs_that_are_no_cells_are_refused():
    with pytest.raises(ValueError, match=r"seed last.*Received: .*/one"):
        thresholds.aggregates([evaluated("one", (0.0, 0.9, 0.8))], "accuracy")


def test_thresholds_are_read_from_what_evaluations_wrote(tmp_path):
    assert thresholds.read(tmp_path) == []
    for name in ("2", "1"):
        (tmp_path / f"thresholds_{name}.json").write_text(f'{{"thresholds": [{name}]}}')
    assert thresholds.read(tmp_path) == [{"thresholds": [1]}, {"thresholds": [2]}]
