"""`sparsify` and `strip` on toy copies of keras-hub's models; those themselves are slow tests."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests import hub_like_tasks
from tests.hub_like_models import LENGTH, VOCABULARY

SEARCHES_FOR_OTHER_MODELS = True  # see conftest.py
PROMPT = np.array([[3, 4], [6, 7]])
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
ATTENTION = [f"self_attention/{name}" for name in ("query", "key", "value", "attention_output")]
BLOCK = [f"{name}/kernel" for name in (*ATTENTION, "intermediate", "output")]
ENCODER = [
    "encoder_backbone/token_embedding/embeddings",
    *(f"encoder_backbone/block/{name}" for name in BLOCK),
    "encoder_backbone/pooled_dense/kernel",
]
SEGMENTS = "encoder_backbone/segment_embedding/embeddings"
RELATIVE = "encoder_backbone/block/self_attention/embeddings"
# Which kernels are pruned by a callable, and which are left alone.
EXPECTED = {
    "causal_lm": (
        [
            "decoder_backbone/token_embedding/embeddings",
            *(f"decoder_backbone/block_{n}/{name}" for n in (0, 1) for name in BLOCK),
        ],
        ["decoder_backbone/position_embedding/embeddings"],
    ),
    "text_classifier": ([*ENCODER, "logits/kernel"], [RELATIVE, SEGMENTS]),
    "masked_lm": ([*ENCODER, "masked_head/intermediate_dense/kernel"], [RELATIVE, SEGMENTS]),
    "image_classifier": (
        [
            "image_backbone/patches/patch_embedding/kernel",
            *(f"image_backbone/block/{name}" for name in BLOCK),
            *(f"image_backbone/mlp/{name}/kernel" for name in ("first", "last")),
            "logits/kernel",
        ],
        [
            "image_backbone/patches/class_token",
            "image_backbone/patches/position_embedding/embeddings",
            "image_backbone/block/self_attention/embeddings",
        ],
    ),
}
every_task = pytest.mark.parametrize("name", EXPECTED)


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def make(name):
    keras.utils.set_random_seed(0)
    return getattr(hub_like_tasks, name)()


def inputs_of(model):
    random = np.random.default_rng(0)

    def one(tensor):
        if "int" not in tensor.dtype:
            return random.normal(size=(2, *tensor.shape[1:])).astype("float32")
        return random.integers(0, 2 if "segment" in tensor.name else VOCABULARY, (2, LENGTH))

    return keras.tree.map_structure(one, model.input)


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))


@every_task
def test_a_task_is_pruned_in_place_and_stripped(name, tmp_path):
    pruned, left_alone = EXPECTED[name]
    model = make(name)
    inputs = inputs_of(model)
    before = outputs(model, inputs)
    assert sos.sparsify(model, prune) is model
    np.testing.assert_array_equal(outputs(model, inputs), before)
    sos.UpdateSparsity().update(model, 0)
    masks = sos.masks(model)
    assert sorted(masks) == sorted(pruned)
    assert all(np.count_nonzero(~mask) == round(0.5 * mask.size) for mask in masks.values())
    rows = sos.report(model).layers
    assert sorted(row.path for row in rows if row.technique == "dense") == sorted(left_alone)

    expected = outputs(model, inputs)
    assert np.abs(expected - before).max() > 0
    stripped = sos.strip(model)
    assert type(stripped) is type(model) and stripped.backbone is not model.backbone
    assert [row.path for row in sos.report(stripped).layers] == [row.path for row in rows]
    np.testing.assert_array_equal(outputs(stripped, inputs), expected)
    stripped.save_to_preset(tmp_path / "preset")
    stripped.save(tmp_path / "model.keras")
    for loaded in (
        type(model).from_preset(tmp_path / "preset"),
        keras.saving.load_model(tmp_path / "model.keras"),
    ):
        np.testing.assert_array_equal(outputs(loaded, inputs), expected)
    assert sos.strip(model, in_place=True) is model and not sos.sparse_layers(model)
    np.testing.assert_array_equal(outputs(model, inputs), expected)
    assert model.count_params() == loaded.count_params()


@pytest.mark.parametrize("name", ["causal_lm", "masked_lm"])
def test_a_task_made_sparse_as_a_copy_stays_as_it_is(name):
    model = make(name)
    inputs = inputs_of(model)
    before = outputs(model, inputs)
    sparse = sos.sparsify(model, prune, copy=True)
    sos.UpdateSparsity().update(sparse, 0)
    assert sparse is not model and not sos.sparse_layers(model)
    np.testing.assert_array_equal(outputs(model, inputs), before)


def test_an_embedding_that_is_a_head_too_stays_one():
    for name, head in (("causal_lm", None), ("masked_lm", "masked_head")):
        model = sos.sparsify(make(name), prune)
        for each in (model, sos.strip(model)):
            holder = each if head is None else getattr(each, head)
            inside = holder._flatten_layers(recursive=False, include_self=False)
            assert any(layer is each.backbone.token_embedding for layer in inside)


def greedy(model):
    tokens = PROMPT
    while tokens.shape[1] < LENGTH:
        logits = outputs(model, {"token_ids": tokens})
        tokens = np.concatenate([tokens, logits[:, -1:].argmax(-1)], axis=1)
    return tokens


@pytest.mark.slow
def test_a_language_model_is_pruned_trained_writes_and_becomes_a_preset(tmp_path):
    lm = make("causal_lm")
    lm.generate(PROMPT)  # traced while it is dense
    lm = sos.sparsify(lm, [("embedding", None), ("", prune)])
    sos.UpdateSparsity().update(lm, 0)
    np.testing.assert_array_equal(lm.generate(PROMPT), greedy(lm))
    lm.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    text = np.random.default_rng(1).integers(0, VOCABULARY, (4, LENGTH + 1))
    callbacks = [sos.UpdateSparsity()]
    lm.fit({"token_ids": text[:, :-1]}, text[:, 1:], epochs=2, verbose=0, callbacks=callbacks)
    written = lm.generate(PROMPT)
    np.testing.assert_array_equal(written, greedy(lm))
    sos.strip(lm).save_to_preset(tmp_path)
    sos.strip(lm, in_place=True)
    for plain in (lm, hub_like_tasks.CausalLM.from_preset(tmp_path)):
        plain.compile(run_eagerly=True)
        np.testing.assert_array_equal(plain.generate(PROMPT), written)


def test_a_preset_of_a_sparse_model_warns(tmp_path):
    lm = sos.sparsify(make("causal_lm"), prune)
    with pytest.warns(UserWarning, match="preset of this sparse model cannot be loaded"):
        lm.save_to_preset(tmp_path)


def test_a_backbone_alone_is_pruned_in_its_task():
    model = make("text_classifier")
    sos.sparsify(model.backbone, prune)
    assert len(sos.masks(model)) == len(ENCODER)
    sos.UpdateSparsity().update(model, 0)
    inputs = inputs_of(model)
    np.testing.assert_array_equal(outputs(sos.strip(model), inputs), outputs(model, inputs))


def test_a_backbone_alone_whose_embedding_is_a_head_too():
    model = make("masked_lm")
    with pytest.warns(UserWarning, match="masked_lm.*go on with the weights that are dropped"):
        sos.sparsify(model.backbone, prune)
    sos.UpdateSparsity().update(model, 0)
    with pytest.warns(UserWarning, match="'token_embedding' is sparse in one place.*dense in an"):
        sos.strip(model)
