from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.run_report import layers


def rows_of(paths):
    return layers.rows(results.aggregate(results.read_runs(paths)[0], "accuracy"))


def test_each_kernel_has_its_mean_over_seeds_and_the_ends(make_run):
    paths = [make_run("l0_regularization", None, 0.9, s, 0.9 + s / 100) for s in (0, 1, 4)]
    (hidden, logits) = rows_of(paths)["L0 regularization"]
    assert (hidden["path"], hidden["size"]) == ("hidden/kernel", 100)
    assert hidden["nonzero"] == (10 + 9 + 6) / 3
    assert (hidden["fewest"], hidden["most"]) == (6, 10)
    assert (logits["fewest"], logits["most"]) == (1, 2)


def test_the_setting_nearest_to_what_all_come_near_to_is_shown(make_run):
    paths = [make_run("set", t, 0.9, 0) for t in (0.5, 0.9)]
    paths += [make_run("l0_regularization", None, 0.9, 0, s, f"W = {s}") for s in (0.2, 0.88)]
    found = rows_of(paths)
    assert {curve: rows[0]["nonzero"] for curve, rows in found.items()} == {
        "SET": 10,
        "L0 regularization": 12,
    }


def test_a_run_without_the_file_leaves_its_curve_out(make_run):
    path = make_run("set", 0.9, 0.9, 0)
    (path / "report.csv").unlink()
    assert list(rows_of([path, make_run("rigl", 0.9, 0.9, 0)])) == ["RigL"]
    assert rows_of([path]) == {}
