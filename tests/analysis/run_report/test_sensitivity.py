from bokeh.models import BoxAnnotation, Plot

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.run_report import charts, sensitivity


def aggregates_of(paths):
    return results.aggregate(results.read_runs(paths)[0], "accuracy")


def test_boxes_are_of_all_runs_where_a_technique_has_several_settings(make_run, tmp_path):
    paths = [make_run("set", 0.9, 0.9, s) for s in (0, 1)]
    for weight, accuracy in ((1, 0.8), (2, 0.85)):
        for seed in (0, 1):
            setting = f"WEIGHT = {weight}"
            paths.append(make_run("l0_regularization", None, accuracy, seed, 0.9, setting))
    paths.append(make_run("set", 0.5, 0.9, 0))
    found = sensitivity.groups(aggregates_of(paths))
    assert list(found) == [0.9]  # at 50 % there is one setting
    assert {curve: len(own) for curve, own in found[0.9].items()} == {
        "SET": 1,
        "L0 regularization": 2,
    }
    l0 = found[0.9]["L0 regularization"]
    assert sensitivity.values(l0, "accuracy") == [80.0, 80.0, 85.0, 85.0]
    path = sensitivity.draw(found, "accuracy", tmp_path / "boxes.png")
    assert all(path.with_suffix(s).stat().st_size > 10_000 for s in (".png", ".svg"))
    chart = charts.sensitivity(found, "accuracy")
    assert chart.y_range.factors == [("90.0 %", "SET"), ("90.0 %", "L0 regularization")]
    boxes = [r.data_source.data for r in chart.renderers if "middle" in r.data_source.data]
    assert 82.5 in [each["middle"][0] for each in boxes]


def test_the_trade_off_has_a_close_view_where_runs_lie_far_below(make_run):
    paths = [make_run("dense", None, 0.97, 0)]
    paths += [make_run("set", t, 0.9 + t / 100, 0) for t in (0.5, 0.8, 0.9, 0.95)]
    (chart,) = charts.trade_off(aggregates_of(paths), "accuracy").select({"type": Plot})
    bands = [(each.bottom, each.top) for each in chart.select({"type": BoxAnnotation})]
    assert (97.0, 97.0) in bands
    paths.append(make_run("random_pruning", 0.9, 0.1, 0))
    whole, close = charts.trade_off(aggregates_of(paths), "accuracy").children
    assert close.y_range.start > 80 and whole.y_range != close.y_range
