"""The Transformer compiled by XLA, and in mixed precision."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.models.small_transformer import SENTENCES, TARGET, small_transformer

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
WEIGHTS = (TARGET != 0).astype("float32")
NO_DROPOUT = dict.fromkeys(("prepostprocess_dropout", "attention_dropout", "relu_dropout"), 0)


def compiled(model, **arguments):
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **arguments,
    )
    return model


def steps(model):
    """Returns the losses of two steps of training, of evaluation, and the logits after them."""
    losses = [model.train_on_batch(SENTENCES, TARGET, sample_weight=WEIGHTS) for _ in range(2)]
    losses.append(model.test_on_batch(SENTENCES, TARGET, sample_weight=WEIGHTS))
    return [float(loss) for loss in losses], model.predict_on_batch(SENTENCES)


@pytest.mark.slow
def test_training_with_dropout_and_pruning_compiles():
    model = sos.sparsify(small_transformer(), lambda layer: sos.MagnitudePruning(layer, HALF))
    sos.UpdateSparsity().update(model, 0)
    compiled(model, jit_compile=True)
    losses = [model.train_on_batch(SENTENCES, TARGET, sample_weight=WEIGHTS) for _ in range(2)]
    assert np.isfinite(losses).all() and losses[0] != losses[1]


@pytest.mark.slow
def test_compiled_steps_are_those_of_eager_mode():
    plain, jitted = (small_transformer(**NO_DROPOUT) for _ in range(2))
    jitted.set_weights(plain.get_weights())
    losses, logits = steps(compiled(plain, run_eagerly=True))
    jitted_losses, jitted_logits = steps(compiled(jitted, jit_compile=True))
    np.testing.assert_allclose(jitted_losses, losses, rtol=1e-4)
    np.testing.assert_allclose(jitted_logits, logits, atol=1e-4)


def test_mixed_precision():
    model = small_transformer(**NO_DROPOUT)
    keras.config.set_dtype_policy("mixed_bfloat16")
    mixed = small_transformer(**NO_DROPOUT)
    mixed.set_weights(model.get_weights())
    logits = mixed(SENTENCES)
    assert keras.backend.standardize_dtype(logits.dtype) == mixed.output.dtype == "float32"
    assert mixed.get_layer("encoder_normalization").output.dtype == "bfloat16"
    difference = np.abs(logits - model(SENTENCES))[TARGET != 0]
    # bfloat16 has 8 bits: rounded sums differ by some 2^-8 of logits of size 3.
    assert 1e-4 < difference.max() < 0.1
    assert {w.dtype for w in mixed.trainable_weights} == {"float32"}


@pytest.mark.parametrize(
    "technique",
    [
        lambda layer: sos.MagnitudePruning(layer, HALF),
        lambda layer: sos.VariationalDropout(layer, kl_weight=1e-3),
    ],
)
def test_sparse_training_in_mixed_precision(technique):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = sos.sparsify(small_transformer(), technique)
    sos.UpdateSparsity().update(model, 0)
    losses, logits = steps(compiled(model, run_eagerly=True))
    assert np.isfinite(losses).all()
    assert logits.dtype == np.float32
