"""What is said of runs that cannot be begun from, and how their arrays find their variables."""

import functools
import json
import re

import keras
import numpy as np
import pytest
from keras import layers

from state_of_sparsity.training import kept_state
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.runs.snapshot import Snapshot, SnapshotError


def model(units=3, names=(None, None)):
    first, second = names
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(units, name=first),
            layers.BatchNormalization(),
            layers.Dense(units, name=second),
        ],
        name="model",
    )


@pytest.fixture
def run(tmp_path):
    """Returns the directory of a run of 8 steps that has not finished, and its last snapshot."""
    run_dir = RunDir(tmp_path / "runs" / "seed_3")
    run_dir.start("")
    taken = snapshot.take(model(names=("a", "b")), 8)
    for step in (0, 4, 8):
        snapshot.save(run_dir.snapshot(step), Snapshot(step, taken.kernels, taken.weights, {}))
    return run_dir


def finish(run_dir):
    run_dir.finish({"technique": "dense", "sparsity": 0.0, "steps": 8})


def read(run_dir, step, path=None):
    return kept_state.read(run_dir.path if path is None else path, 3, step, "weights_of")


def test_steps_of_a_run(run):
    assert [read(run, step).step for step in (0, 4, 8)] == [0, 4, 8]
    finish(run)
    assert read(run, "last").step == 8
    assert read(run, 4, str(run.path.parent / "seed_{seed}")).step == 4


def test_no_run(run, tmp_path):
    message = "`weights_of` must be the directory of a run .*Received: .*seed_4, which is none"
    with pytest.raises(SnapshotError, match=message):
        kept_state.read(run.path.parent / "seed_{seed}", 4, 0, "weights_of")


def test_a_run_that_is_not_finished(run):
    with pytest.raises(SnapshotError, match=r"must be a finished run.*Start its training again"):
        read(run, "last")


def test_a_step_that_is_not_kept(run):
    (run.snapshots / "step_of_my_own.npz").touch()
    with pytest.raises(SnapshotError, match=r"kept step 5\..*has kept 0, 4, 8\. Choose"):
        read(run, 5)
    for path in run.snapshots.iterdir():
        path.unlink()
    with pytest.raises(SnapshotError, match=r"which has kept none\."):
        read(run, 0)


def test_damaged_files_of_a_run(run):
    run.snapshot(4).write_bytes(run.snapshot(4).read_bytes()[:50])
    with pytest.raises(SnapshotError, match=r"step_00000004\.npz must be a snapshot"):
        read(run, 4)
    run.result.write_text(json.dumps({"steps": "many"}))
    with pytest.raises(Exception, match=r"result\.json"):
        read(run, "last")


def test_layers_without_a_name_are_found_by_their_order():
    source = snapshot.take(model(), 0)
    kernels = source.kernels
    masks = {path: np.eye(*source.weights[path].shape) > 0 for path in reversed(kernels)}
    values = {kernels[1]: source.weights[kernels[1]]}
    source = Snapshot(0, kernels, source.weights, masks, values, fixed=kernels[:1])
    other = model()
    now = snapshot.take(other, 0)
    assert not set(source.weights) & set(now.weights)
    found = kept_state.fitted(other, source, "`weights_of`")
    assert list(found.weights) == list(now.weights) and found.kernels == now.kernels
    for theirs, ours in zip(source.weights, now.weights, strict=True):
        np.testing.assert_array_equal(found.weights[ours], source.weights[theirs])
    for theirs, ours in zip(kernels, now.kernels, strict=True):
        np.testing.assert_array_equal(found.masks[ours], masks[theirs])
    assert found.values.keys() == {now.kernels[1]} and found.fixed == now.kernels[:1]


def test_a_model_alike_takes_the_snapshot_as_it_is():
    named = functools.partial(model, names=("a", "b"))
    plain = keras.Sequential(named().layers[:1], name="model")
    plain.build((None, 4))
    source = snapshot.take(plain, 0)
    assert kept_state.fitted(plain, source, "") is source


@pytest.mark.parametrize(
    ("there", "here", "message"),
    [
        (
            {"units": 3},
            {"units": 4},
            "'a/kernel' of shape (4, 3) where .* 'a/kernel' of shape (4, 4)",
        ),
        (
            {},
            {"names": ("a", "c")},
            "'b/kernel' of shape (3, 3) where .* 'c/kernel' of shape (3, 3)",
        ),
        (
            {"names": ("b", "a")},
            {},
            "'b/kernel' of shape (4, 3) where .* 'a/kernel' of shape (4, 3)",
        ),
    ],
)
def test_a_run_of_another_model(there, here, message):
    names = {"names": ("a", "b")}
    source = snapshot.take(model(**names | there), 0)
    one, other = map(re.escape, message.split(" .* "))
    message = f"`masks_of` must be a run of a model like this one, 'model'.*{one}.*{other}"
    with pytest.raises(ValueError, match=message):
        kept_state.fitted(model(**names | here), source, "`masks_of`")


def test_a_run_of_a_model_with_fewer_layers():
    longer = keras.Sequential([*model(names=("a", "b")).layers, layers.Dense(2, name="c")])
    longer.build((None, 4))
    source = snapshot.take(model(names=("a", "b")), 0)
    with pytest.raises(ValueError, match="no variable more where this one has 'c/kernel'"):
        kept_state.fitted(longer, source, "`masks_of`")
