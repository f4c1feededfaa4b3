import keras
import numpy as np
import pytest

from state_of_sparsity.training import interpolation
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import network, small_experiment


class Batches(keras.utils.PyDataset):
    """One batch."""

    def __init__(self, *batch):
        super().__init__()
        self._batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self._batch


@pytest.fixture(scope="module")
def toy():
    """Returns a linear model, data, and two sets of weights; its loss on a line is a parabola."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20, 3)).astype("float32")
    y = generator.normal(size=(20, 1)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="dense")])
    ends = [
        {
            "dense/kernel": generator.normal(size=(3, 1)).astype("float32"),
            "dense/bias": generator.normal(size=1).astype("float32"),
        }
        for _ in range(2)
    ]
    return model, (x, y), tuple(ends)


def loss_at(data, ends, alpha):
    first, second = ends
    kernel, bias = ((1 - alpha) * first[path] + alpha * second[path] for path in first)
    return np.mean((data[0] @ kernel + bias - data[1]) ** 2)


def test_the_loss_of_a_linear_model_is_a_parabola(toy):
    model, data, ends = toy
    alphas = interpolation.places(-0.2, 1.2, 8)
    splits = {"train": Batches(*data), "test": Batches(data[0][:5], data[1][:5])}
    rows = [*interpolation.on_line(model, ends, alphas, splits, "mse", ["mae"])]
    assert [row["alpha"] for row in rows if row["split"] == "train"] == alphas
    for row in rows:
        own = data if row["split"] == "train" else (data[0][:5], data[1][:5])
        np.testing.assert_allclose(row["loss"], loss_at(own, ends, row["alpha"]), rtol=1e-5)
        assert row["mae"] > 0
    losses = [row["loss"] for row in rows if row["split"] == "train"]
    assert np.ptp(np.diff(losses, 2)) < 1e-4 * max(losses)


def test_one_mask_on_both_ends(toy):
    model, data, ends = toy
    masks = {"dense/kernel": np.array([[True], [False], [True]])}
    sparse = tuple(interpolation.masked(end, masks) for end in ends)
    assert all(end["dense/kernel"][1] == 0 for end in sparse)
    rows = interpolation.on_line(model, sparse, [0.3], {"test": Batches(*data)}, "mse", [])
    np.testing.assert_allclose(next(rows)["loss"], loss_at(data, sparse, 0.3), rtol=1e-5)
    assert loss_at(data, sparse, 0.3) != pytest.approx(loss_at(data, ends, 0.3), rel=0.01)


def test_each_place_is_prepared(toy):
    model, data, ends = toy
    seen = []

    def prepare(model):
        seen.append(float(keras.ops.convert_to_numpy(model.layers[-1].bias)[0]))
        model.layers[-1].bias.assign([0.0])

    splits = {"train": Batches(*data), "test": Batches(*data)}
    rows = [*interpolation.on_line(model, ends, [0, 1], splits, "mse", [], prepare)]
    assert seen == [float(end["dense/bias"][0]) for end in ends]
    without = tuple({**end, "dense/bias": np.zeros(1)} for end in ends)
    np.testing.assert_allclose(rows[-1]["loss"], loss_at(data, without, 1), rtol=1e-5)


def test_counts_are_the_first_ones():
    ends = {"count": np.array(3)}, {"count": np.array(8)}
    assert interpolation.between(*ends, 0.5) == {"count": 3}


@pytest.mark.parametrize(
    ("first", "last", "points", "found"),
    [
        (0, 1, 2, [0, 1]),
        (0, 1, 3, [0, 0.5, 1]),
        (-1, 2, 2, [-1, 0, 1, 2]),
        (-0.2, 1.2, 8, [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1, 1.2]),
    ],
)
def test_places(first, last, points, found):
    assert interpolation.places(first, last, points) == found


def normalized_network():
    *layers, logits = network().layers
    normalization = keras.layers.BatchNormalization(name="normalization")
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, normalization, logits])


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
@pytest.mark.parametrize(
    ("technique", "made"),
    [
        ("magnitude_pruning", normalized_network),
        pytest.param("l0_regularization", network, marks=pytest.mark.slow),
    ],
)
def test_a_plain_model_with_the_last_snapshot_gives_the_result_of_a_run(technique, made, tmp_path):
    experiment, run_dir = small_experiment(technique, model=made), RunDir(tmp_path)
    run_dir.start("the configuration")
    result = train(experiment, experiment.build(), run_dir, verbose=False)
    model = interpolation.plain_model(experiment)
    end = snapshot.read(run_dir.snapshot(result["steps"])).as_evaluated
    splits, measured = {"test": experiment.data.test()}, (experiment.loss, experiment.metrics)
    row = next(interpolation.on_line(model, (end, end), [1.0], splits, *measured))
    assert row["accuracy"] == result["accuracy"]
    assert row["loss"] == pytest.approx(result["loss"], rel=1e-6)
