import pytest

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.comparison import compare, comparison_text


@pytest.mark.parametrize(
    ("magnitude", "random", "verdict", "summary"),
    [
        ([0.95, 0.96], [0.80, 0.82], "yes", "Yes. By more than the spread"),
        ([0.95, 0.80], [0.80, 0.82], "no: within the spread", "No: not by more"),
        ([0.80, 0.81], [0.90, 0.91], "no: below, by more than the spread", "No: not by more"),
        ([0.95], [0.80, 0.82], "not told: needs 2 or more seeds each", "Not told: it needs 2"),
    ],
)
def test_the_verdict_follows_from_the_numbers(make_run, magnitude, random, verdict, summary):
    paths = [make_run("magnitude_pruning", 0.9, a, seed) for seed, a in enumerate(magnitude)]
    paths += [make_run("random_pruning", 0.9, a, seed) for seed, a in enumerate(random)]
    paths.append(make_run("magnitude_pruning", 0.5, 0.97, 0))  # no partner
    runs, _ = results.read_runs(paths)
    (comparison,) = compare(results.aggregate(runs, "accuracy"), "accuracy")
    mean = sum(magnitude) / len(magnitude) - sum(random) / len(random)
    spread = max(max(magnitude) - min(magnitude), max(random) - min(random))
    assert comparison.sparsity == 0.9
    assert comparison.difference == pytest.approx(mean)
    assert comparison.spread == pytest.approx(spread)
    assert comparison.verdict == verdict
    text = comparison_text([comparison], "accuracy")
    assert summary in text and f"{100 * mean:+.2f}" in text


def test_of_several_settings_the_best_in_validation_counts(make_run):
    def run(technique, accuracy, seed, rate, validation):
        setting = f"RATE = {rate}"
        path = make_run(technique, None, accuracy, seed, 0.9, setting, val_accuracy=validation)
        text = (path / "result.json").read_text()
        (path / "result.json").write_text(text.replace("null", "0.9"))
        return path

    paths = [run("magnitude_pruning", 0.99, s, 0.1, 0.5) for s in (0, 1)]
    paths += [run("magnitude_pruning", 0.90, s, 0.2, 0.8) for s in (0, 1)]
    paths += [run("random_pruning", 0.85, s, 0.2, 0.8) for s in (0, 1)]
    runs, _ = results.read_runs(paths)
    (comparison,) = compare(results.aggregate(runs, "accuracy"), "accuracy")
    assert comparison.better.mean == 0.90 and comparison.better.setting == "RATE = 0.2"


def test_nothing_to_compare():
    assert "Not told" in comparison_text([], "accuracy")
