"""The scripts that draw the pictures of the gallery, on small tables and a few steps."""

import pathlib

import numpy as np
import pytest

from tests.script_folder import imported_as_a_script

ROOT = pathlib.Path(__file__).parents[2]
LAYERS = {"whitening/kernel": 10, "convolution_1/kernel": 100, "logits/kernel": 50}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def scripts(monkeypatch):
    with imported_as_a_script(monkeypatch, ROOT / "studies/pictures"):
        yield


def row(technique, setting, seed, left, accuracy=0.8, **more):
    """Returns a run of a table, which leaves these shares of the weights of `LAYERS`."""
    kernels = [
        {"path": path, "nonzero": round(size * share), "size": size}
        for (path, size), share in zip(LAYERS.items(), (1, *left), strict=True)
    ]
    of_all = 1 - sum(k["nonzero"] for k in kernels) / sum(LAYERS.values())
    return {
        "run": f"{technique}/{setting}_seed_{seed}",
        "name": technique.replace("_", " "),
        "technique": technique,
        "seed": seed,
        "sparsity": of_all,
        "target_sparsity": None,
        "accuracy": accuracy,
        "kernels": kernels,
        **more,
    }


ROWS = [
    row("dense", "", 0, (1, 1), 0.9),
    *(row("variational_dropout", "kl_weight_1e-5", seed, (0.05 + 0.02 * seed, 0.4), 0.8 + seed / 50)
      for seed in (0, 1)),
    row("variational_dropout", "kl_weight_1e-6", 0, (0.5, 0.6)),
    row("random_pruning", "sparsity_0.8", 0, (0.1, 0.1), distribution="uniform"),
    row("l0_regularization", "l0_weight_1e-9", 0, (1, 0.9)),
]  # fmt: skip


def test_each_technique_has_the_setting_nearest_to_the_sparsity(scripts):
    import zeros_by_layer

    found = zeros_by_layer.nearest_runs(ROWS, 0.8)
    # L0 regularization is near nowhere; dense has no zeros.
    assert {title: len(runs) for title, runs in found.items()} == {
        "Variational dropout": 2,
        "Random pruning, uniform": 1,
    }
    shares = zeros_by_layer.shares_left(found["Variational dropout"])
    # The mean over seeds, without what no technique touches.
    assert shares == pytest.approx({"convolution_1/kernel": 0.06, "logits/kernel": 0.4})


def test_one_class_under_two_names_is_two_techniques(scripts):
    import zeros_by_layer

    rows = [
        row("rigl", "sparsity_0.8", 0, (0.1, 0.1), name="grow and prune"),
        row("rigl", "sparsity_0.8_", 0, (0.1, 0.1), name="RigL"),
    ]
    assert set(zeros_by_layer.nearest_runs(rows, 0.8)) == {"RigL (grow and prune)", "RigL"}


def test_the_picture_of_zeros_is_written(scripts, tmp_path):
    import zeros_by_layer

    zeros_by_layer.draw(ROWS, 0.8, "a network", tmp_path / "zeros.png")
    assert (tmp_path / "zeros.png").read_bytes().startswith(PNG)


def test_the_trade_off_is_written(scripts, tmp_path):
    import trade_off

    found = trade_off.aggregates(ROWS, trade_off.METRIC)
    trade_off.draw(found, "a network", tmp_path / "trade_off.png")
    assert (tmp_path / "trade_off.png").read_bytes().startswith(PNG)


def test_weights_are_drawn_as_tiles(scripts):
    import pruned_weights

    weights = np.zeros((64, 5))
    weights[0, 0], weights[63, 3], weights[9, 1] = 1, -1, np.nan
    picture = pruned_weights.tiles(weights, rows=2, columns=2, limit=1)
    assert picture.shape == (17, 17, 3)
    red, blue, gone = picture[16, 16], picture[0, 0], picture[1, 10]
    assert blue[2] > blue[0] and red[0] > red[2]
    np.testing.assert_allclose(gone, 0.86, atol=0.01)
    np.testing.assert_allclose(picture[8], 1)  # between tiles


def test_the_frames_are_those_of_a_network_that_is_pruned(scripts, tmp_path):
    import pruned_weights
    from PIL import Image

    from state_of_sparsity.data.images.digits import Digits

    frames = pruned_weights.train(Digits(batch_size=64), steps=32)
    steps, accuracies, weights = zip(*frames, strict=True)
    gone = [np.isnan(each).mean() for each in weights]
    assert steps[0] == 0 and steps[-1] == 32 and gone == sorted(gone)
    assert (gone[0], gone[-1]) == (0, pytest.approx(0.95, abs=0.001))
    assert all(0 <= accuracy <= 1 for accuracy in accuracies)
    pruned_weights.draw_strip(frames, tmp_path / "strip.png")
    assert (tmp_path / "strip.png").read_bytes().startswith(PNG)
    pruned_weights.draw_frames(frames[:3], tmp_path / "frames.gif")
    with Image.open(tmp_path / "frames.gif") as animation:
        assert (animation.format, animation.n_frames) == ("GIF", 3)
