"""Every technique on a Transformer: what is wrapped, training, the shared matrix, saving."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests import reference
from tests.models.small_transformer import SENTENCES, TARGET, small_transformer
from tests.slow_variants import slow_but

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
TECHNIQUES = {
    "magnitude_pruning": lambda layer: sos.MagnitudePruning(layer, HALF),
    "random_pruning": lambda layer: sos.RandomPruning(layer, HALF, seed=1),
    "variational_dropout": lambda layer: sos.VariationalDropout(layer, kl_weight=1e-3),
    "l0_regularization": lambda layer: sos.L0Regularization(layer, l0_weight=1e-3),
}
LEARNED = ("variational_dropout", "l0_regularization")
every_technique = pytest.mark.parametrize("technique", list(TECHNIQUES))


def sparse_transformer(technique, **arguments):
    """Returns a sparse Transformer, compiled; eager, as a graph takes seconds to make."""
    model = sos.sparsify(small_transformer(**arguments), TECHNIQUES[technique])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    return model


def train_a_step(model):
    weights = (TARGET != 0).astype("float32")
    callbacks = [sos.UpdateSparsity()]
    history = model.fit(
        SENTENCES, TARGET, sample_weight=weights, batch_size=3, callbacks=callbacks, verbose=0
    )
    return history.history["loss"][0]


def kernels(model):
    return {
        path: np.array(wrapper.sparse_kernels[0].variable)
        for path, wrapper in sos.sparse_layers(model).items()
    }


@every_technique
def test_exactly_the_matrices_are_wrapped(technique):
    plain = small_transformer(num_layers=2)
    model = sos.sparsify(plain, TECHNIQUES[technique])
    wrapped = sos.sparse_layers(model)
    assert sum("attention" in path for path in wrapped) == 24
    assert sum("feed_forward" in path for path in wrapped) == 8
    assert len(wrapped) == len(sos.masks(model)) == len(sos.report(plain).layers) == 33
    assert all(len(wrapper.sparse_kernels) == 1 for wrapper in wrapped.values())
    assert type(wrapped["shared_embedding"].layer) is keras.layers.ReversibleEmbedding
    if technique not in LEARNED:
        np.testing.assert_array_equal(model(SENTENCES), plain(SENTENCES))


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
@pytest.mark.parametrize("technique", slow_but(["l0_regularization"], TECHNIQUES))
def test_a_step_of_training_then_saved_loaded_and_stripped(technique, tmp_path):
    model = sparse_transformer(technique)
    before = kernels(model)
    assert np.isfinite(train_a_step(model))
    for path, kernel in kernels(model).items():
        assert not np.array_equal(kernel, before[path]), path
    for row in sos.report(model).layers:
        if technique not in LEARNED:
            assert row.nonzero == row.size - round(0.5 * row.size), row.path
    expected = np.asarray(model(SENTENCES))

    model.save(tmp_path / "sparse.keras")
    loaded = keras.saving.load_model(tmp_path / "sparse.keras")
    np.testing.assert_allclose(loaded(SENTENCES), expected, atol=1e-6)
    assert list(sos.sparse_layers(loaded)) == list(sos.sparse_layers(model))

    stripped = sos.strip(model)
    assert not sos.sparse_layers(stripped)
    stripped.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    np.testing.assert_allclose(loaded(SENTENCES), expected, atol=1e-6)
    assert sos.report(loaded).nonzero == sos.report(model).nonzero


def test_one_mask_serves_both_embeddings_and_the_softmax():
    model, masked = sparse_transformer("magnitude_pruning"), small_transformer()
    sos.UpdateSparsity().update(model, 0)
    wrapper = model.get_layer("shared_embedding")
    assert sorted(w.name for w in wrapper.weights) == ["embeddings", "mask"]
    for path, mask in sos.masks(model).items():
        layer = masked.get_layer(path.rsplit("/", 1)[0])
        stored, *others = model.get_layer(layer.name).layer.get_weights()
        layer.set_weights([stored * mask, *others])
    assert np.count_nonzero(masked.get_layer("shared_embedding").embeddings) == 44
    np.testing.assert_allclose(model(SENTENCES), masked(SENTENCES), atol=1e-6)


@pytest.mark.parametrize("technique", LEARNED)
def test_the_penalty_of_the_shared_matrix_counts_once(technique):
    model = sparse_transformer(technique)
    model(SENTENCES, training=True)
    expected = 0
    for wrapper in sos.sparse_layers(model).values():
        (kernel,) = wrapper.sparse_kernels
        theta, auxiliary = kernel.variable.numpy(), wrapper.kernel_state[kernel.name].numpy()
        if technique == "variational_dropout":
            expected += reference.kl_divergence(reference.clipped_log_alpha(theta, auxiliary))
        else:
            expected += reference.expected_l0(wrapper.gate_speed * auxiliary)
    assert len(model.losses) == 17
    np.testing.assert_allclose(sum(map(float, model.losses)), 1e-3 * expected, rtol=1e-5)


def test_heads_of_their_own_have_masks_of_their_own():
    model = sparse_transformer("magnitude_pruning", split_heads=True)
    sos.UpdateSparsity().update(model, 0)
    masks = sos.masks(model)
    heads = [path for path in masks if "_head_" in path]
    assert len(heads) == 3 * 3 * 2
    assert {masks[path].shape for path in heads} == {(8, 4)}
    assert {int(masks[path].sum()) for path in heads} == {16}


def test_rules_choose_by_name():
    def rule(layer):
        return sos.MagnitudePruning(layer, HALF)

    rules = [("^shared_embedding$", None), ("^decoder_.*_(query|key|value)$", rule)]
    model = sos.sparsify(small_transformer(), rules)
    assert len(sos.sparse_layers(model)) == 6


def test_multiply_adds_of_a_sentence_pair():
    report = sos.report(small_transformer(), {"source": (5,), "target": (4,)})
    encoder = 4 * 64 * 5 + 2 * 128 * 5
    decoder = (4 + 2) * 64 * 4 + 2 * 64 * 5 + 2 * 128 * 4
    assert report.multiply_adds == encoder + decoder + 11 * 8 * 4  # lookups cost none
