import pathlib
import shutil
import statistics

import pytest

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.comparison import Comparison, levels
from state_of_sparsity.analysis.results import Aggregate, Run


def levels_of(paths):
    return levels(results.aggregate(results.read_runs(paths)[0], "accuracy"), "accuracy")


@pytest.mark.parametrize(
    ("magnitude", "random", "verdict"),
    [
        ([0.95, 0.96, 0.95], [0.80, 0.82, 0.81], "yes"),
        ([0.95, 0.80, 0.9], [0.80, 0.82, 0.8], "no: within the spread"),
        ([0.82, 0.82, 0.82], [0.82, 0.82, 0.82], "no: equal"),
        # 0.05, but for the last digit of a float
        ([0.95, 0.90, 0.95], [0.90, 0.85, 0.90], "no: within the spread"),
        ([0.95, 0.96], [0.80, 0.82], "not told: needs 3 or more seeds each"),
        ([0.95], [0.80, 0.82, 0.8], "not told: needs 3 or more seeds each"),
    ],
)
def test_the_verdict_follows_from_the_numbers(make_run, magnitude, random, verdict):
    paths = [make_run("magnitude_pruning", 0.9, a, seed) for seed, a in enumerate(magnitude)]
    paths += [make_run("random_pruning", 0.9, a, seed) for seed, a in enumerate(random)]
    paths.append(make_run("magnitude_pruning", 0.5, 0.97, 0))  # no partner
    (level,) = levels_of(paths)
    (comparison,) = level.below(level.ranked[0])
    mean = sum(magnitude) / len(magnitude) - sum(random) / len(random)
    spread = max(max(magnitude) - min(magnitude), max(random) - min(random))
    assert comparison.sparsity == level.sparsity == 0.9
    assert comparison.difference == pytest.approx(mean)
    assert comparison.spread == pytest.approx(spread)
    assert comparison.verdict == verdict
    assert level.below(level.ranked[1]) == []


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
    (level,) = levels_of(paths)
    assert level.ranked[0].mean == 0.90 and level.ranked[0].setting == "RATE = 0.2"


def test_copies_of_a_run_are_no_seeds(make_run):
    paths = [make_run(f"{t}_pruning", 0.9, 0.9, 0) for t in ("magnitude", "random")]
    paths += [shutil.copytree(path, f"{path}_{i}") for path in paths for i in range(3)]
    (level,) = levels_of(paths)
    (comparison,) = level.below(level.ranked[0])
    assert len(comparison.better.runs) == 4 and comparison.better.n == comparison.seeds == 1
    assert comparison.verdict.startswith("not told")


def test_all_curves_of_a_model_are_ranked_each_model_apart(make_run):
    def runs(technique, accuracy, distribution, model, target=0.9):
        entries = {"distribution": distribution, "model": model}
        return [make_run(technique, target, accuracy, s, **entries) for s in range(3)]

    paths = runs("magnitude_pruning", 0.95, "uniform", "lenet_5")
    paths += runs("magnitude_pruning", 0.80, "global_threshold", "lenet_5")
    paths += runs("random_pruning", 0.90, "uniform", "lenet_5")
    paths += runs("magnitude_pruning", 0.95, "uniform", "lenet_300_100")
    paths += runs("dense", 0.97, None, "lenet_5", None)
    (level,) = levels_of(paths)
    assert level.task == ("lenet_5",)
    assert [a.curve for a in level.ranked] == [
        "Magnitude pruning, uniform (LeNet-5)",
        "Random pruning, uniform (LeNet-5)",
        "Magnitude pruning, global threshold (LeNet-5)",
    ]
    assert [len(level.below(a)) for a in level.ranked] == [2, 1, 0]


def test_a_penalty_counts_at_the_sparsity_it_comes_near_to_but_not_with_more_weights(make_run):
    paths = [make_run("magnitude_pruning", t, 0.9, 0) for t in (0.5, 0.9)]
    for sparsity in (0.88, 0.9 - 0.004, 0.92, 0.95, 0.4, 0.6):
        accuracy = 1 - sparsity / 2  # the densest is the best
        paths.append(make_run("l0_regularization", None, accuracy, 0, sparsity, f"W = {sparsity}"))
    found = levels_of(paths)
    of_penalty = [[a.setting for a in level.ranked if a.setting] for level in found]
    assert [level.sparsity for level in found] == [0.5, 0.9]
    assert of_penalty == [["W = 0.6"], ["W = 0.896"]]


def test_without_targets_round_sparsities_are_compared(make_run):
    paths = [make_run("l0_regularization", None, 0.8, 0, 0.9)]
    paths.append(make_run("variational_dropout", None, 0.9, 0, 0.91))
    (level,) = levels_of(paths)
    assert level.sparsity == 0.9 and level.ranked[0].technique == "variational_dropout"


def test_nothing_to_compare(make_run):
    assert levels_of([make_run("dense", None, 0.9, 0), make_run("set", 0.9, 0.9, 0)]) == []


def test_pruning_is_ranked_with_each_start_from_its_masks(make_run):
    pruned = [make_run("magnitude_pruning", 0.9, 0.95 + 0.001 * s, s) for s in range(3)]
    for start, accuracy in (("lottery_ticket", 0.95), ("scratch_2_times", 0.7)):
        pruned += [
            make_run("fixed_mask", 0.9, accuracy + 0.001 * s, s, distribution=start, start=start)
            for s in range(3)
        ]
    (level,) = levels_of(pruned)
    names = [a.curve for a in level.ranked]
    assert names[2] == "Scratch, 2 times the steps" and "Lottery ticket" in names
    verdicts = [c.verdict for c in level.below(level.ranked[0])]
    assert verdicts == ["no: equal", "yes"]
