"""What weights go with which masks: snapshots that a start may take, and that it may not."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training import ticket_checks
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.snapshot import Snapshot

HALF = np.arange(8).reshape(4, 2) % 2 == 0
QUARTER = np.arange(8).reshape(4, 2) % 4 == 0
WEIGHTS = {"a/kernel": np.ones((4, 2), "float32"), "b/kernel": np.ones((4, 2), "float32")}


def kept(masks, step=3, fixed=()):
    return Snapshot(step, tuple(WEIGHTS), WEIGHTS, masks, fixed=fixed)


def test_rewinding_takes_weights_of_networks_that_are_dense_or_have_always_been_sparse():
    ticket_checks.check_unpruned(kept({}), 3)
    ticket_checks.check_unpruned(kept({"a/kernel": np.ones((4, 2), bool)}), 3)
    ticket_checks.check_unpruned(kept({"a/kernel": HALF}, fixed=("a/kernel",)), 3)
    pruned = kept({"a/kernel": HALF, "b/kernel": np.ones((4, 2), bool)})
    for step in (0, "last"):
        ticket_checks.check_unpruned(pruned, step)
    with pytest.raises(ValueError, match=r"25\.00 % of zeros at step 3\. Give the dense run"):
        ticket_checks.check_unpruned(pruned, 3)


def test_masks_let_back_in_what_was_trained_alone():
    pruned = {"a/kernel": HALF}
    for masks in ({"a/kernel": HALF}, {"a/kernel": QUARTER}, {"b/kernel": HALF}):
        ticket_checks.check_trained(kept(pruned), masks)
    more = {"a/kernel": QUARTER | ~HALF, "b/kernel": HALF}
    ticket_checks.check_trained(kept({}), more)
    ticket_checks.check_trained(kept(pruned, step=0), more)
    with pytest.raises(ValueError, match="masks with 4 of those among 10 weights, step 3"):
        ticket_checks.check_trained(kept(pruned), more)


def test_a_file_says_which_masks_were_given(tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")]
    )
    model = sos.fix_masks(model, {"a/kernel": HALF})
    path = tmp_path / "step.npz"
    snapshot.save(path, snapshot.take(model, 3))
    assert snapshot.read(path).fixed == ("a/kernel",)
    with np.load(path) as archive:
        older = {name: array for name, array in archive.items() if name != "fixed"}
    np.savez(path, **older)
    assert snapshot.read(path).fixed == ()
