"""Snapshots: every variable once, by paths that do not depend on technique, backend or process."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.training.runs import snapshot

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
TECHNIQUES = {
    "dense": None,
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational dropout": lambda layer: sos.VariationalDropout(layer, kl_weight=0.1),
    "l0": lambda layer: sos.L0Regularization(layer, l0_weight=0.1),
}
# What numpy finds in an archive, in a process that can import nothing else.
READ = """
import sys
for name in ("keras", "tensorflow", "jax", "ml_dtypes", "state_of_sparsity"):
    sys.modules[name] = None
import numpy as np
with np.load(sys.argv[1], allow_pickle=False) as archive:
    for name in archive.files:
        array = archive[name]
        print(name, array.dtype.kind, float(np.sum(array)) if array.dtype.kind != "U" else "")
"""


def model():
    """Layers whose variables have all kinds of places."""
    inputs = keras.Input((5, 4))
    x = layers.Dense(4, name="dense")(inputs)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm"), name="both")(x)
    x = layers.GRU(4, return_sequences=True, dropout=0.1, name="gru")(x)
    x = layers.SpectralNormalization(layers.Dense(4, name="inner"), name="spectral")(x)
    block = keras.Sequential([keras.Input((5, 4)), layers.Dense(3, name="dense")], name="block")
    return keras.Model(inputs, layers.Dropout(0.1)(block(x)), name="whole")


@pytest.fixture(scope="module")
def dense():
    """Returns the snapshot of the dense model."""
    return snapshot.take(model(), 0)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_variable_is_there_once_by_the_same_path_whatever_the_technique(technique, dense):
    plain = model()
    expected = {id(v): v.numpy() for v in plain.variables if "seed" not in v.name}
    rule = TECHNIQUES[technique]
    sparse = plain if rule is None else sos.sparsify(plain, rule)
    taken = snapshot.take(sparse, 7)
    assert list(taken.weights) == list(dense.weights)
    assert len(taken.weights) == len(expected)
    found = sorted(array.tobytes() for array in taken.weights.values())
    assert found == sorted(array.tobytes() for array in expected.values())
    assert list(taken.kernels) == [row.path for row in sos.report(sparse).layers]
    assert taken.step == 7 and not taken.optimizer
    if rule is None:
        assert not (taken.masks or taken.values or taken.technique)
        return
    masks = sos.masks(sparse)
    assert list(taken.masks) == list(masks)
    for path, mask in masks.items():
        np.testing.assert_array_equal(taken.masks[path], mask)
    learned = {"variational dropout": "log_sigma2", "l0": "log_alpha"}.get(technique)
    kinds = {path.rpartition("/")[2].removeprefix("recurrent_") for path in taken.technique}
    assert bool(learned) == bool(taken.values) == bool(taken.technique)
    assert all(kind.endswith(learned) for kind in kinds)
    of_whole = {path: np.asarray(kernel) for path, kernel in _evaluated(sparse).items()}
    for path in taken.kernels:
        np.testing.assert_array_equal(taken.as_evaluated[path], of_whole[path], err_msg=path)


def _evaluated(sparse):
    stripped = sos.strip(sparse)
    return snapshot.take(stripped, 0).weights


def test_the_values_of_l0_are_weights_times_gates_and_the_weights_are_not():
    taken = snapshot.take(sos.sparsify(model(), TECHNIQUES["l0"]), 0)
    weights, values = taken.weights["dense/kernel"], taken.values["dense/kernel"]
    assert not np.allclose(weights, values, rtol=1e-3)
    ratio = values / weights
    assert ratio.min() > 0.5 and ratio.max() <= 1


def test_kernels_that_store_powers_are_kept_as_weights():
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
    expected = snapshot.take(plain, 0).weights
    form = {"reparametrization": sos.Powerpropagation(3)}
    sparse = sos.sparsify(plain, lambda layer: sos.MagnitudePruning(layer, HALF, **form))
    stored, found = sparse.get_layer("dense").layer.kernel, snapshot.take(sparse, 0).weights
    np.testing.assert_allclose(stored.numpy() ** 3, expected["dense/kernel"], rtol=1e-5)
    for path, array in expected.items():
        np.testing.assert_allclose(found[path], array, rtol=1e-5)


def test_layers_and_variables_of_one_name_have_paths_of_their_own():
    class TwoOfAName(layers.Layer):
        def build(self, input_shape):
            self.first = self.add_weight(name="w", shape=(input_shape[-1], 3))
            self.second = self.add_weight(name="w", shape=(3, 3))
            self.third = self.add_weight(shape=(3,))
            self.counter = self.add_weight(name="w", shape=(), trainable=False)

        def call(self, inputs):
            return inputs @ self.first @ self.second + self.third

    class Held(keras.Model):
        def __init__(self):
            super().__init__(name="held")
            self.in_list = [layers.Dense(3, name=name) for name in ("a", "a", "a_2")]
            self.in_dict = {"x": layers.Dense(3, name="a")}
            self.two = TwoOfAName(name="two")

        def call(self, inputs):
            for layer in (*self.in_list, *self.in_dict.values(), self.two):
                inputs = layer(inputs)
            return inputs

    plain = Held()
    plain(np.ones((2, 3), "float32"))
    taken = snapshot.take(plain, 0)
    assert sorted(taken.weights) == sorted(
        [f"{layer}/{name}" for layer in ("a", "a_2", "a_2_2", "a_3") for name in ("kernel", "bias")]
        + ["two/w", "two/w_2", "two/w_3", "two/third"]
    )
    assert len(taken.weights) == len(plain.variables)
    assert len(set(taken.kernels)) == 6
    sparse = sos.sparsify(plain, TECHNIQUES["magnitude"])
    assert len(sos.masks(sparse)) == 6
    assert list(snapshot.take(sparse, 0).weights) == list(taken.weights)


def test_a_tied_table_is_kept_once_by_the_name_of_the_first_layer():
    table = layers.Embedding(6, 4, name="words")

    class Tied(layers.Layer):
        def __init__(self):
            super().__init__(name="logits")
            self.table = table

        def call(self, inputs):
            return inputs @ keras.ops.transpose(keras.ops.convert_to_tensor(table.embeddings))

    inputs = keras.Input((3,), dtype="int32")
    tied = keras.Model(inputs, Tied()(layers.Dense(4, name="dense")(table(inputs))))
    taken = snapshot.take(tied, 0)
    assert sorted(taken.weights) == ["dense/bias", "dense/kernel", "words/embeddings"]


def test_numpy_alone_reads_a_file(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    half = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")], name="half")
    sparse = sos.sparsify(half, TECHNIQUES["magnitude"])
    sos.UpdateSparsity().update(sparse, 0)
    taken = snapshot.take(sparse, 3)
    path = tmp_path / "snapshots" / "step.npz"
    snapshot.save(path, taken)
    done = subprocess.run(
        [sys.executable, "-I", "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert {name: kind for name, (kind, *_) in lines.items()} == {
        "step": "i",
        "kernels": "U",
        "fixed": "U",
        "weights/dense/kernel": "f",
        "weights/dense/bias": "f",
        "masks/dense/kernel": "b",
    }
    assert float(lines["masks/dense/kernel"][-1]) == 6
    assert float(lines["step"][-1]) == 3
    read = snapshot.read(path)
    assert (read.step, read.kernels) == (3, ("dense/kernel",))
    assert read.weights["dense/kernel"].dtype == np.float32
    kernel = half.layers[0].kernel
    np.testing.assert_array_equal(read.weights["dense/kernel"], kernel.numpy().astype("float32"))
    assert sorted(p.name for p in path.parent.iterdir()) == ["step.npz"]


def test_a_snapshot_is_read_as_it_was_saved(tmp_path, dense):
    sparse = sos.sparsify(model(), TECHNIQUES["l0"])
    sparse.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)), "mse")
    sparse.optimizer.build(sparse.trainable_variables)
    taken = snapshot.take(sparse, 2**31, optimizer=True)
    assert len(taken.optimizer) == len(sparse.optimizer.variables)
    assert {"iteration", "iteration_2", "learning_rate"} <= taken.optimizer.keys()
    snapshot.save(tmp_path / "one.npz", taken)
    read = snapshot.read(tmp_path / "one.npz")
    assert (read.step, read.kernels) == (2**31, dense.kernels)
    for part in ("weights", "masks", "values", "technique", "optimizer"):
        saved, back = getattr(taken, part), getattr(read, part)
        assert list(saved) == list(back) and saved, part
        for name, array in saved.items():
            np.testing.assert_array_equal(array, back[name])
            assert array.dtype == back[name].dtype


def test_a_snapshot_is_a_copy():
    plain = model()
    kernel = plain.get_layer("dense").kernel
    taken, before = snapshot.take(plain, 0), kernel.numpy().copy()
    kernel.assign(kernel * 0)
    np.testing.assert_array_equal(taken.weights["dense/kernel"], before)


KERNEL = np.ones((2, 3), "float32")
GOOD = {"step": np.array(1), "kernels": np.array(["a/kernel"]), "weights/a/kernel": KERNEL}
DAMAGED = {
    "another shape than the weights": {"masks/a/kernel": np.ones((3, 2), bool)},
    "not Boolean": {"masks/a/kernel": KERNEL},
    "b/kernel": {"masks/b/kernel": np.ones((2, 3), bool)},
    "another shape": {"values/a/kernel": np.ones(6, "float32")},
    "step": {"step": np.array("many")},
}


@pytest.mark.parametrize("what", DAMAGED)
def test_an_archive_that_is_no_snapshot(tmp_path, what):
    path = tmp_path / "odd.npz"
    np.savez(path, **{**GOOD, **DAMAGED[what]})
    with pytest.raises(snapshot.SnapshotError, match="must be a snapshot of a run") as caught:
        snapshot.read(path)
    assert what in str(caught.value) or what == "step"
    np.savez(path, **GOOD)
    assert snapshot.read(path).step == 1


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "pickle", "folder"])
def test_a_damaged_file(tmp_path, damage):
    path = tmp_path / "step.npz"
    snapshot.save(path, snapshot.take(model(), 0))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("text")
    elif damage == "pickle":
        np.savez(path, **GOOD, **{"weights/b": np.array([{}], object)})
    else:
        path.unlink()
        if damage == "folder":
            path.mkdir()
    with pytest.raises(snapshot.SnapshotError, match="must be a snapshot of a run") as caught:
        snapshot.read(path, "Do something.")
    assert str(path) in str(caught.value) and str(caught.value).endswith("Do something.")
