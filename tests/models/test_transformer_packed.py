"""Several sentence pairs in a row give what each gives in a row of its own."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.data.text.packing import packed as pack
from state_of_sparsity.data.text.tokenized_pairs import Sequences, TokenizedPairs
from tests.models.small_transformer import SENTENCES, SOURCE, TARGET, small_transformer


def pairs():
    """Returns the pairs of `SENTENCES`, without padding."""
    sides = []
    for ids in (SOURCE, TARGET):
        rows = [row[row != 0] for row in ids]
        sides.append(Sequences(np.concatenate(rows), [len(row) for row in rows]))
    return TokenizedPairs(*sides, {})


def rows(counts, length=14):
    return pack(pairs(), np.arange(3), np.array(counts), length)[0]


@pytest.fixture(scope="module")
def models():
    """Returns a model, and one for packed rows with its weights."""
    plain, packed = small_transformer(), small_transformer(packed=True, random=False)
    for layer in plain.layers:
        packed.get_layer(layer.name).set_weights(layer.get_weights())
    return plain, packed


def of_each_pair(logits, inputs):
    """Returns the logits of the tokens of each pair."""
    logits, segments = np.asarray(logits), inputs["target_segments"]
    return [
        logits[row][segments[row] == segment]
        for row in range(len(segments))
        for segment in range(1, segments[row].max() + 1)
    ]


@pytest.mark.parametrize("counts", [[1, 1, 1], [2, 1], [1, 2], [3]])
def test_a_pair_does_not_see_the_others_of_its_row(models, counts):
    plain, model = models
    expected, inputs = np.asarray(plain(SENTENCES)), rows(counts)
    for found, alone, ids in zip(
        of_each_pair(model(inputs), inputs), expected, TARGET, strict=True
    ):
        np.testing.assert_allclose(found, alone[ids != 0], atol=2e-6)


def test_packed_and_not_have_the_same_kernels(models):
    plain, packed = ({row.path for row in sos.report(model).layers} for model in models)
    assert plain == packed and len(plain) == 17


@pytest.mark.slow
def test_it_trains_under_xla_saves_and_strips(tmp_path):
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    model = sos.sparsify(
        small_transformer(packed=True), lambda layer: sos.MagnitudePruning(layer, schedule)
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True), jit_compile=True)
    inputs = rows([2, 1])
    model.fit(inputs, inputs["target"], verbose=0, callbacks=[sos.UpdateSparsity()])
    expected = np.asarray(model(inputs))
    stripped = sos.strip(model)
    stripped.save(tmp_path / "plain.keras")
    loaded = keras.saving.load_model(tmp_path / "plain.keras")
    np.testing.assert_allclose(loaded(inputs), expected, atol=1e-6)
