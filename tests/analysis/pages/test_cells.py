import pytest

from state_of_sparsity.analysis.pages.cells import aggregates, at_level, level
from tests.analysis.pages.made_up_rows import ROWS


def test_runs_that_differ_in_their_seed_are_one_line_and_others_are_not():
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
    with pytest.raises(ValueError, match=r"column `distribution`. Received: random_pruning/"):
        aggregates([{**ROWS[0], "distribution": None}], "accuracy")


def test_a_learned_sparsity_counts_where_its_density_is_near():
    found = aggregates(ROWS, "accuracy")
    assert [level(a) for a in found] == [None, 0.5, 0.9, None, 0.9, 0.9]
    assert at_level(found, "Variational dropout", 0.9).setting == "kl_weight_3e-5"
    assert at_level(found, "Variational dropout", 0.5) is None
