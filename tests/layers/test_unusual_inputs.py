"""Inputs that are no plain tensors of floats: each technique takes and refuses what Keras does."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.slow_variants import slow_but

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
TECHNIQUES = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, HALF),
    "variational dropout": lambda layer: sos.VariationalDropout(
        layer, 0.0, initial_log_sigma2=-60, clip_log_alpha=None
    ),
    "variational dropout of positions": lambda layer: sos.VariationalDropout(
        layer, 0.0, initial_log_sigma2=-60, clip_log_alpha=None, share_positions=False
    ),
    "l0": lambda layer: sos.L0Regularization(layer, 0.0, 1 - 1e-9),
}
LAYERS = {
    "embedding": lambda: keras.layers.Embedding(7, 3),
    "masking embedding": lambda: keras.layers.Embedding(7, 3, mask_zero=True),
    "reversible embedding": lambda: keras.layers.ReversibleEmbedding(7, 3),
    "dense": lambda: keras.layers.Dense(3, activation="tanh"),
    "einsum": lambda: keras.layers.EinsumDense("ab,bc->ac", 3, bias_axes="c"),
}


def indices(tf):
    return tf.ragged.constant([[1, 2, 3], [4], [5, 6]])


def vectors(tf):
    values = tf.constant(np.random.default_rng(0).normal(size=(6, 4)), "float32")
    return tf.RaggedTensor.from_row_splits(values, [0, 3, 4, 6])


def sparse_rows(tf):
    return tf.sparse.from_dense(np.eye(3, 4, dtype="float32") * [1.0, 2.0, 3.0, 4.0])


INPUTS = {
    "ragged indices": indices,
    "ragged vectors": vectors,
    "sparse": sparse_rows,
    "integers": lambda tf: tf.constant([[1, 2], [3, 4]]),
    "floats for indices": lambda tf: tf.constant([[1.0, 2.0]]),
    "strings": lambda tf: tf.constant([["a", "b"]]),
}


def array(outputs):
    """Returns the values of a tensor, ragged or not."""
    return np.asarray(getattr(outputs, "flat_values", outputs))


def outcome(run):
    """Returns what a call returns, or the class of what it raises."""
    try:
        return run()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("technique", slow_but(["magnitude", "variational dropout"], TECHNIQUES))
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("given", INPUTS)
def test_an_input_is_taken_or_refused_as_by_the_plain_layer(given, kind, technique):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tensors of TensorFlow")
    inputs = INPUTS[given](tf)
    layer = LAYERS[kind]()
    plain = outcome(lambda: layer(inputs))
    if isinstance(plain, type):
        layer = LAYERS[kind]()
        wrapper = TECHNIQUES[technique](layer)
        assert outcome(lambda: wrapper(inputs, training=True)) is plain
        return
    wrapper = TECHNIQUES[technique](layer)
    wrapper._driven = True
    for training in (False, True):
        outputs = wrapper(inputs, training=training)
        assert type(outputs) is type(plain)
        np.testing.assert_allclose(array(outputs), array(plain), atol=2e-3)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_model_of_ragged_inputs_is_trained(technique):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tensors of TensorFlow")
    inputs = keras.Input((None,), dtype="int32", ragged=True)
    outputs = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(7, 3)(inputs))
    model = sos.sparsify(keras.Model(inputs, keras.layers.Dense(1)(outputs)), TECHNIQUES[technique])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = model.layers[1].layer.embeddings.numpy()
    fitted = model.fit(
        indices(tf),
        np.ones((3, 1)),
        epochs=2,
        verbose=0,
        callbacks=[sos.UpdateSparsity()],
    )
    assert np.isfinite(fitted.history["loss"]).all()
    assert (model.layers[1].layer.embeddings.numpy() != before).any()


def test_noise_of_a_ragged_lookup_has_the_posteriors_variance():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tensors of TensorFlow")
    layer = keras.layers.Embedding(7, 4000)
    layer.build((None, 2))
    wrapper = sos.VariationalDropout(
        layer, 0.0, initial_log_sigma2=-2.0, clip_log_alpha=None, seed=1
    )
    noise = array(wrapper(indices(tf), training=True)) - array(layer(indices(tf)))
    np.testing.assert_allclose(noise.var(axis=-1), np.exp(-2.0), rtol=0.15)


def test_variance_of_a_sparse_input_is_that_of_the_dense_one():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tensors of TensorFlow")
    layer = keras.layers.Dense(5)
    layer.build((None, 4))
    wrapper = sos.VariationalDropout(layer, 0.0, initial_log_sigma2=-2.0, seed=1)
    sparse = sparse_rows(tf)
    outputs = []
    for inputs in (sparse, tf.sparse.to_dense(sparse)):
        wrapper.seed_generator.state.assign([0, 0])
        outputs.append(array(wrapper(inputs, training=True)))
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)
