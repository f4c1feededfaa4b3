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
    styles = plots.technique_styles({run.technique for run in runs} - {"dense"})
    assert len({color for color, _ in styles.values()}) == len(styles) == 4
    for color, _ in styles.values():
        assert pixels_of(image, color) > 100
    assert list(tmp_path.glob(".tmp*")) == []


def test_points_of_a_technique_can_be_left_unjoined(make_run, tmp_path):
    runs, _ = results.read_runs(
        [make_run("random_pruning", target, 0.9 - target / 2, 0) for target in (0.2, 0.9)]
    )
    aggregates, (color, _) = results.aggregate(runs, "accuracy"), plots._STYLES["random_pruning"]
    joined, unjoined = (
        matplotlib.image.imread(
            plots.trade_off(aggregates, "accuracy", tmp_path / "a.png", unjoined=techniques)
        )
        for techniques in ((), ("random_pruning",))
    )
    assert 0 < pixels_of(unjoined, color) < pixels_of(joined, color) / 2


@pytest.mark.parametrize("kernels", [3, 30])
def test_sparsity_by_layer(tmp_path, kernels):
    rows = [
        {"path": f"layer_{i}/kernel", "technique": "X", "size": 100, "nonzero": 10 + i}
        for i in range(kernels)
    ]
    rows[0] = {**rows[0], "technique": "dense", "nonzero": 100}
    layers = {"magnitude_pruning": rows, "variational_dropout": rows}
    path = plots.sparsity_by_layer(layers, tmp_path / "layers.png")
    image = matplotlib.image.imread(path)
    for color, _ in plots.technique_styles(layers).values():
        assert pixels_of(image, color) > 1000


def test_a_technique_has_the_same_style_in_every_plot():
    few, many = (plots.technique_styles(t) for t in (["random_pruning"], plots._STYLES))
    assert few["random_pruning"] == many["random_pruning"]
    assert len(set(many.values())) == len(many)
