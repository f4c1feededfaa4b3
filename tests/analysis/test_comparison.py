import pathlib
import shutil
import statistics

import pytest

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.comparison import Comparison, compare, compare_with_starts
from state_of_sparsity.analysis.comparison_text import comparison_text, starts_text
from state_of_sparsity.analysis.results import Aggregate, Run


@pytest.mark.parametrize(
    ("magnitude", "random", "verdict", "summary"),
    [
        ([0.95, 0.96, 0.95], [0.80, 0.82, 0.81], "yes", "Yes. By more than the spread"),
        ([0.95, 0.80, 0.9], [0.80, 0.82, 0.8], "no: within the spread", "No: not by more"),
        ([0.80] * 3, [0.91] * 3, "no: below, by more than the spread", "No: not by more"),
        ([0.82, 0.82, 0.82], [0.82, 0.82, 0.82], "no: equal", "No: not by more"),
        # 0.05, but for the last digit of a float
        ([0.95, 0.90, 0.95], [0.90, 0.85, 0.90], "no: within the spread", "No: not by more"),
        ([0.95, 0.96], [0.80, 0.82], "not told: needs 3 or more seeds each", "there are 2."),
        ([0.95], [0.80, 0.82, 0.8], "not told: needs 3 or more seeds each", "there are 1."),
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


def of_values(values):
    runs = tuple(Run(pathlib.Path(str(seed)), {"seed": seed}) for seed in range(len(values)))
    mean, least, most = statistics.fmean(values), min(values), max(values)
    return Aggregate("t", "t", 0.9, "", runs, 0.9, mean, least, most, statistics.stdev(values))


@pytest.mark.parametrize(
    ("better", "worse", "verdict"),
    [
        # Rounding is 1 at a mean of 1e9, and every number here is a whole one.
        ([1e9] * 3, [1e9 - 1] * 3, "no: equal"),
        ([1e9] * 3, [1e9 - 4, 1e9 - 3, 1e9 - 2], "no: within the spread"),
        ([1e9] * 3, [1e9 - 5, 1e9 - 4, 1e9 - 3], "yes"),
        ([1e9 - 5, 1e9 - 4, 1e9 - 3], [1e9] * 3, "no: below, by more than the spread"),
        ([0.0] * 3, [0.0] * 3, "no: equal"),
    ],
)
def test_the_verdict_at_its_bounds(better, worse, verdict):
    assert Comparison(0.9, of_values(better), of_values(worse)).verdict == verdict


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


def test_copies_of_a_run_are_no_seeds(make_run):
    paths = [make_run(f"{t}_pruning", 0.9, 0.9, 0) for t in ("magnitude", "random")]
    paths += [shutil.copytree(path, f"{path}_{i}") for path in paths for i in range(3)]
    (comparison,) = compare(results.aggregate(results.read_runs(paths)[0], "accuracy"), "accuracy")
    assert len(comparison.better.runs) == 4 and comparison.better.n == comparison.seeds == 1
    assert comparison.verdict.startswith("not told")


def test_each_distribution_is_compared_and_each_model_with_itself(make_run):
    def runs(technique, accuracy, distribution, model):
        entries = {"distribution": distribution, "model": model}
        return [make_run(technique, 0.9, accuracy, s, **entries) for s in range(3)]

    paths = runs("magnitude_pruning", 0.95, "uniform", "lenet_5")
    paths += runs("magnitude_pruning", 0.80, "global_threshold", "lenet_5")
    paths += runs("random_pruning", 0.90, "uniform", "lenet_5")
    paths += runs("magnitude_pruning", 0.95, "uniform", "lenet_300_100")
    found, _ = results.read_runs(paths)
    comparisons = compare(results.aggregate(found, "accuracy"), "accuracy")
    assert [(c.better.curve, c.verdict) for c in comparisons] == [
        (
            "Magnitude pruning, global threshold (LeNet-5)",
            "no: below, by more than the spread",
        ),
        ("Magnitude pruning, uniform (LeNet-5)", "yes"),
    ]
    text = comparison_text(comparisons, "accuracy")
    assert "- Magnitude pruning, uniform (LeNet-5): Yes. By more" in text
    assert "- Magnitude pruning, global threshold (LeNet-5): No: not by more" in text


def test_nothing_to_compare():
    assert "Not told" in comparison_text([], "accuracy")


def test_pruning_is_compared_with_each_start_from_its_masks(make_run):
    pruned = [make_run("magnitude_pruning", 0.9, 0.95 + 0.001 * s, s) for s in range(3)]
    for start, accuracy in (("lottery_ticket", 0.95), ("scratch_2_times", 0.7)):
        pruned += [
            make_run("fixed_mask", 0.9, accuracy + 0.001 * s, s, distribution=start, start=start)
            for s in range(3)
        ]
    aggregates = results.aggregate(results.read_runs(pruned)[0], "accuracy")
    comparisons = compare_with_starts(aggregates, "accuracy")
    assert [(c.worse.curve, c.verdict) for c in comparisons] == [
        ("Lottery ticket", "no: equal"),
        ("Scratch, 2 times the steps", "yes"),
    ]
    text = starts_text(comparisons, "accuracy")
    assert "| Scratch, 2 times the steps | 90.0 % | 95.10 (3) | 70.10 (3) | +25.00 |" in text
    assert starts_text([], "accuracy") == ""
    own = [a for a in aggregates if a.technique == "fixed_mask"]
    assert compare_with_starts(own, "accuracy") == []
