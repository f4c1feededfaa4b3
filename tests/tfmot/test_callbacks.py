"""`PruningSummaries` writes the sparsity and threshold of each weight for TensorBoard."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity import tfmot


def scalars(folder):
    """Returns `{tag: {step: value}}` of the event files in a folder."""
    import tensorflow as tf

    found = {}
    for path in sorted(folder.glob("events.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, {})[event.step] = number
    return found


def test_every_weight_is_in_the_summaries(tmp_path):
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=2, frequency=1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, name="dense")])
    sparse = tfmot.sparsity.keras.prune_low_magnitude(model, schedule)
    sparse.compile("sgd", "mse")
    callbacks = [
        tfmot.sparsity.keras.UpdatePruningStep(),
        tfmot.sparsity.keras.PruningSummaries(log_dir=str(tmp_path)),
    ]
    x = np.random.default_rng(0).normal(size=(8, 8))
    sparse.fit(x, x[:, :2], batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
    found = scalars(tmp_path / "metrics")
    name = "prune_low_magnitude_dense/kernel"
    assert found[f"{name}/sparsity"] == {0: 0.0, 2: 0.5, 4: 0.5}
    assert found[f"{name}/threshold"][0] == 0 < found[f"{name}/threshold"][4]


def test_the_folder_must_have_a_name():
    with pytest.raises(ValueError, match="`log_dir` must be the name of a folder"):
        tfmot.sparsity.keras.PruningSummaries(log_dir="")


@pytest.mark.parametrize("fitted", [False, True])
def test_the_loop_of_the_guide_prunes(fitted):
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.9, 0, 20, frequency=1)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(20, name="dense")])
    sparse = tfmot.sparsity.keras.prune_low_magnitude(model, schedule)
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build(sparse.trainable_variables)
    if fitted:
        before = tfmot.sparsity.keras.UpdatePruningStep()
        sparse.compile(optimizer, "mse")
        with pytest.warns(UserWarning, match="does not reach its final value"):
            sparse.fit(np.ones((4, 8)), np.ones((4, 20)), verbose=0, callbacks=[before])
        sparse.optimizer = None
    callback = tfmot.sparsity.keras.UpdatePruningStep()
    callback.set_model(sparse)
    with pytest.raises(ValueError, match=r"`model` must have an `optimizer`, which counts"):
        callback.on_train_begin()
    sparse.optimizer = optimizer
    callback.on_train_begin()
    found = []
    for _ in range(20):
        callback.on_train_batch_begin(batch=-1)
        found.append(sos.report(sparse).sparsity)
        optimizer.apply([keras.ops.ones(v.shape) for v in sparse.trainable_variables])
    callback.on_epoch_end(batch=-1)
    expected = [schedule(min(step + fitted, 20))[1] for step in range(21)]
    np.testing.assert_allclose([*found, sos.report(sparse).sparsity], expected, atol=0.01)
