from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.run_report import ranking


def aggregates_of(paths):
    return results.aggregate(results.read_runs(paths)[0], "accuracy")


def test_every_technique_says_which_it_is_above(make_run):
    paths = []
    for technique, accuracy in (
        ("magnitude_pruning", 0.95),
        ("set", 0.949),
        ("random_pruning", 0.8),
    ):
        paths += [make_run(technique, 0.9, accuracy + 0.001 * s, s) for s in range(3)]
    paths += [make_run("rigl", 0.9, 0.9, s) for s in range(2)]
    section = ranking.section(aggregates_of(paths), "accuracy")
    table = section.table.fillna("")
    names = ["Magnitude pruning", "SET", "RigL", "Random pruning"]
    assert table["Technique"].tolist() == names
    assert table["Rank"].tolist() == [1, 2, 3, 4]
    assert table[ranking.BETTER].tolist() == ["4", "4", "", ""]
    assert table[ranking.ALIKE].tolist() == ["2", "", "", ""]
    assert table[ranking.NOT_TOLD].tolist() == ["3", "3", "4", ""]
    told = "above 1 other, not told apart from 1 other, with too few seeds to tell it from 1"
    assert section.text.startswith(f"90.0 %: Magnitude pruning, {told}")


def test_seeds_too_few_are_said(make_run):
    paths = [make_run(t, 0.9, a, 0) for t, a in (("set", 0.9), ("rigl", 0.95))]
    section = ranking.section(aggregates_of(paths), "accuracy")
    assert section.text.startswith("90.0 %: RigL, with too few seeds to tell it from 1 other.")


def test_the_frontier_is_of_means_and_each_model_has_its_own(make_run):
    paths = [make_run("dense", None, 0.97, 0, model="lenet_5")]
    paths += [make_run("set", t, a, 0, model="lenet_5") for t, a in ((0.5, 0.98), (0.9, 0.96))]
    paths.append(make_run("rigl", 0.8, 0.95, 0, model="lenet_5"))  # beaten
    paths.append(make_run("rigl", 0.5, 0.2, 0, model="lenet_300_100"))
    table = ranking.frontier(aggregates_of(paths), "accuracy").table
    assert table[["Sparsity", "Technique"]].to_numpy().tolist() == [
        ["50.00 %", "SET (LeNet-5)"],
        ["90.00 %", "SET (LeNet-5)"],
        ["50.00 %", "RigL (LeNet-300-100)"],
    ]
    assert ranking.frontier(aggregates_of(paths[:1]), "accuracy") is None


def test_settings_at_one_place_of_the_frontier_are_all_named(make_run):
    paths = [make_run(technique, 0.9, 0.95, 0) for technique in ("set", "rigl")]
    table = ranking.frontier(aggregates_of(paths), "accuracy").table
    assert table["Technique"].tolist() == ["RigL", "SET"]
