import matplotlib.image
import numpy as np
from matplotlib.colors import to_rgb

from state_of_sparsity.analysis import interpolation_plot
from state_of_sparsity.analysis.interpolation import Curve

ALPHA = (0.0, 0.5, 1.0)


def curves(height):
    return [
        Curve(split, figure, ALPHA, (0.1, height, 0.2))
        for split in ("train", "test")
        for figure in ("loss", "error")
    ]


def pixels_of(image, color):
    return int((np.abs(image[..., :3] - to_rgb(color)).max(-1) < 0.01).sum())


def test_each_pair_has_a_colour_in_each_panel(tmp_path):
    path = tmp_path / "lines.png"
    lines = {"k = 0": curves(0.9), "k = $100": curves(0.3)}
    assert interpolation_plot.plot(lines, path, ("a", "b"), "A title") == path
    image = matplotlib.image.imread(path)
    half = image.shape[1] // 2
    for color in interpolation_plot._COLORS[: len(lines)]:
        assert pixels_of(image[:, :half], color) > 200
        assert pixels_of(image[:, half:], color) > 200
    assert pixels_of(image, interpolation_plot._COLORS[2]) == 0
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".pdf", ".png", ".svg"]


def test_loss_alone_is_one_panel(tmp_path):
    both, alone = (
        matplotlib.image.imread(interpolation_plot.plot({"": own}, tmp_path / f"{i}.png"))
        for i, own in enumerate((curves(0.9), curves(0.9)[::2]))
    )
    assert alone.shape[1] < 0.6 * both.shape[1]
