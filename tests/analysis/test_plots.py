import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from state_of_sparsity.analysis import plots, results


def pixels_of(image, color):
    return int((np.abs(image[..., :3] - to_rgb(color)).max(-1) < 0.01).sum())


def test_trade_off_shows_every_technique_in_its_colour(make_run, tmp_path):
    paths = [make_run("dense", None, 0.97, s) for s in (0, 1)]
    for technique, drop in (("magnitude_pruning", 0.01), ("random_pruning", 0.1), ("mine", 0.2)):
        for target in (0.5, 0.9, 0.98):
            paths += [make_run(technique, target, 0.97 - drop * (1 + s), s) for s in (0, 1)]
    paths.append(make_run("l0_regularization", None, 0.1, 0, sparsity=1.0))  # nothing left
    runs, _ = results.read_runs(paths)
    path = tmp_path / "trade_off.png"
    assert plots.trade_off(results.aggregate(runs, "accuracy"), "accuracy", path) == path
    image = matplotlib.image.imread(path)
    assert image.shape[1] >= 1000
    curves = {a.curve for a in results.aggregate(runs, "accuracy")} - {"Dense"}
    styles = plots.curve_styles(curves)
    assert len({color for color, _ in styles.values()}) == len(styles) == 4
    for color, _ in styles.values():
        assert pixels_of(image, color) > 100
    assert list(tmp_path.glob(".tmp*")) == []


def test_points_of_a_technique_can_be_left_unjoined(make_run, tmp_path):
    runs, _ = results.read_runs(
        [make_run("random_pruning", target, 0.9 - target / 2, 0) for target in (0.2, 0.9)]
    )
    aggregates, (color, _) = results.aggregate(runs, "accuracy"), plots._STYLES["Random pruning"]
    joined, unjoined = (
        matplotlib.image.imread(
            plots.trade_off(aggregates, "accuracy", tmp_path / "a.png", unjoined=curves)
        )
        for curves in ((), ("Random pruning",))
    )
    assert 0 < pixels_of(unjoined, color) < pixels_of(joined, color) / 2


@pytest.mark.parametrize("kernels", [3, 30])
def test_sparsity_by_layer(tmp_path, kernels):
    rows = [
        {"path": f"layer_{i}/kernel", "technique": "X", "size": 100, "nonzero": 10 + i}
        for i in range(kernels)
    ]
    rows[0] = {**rows[0], "technique": "dense", "nonzero": 100}
    layers = {"Magnitude pruning": rows, "Variational dropout": rows}
    path = plots.sparsity_by_layer(layers, tmp_path / "layers.png")
    image = matplotlib.image.imread(path)
    for color, _ in plots.curve_styles(layers).values():
        assert pixels_of(image, color) > 1000


def test_a_technique_has_the_same_style_in_every_plot():
    known = [name for name in plots._STYLES if "uniform" not in name]
    names = [*known, *(f"Mine {i}" for i in range(12))]
    few, many = plots.curve_styles(["Random pruning"]), plots.curve_styles(names)
    assert few["Random pruning"] == many["Random pruning"]
    assert len(set(many.values())) == len(many)


@pytest.mark.parametrize(("lowest", "panels"), [(0.1, 2), (0.75, 1)])
def test_a_second_panel_is_where_it_shows_more(make_run, tmp_path, monkeypatch, lowest, panels):
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    paths = [
        make_run("magnitude_pruning", target, accuracy, 0)
        for target, accuracy in ((0.5, 0.9), (0.8, 0.85), (0.9, 0.8), (0.98, lowest))
    ]
    aggregates = results.aggregate(results.read_runs(paths)[0], "accuracy")
    plots.trade_off(aggregates, "accuracy", tmp_path / "a.png")
    assert len(figures[0].axes) == panels


@pytest.mark.parametrize("seed", range(5))
def test_the_close_panel_cuts_no_bar(make_run, seed):
    generator = np.random.default_rng(seed)
    paths = [
        make_run("magnitude_pruning", target, accuracy, s)
        for target in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
        for s, accuracy in enumerate(generator.uniform(0.9 - target / 2, 0.9, size=3))
    ]
    aggregates = results.aggregate(results.read_runs(paths)[0], "accuracy")
    low, high = plots.close_limits(aggregates, 100.0)
    shown = [a for a in aggregates if 100 * a.max > low]
    assert len(shown) >= 3 * len(aggregates) / 4
    assert all(low < 100 * a.min and 100 * a.max < high for a in shown)


@pytest.mark.parametrize("value", [0.9, 0.0, -1e-300, 9e99])
def test_equal_values_have_limits_too(make_run, value):
    runs, _ = results.read_runs([make_run("dense", None, 0.9, s, bleu=value) for s in range(2)])
    low, high = plots.close_limits(results.aggregate(runs, "bleu"), 1.0)
    assert low < value < high


def test_plots_are_also_svg_and_pdf_and_equal_plots_are_equal_files(make_run, tmp_path):
    runs, _ = results.read_runs([make_run("dense", None, 0.9, 0), make_run("$\\frac", 0.5, 0.8, 0)])
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        plots.trade_off(results.aggregate(runs, "accuracy"), "accuracy", tmp_path / name / "c.png")
        files.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert sorted(files[0]) == ["c.pdf", "c.png", "c.svg"] and files[0] == files[1]
    assert files[0]["c.svg"].startswith(b"<?xml") and files[0]["c.pdf"].startswith(b"%PDF")
