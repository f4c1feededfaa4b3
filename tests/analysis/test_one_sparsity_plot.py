import matplotlib.image
import numpy as np
from matplotlib.colors import to_rgb

from state_of_sparsity.analysis import one_sparsity_plot, plots, results


def test_every_curve_has_a_row_in_its_colour(make_run, tmp_path):
    paths = [make_run("dense", None, 0.97, 0)]
    for seed in (0, 1):
        paths.append(make_run("magnitude_pruning", 0.98, 0.95 - 0.01 * seed, seed))
        for start in ("fine_tuning", "lottery_ticket", "scratch"):
            accuracy = 0.8 - 0.1 * seed - 0.01 * len(start)
            run = make_run("fixed_mask", 0.98, accuracy, seed, model=start, start=start)
            paths.append(run)
    aggregates = results.aggregate(results.read_runs(paths)[0], "accuracy")
    assert one_sparsity_plot.fits(aggregates)
    path = tmp_path / "plot.png"
    assert one_sparsity_plot.draw(aggregates, "accuracy", path) == path
    image = matplotlib.image.imread(path)
    styles = plots.curve_styles(a.curve for a in aggregates if a.technique != "dense")
    assert len(styles) == 4
    of_text = ("#000000", "#7F7F7F")
    colors = [color for color, _ in styles.values() if color not in of_text]
    assert len(colors) == 2
    for color in colors:
        rows = (np.abs(image[..., :3] - to_rgb(color)).max(-1) < 0.01).sum(1).nonzero()[0]
        assert 0 < np.ptp(rows) < image.shape[0] / 6


def test_one_curve_and_several_sparsities_are_a_trade_off(make_run):
    one = [make_run("magnitude_pruning", 0.9, 0.9, seed) for seed in (0, 1)]
    other = make_run("random_pruning", 0.5, 0.9, 0)
    for paths in (one, [*one, other]):
        runs = results.aggregate(results.read_runs(paths)[0], "accuracy")
        assert not one_sparsity_plot.fits(runs)
