"""`sparsify` and `strip` on models of keras-hub, tiny and random; needs the extra `hub`."""

import warnings

import keras
import numpy as np
import pytest

import state_of_sparsity as sos

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("keras_hub", reason="needs keras-hub: pip install 'state_of_sparsity[hub]'")

pytestmark = [
    pytest.mark.slow,
    # Of keras-hub's own layers, dense or sparse: masks that end at one of them, unused poolers.
    pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask:UserWarning"),
    pytest.mark.filterwarnings("ignore:Gradients do not exist for variables:UserWarning"),
]

from benchmarks.hub_models import MODELS  # noqa: E402

VOCABULARY, LENGTH = 50, 8
POSITION, SEGMENT = "position_embedding/embeddings", "segment_embedding/embeddings"
CLASS_TOKEN, RELATIVE = "vit_patching_and_embedding/class_token", "self_attention/embeddings"

# How many kernels are pruned, and what else has a rank of two or more.
EXPECTED = {
    "BertBackbone": (14, [POSITION, SEGMENT]),
    "GPT2Backbone": (13, [POSITION]),
    "LlamaBackbone": (16, []),
    "GemmaBackbone": (15, []),
    "MistralBackbone": (16, []),
    "T5Backbone": (37, [RELATIVE] * 2),
    "BartBackbone": (33, [POSITION] * 2),
    "WhisperBackbone": (35, [POSITION] * 2),
    "ViTBackbone": (13, [CLASS_TOKEN, POSITION]),
    "ResNetBackbone": (6, []),
    "GPT2CausalLM": (13, [POSITION]),
    "LlamaCausalLM": (16, []),
    "BartSeq2SeqLM": (33, [POSITION] * 2),
    "BertTextClassifier": (15, [POSITION, SEGMENT]),
    "BertMaskedLM": (15, [POSITION, SEGMENT]),
    "ViTImageClassifier": (14, [CLASS_TOKEN, POSITION]),
    "ResNetImageClassifier": (7, []),
}


def prune(layer):
    return sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(0.8, begin_step=0))


def batch(model):
    """Returns a random batch of two examples of the model's inputs."""
    random = np.random.default_rng(0)

    def one(tensor):
        if "int" not in tensor.dtype:
            return random.normal(size=[size or 16 for size in (2, *tensor.shape[1:])])
        if "padding" in tensor.name:
            return np.ones((2, LENGTH), "int32")
        return random.integers(0, 2 if "segment" in tensor.name else LENGTH, (2, LENGTH))

    return keras.tree.map_structure(one, model.input)


def outputs(model, inputs):
    return [np.asarray(o) for o in keras.tree.flatten(model.predict(inputs, verbose=0))]


def difference(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


def train(model, inputs):
    """Trains a few steps towards outputs of one, and returns the loss of each epoch."""
    targets = keras.tree.map_structure(np.ones_like, model.predict(inputs, verbose=0))
    losses = keras.tree.map_structure(lambda _: "mse", targets)
    none = {"metrics": [], "weighted_metrics": []}  # tasks add theirs to one or the other
    model.compile(keras.optimizers.Adam(0.01), losses, jit_compile=False, **none)
    return fit(model, inputs, targets, epochs=5)


def fit(model, inputs, targets, epochs):
    callbacks = [sos.UpdateSparsity()]
    # A task makes a tf.data pipeline of the arrays, with which `shuffle` makes Keras warn.
    history = model.fit(
        inputs, targets, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )
    return history.history["loss"]


def pruned_exactly(model):
    """Returns the masks, each of which leaves out a fifth of the weights, to the weight."""
    masks = sos.masks(model)
    for path, mask in masks.items():
        assert np.count_nonzero(~mask) == round(0.8 * mask.size), path
    return masks


def ends_on(path, ends):
    return any(path.endswith(end) for end in ends)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_pruned_in_place_trained_stripped_and_saved(name, tmp_path):
    count, left_alone = EXPECTED[name]
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    kind, inputs = type(model), batch(model)
    before = outputs(model, inputs)
    sparse = sos.sparsify(model, prune)
    assert sparse is model and type(model) is kind
    assert difference(before, outputs(sparse, inputs)) == 0.0

    losses = train(sparse, inputs)
    assert losses[-1] < losses[0]
    masks = pruned_exactly(sparse)
    assert len(masks) == count
    dense = [row.path for row in sos.report(sparse).layers if row.technique == "dense"]
    assert len(dense) == len(left_alone) and all(ends_on(path, left_alone) for path in dense)

    expected = outputs(sparse, inputs)
    stripped = sos.strip(sparse)
    assert type(stripped) is kind and not sos.sparse_layers(stripped)
    assert difference(expected, outputs(stripped, inputs)) == 0.0
    zeros = {row.path: row.size - row.nonzero for row in sos.report(stripped).layers}
    assert all(zeros[path] >= np.count_nonzero(~mask) for path, mask in masks.items())
    stripped.save(tmp_path / "stripped.keras")
    loaded = keras.saving.load_model(tmp_path / "stripped.keras", compile=False)
    assert type(loaded) is kind
    assert difference(expected, outputs(loaded, inputs)) == 0.0

    assert sos.strip(sparse, in_place=True) is sparse
    assert not sos.sparse_layers(sparse)
    assert difference(expected, outputs(sparse, inputs)) == 0.0


@pytest.mark.filterwarnings("ignore:.* frozen layers:UserWarning")  # Whisper's are of sines
@pytest.mark.parametrize("name", [name for name in EXPECTED if POSITION in EXPECTED[name][1]])
def test_what_is_left_alone_is_pruned_when_a_rule_names_it(name):
    count, left_alone = EXPECTED[name]
    # Those of a layer that holds other layers are named by `kernels`.
    left_alone = [end for end in left_alone if end not in (CLASS_TOKEN, RELATIVE)]
    patterns = {end.rsplit("/", 1)[0] + "$" for end in left_alone}
    sparse = sos.sparsify(
        MODELS[name](), [*((pattern, prune) for pattern in patterns), ("", prune)]
    )
    sos.UpdateSparsity().update(sparse, 0)
    assert len(pruned_exactly(sparse)) == count + len(left_alone)


def greedy(model, token_ids):
    """Returns what follows `token_ids` by running the whole model for every token."""
    tokens = np.array(token_ids)
    while tokens.shape[1] < LENGTH:
        mask = np.ones_like(tokens)
        logits = model({"token_ids": tokens, "padding_mask": mask})
        following = keras.ops.convert_to_numpy(logits)[:, -1:].argmax(-1)
        tokens = np.concatenate([tokens, following], axis=1)
    return tokens


def write(model, token_ids):
    """Returns what the model's own `generate` writes after `token_ids`."""
    room = ((0, 0), (0, LENGTH - token_ids.shape[1]))
    prompt = {
        "token_ids": np.pad(token_ids, room),
        "padding_mask": np.pad(np.ones_like(token_ids), room),
    }
    return model.generate(prompt, stop_token_ids=None)["token_ids"]


@pytest.mark.parametrize("name", ["GPT2CausalLM", "LlamaCausalLM"])
def test_a_language_model_is_pruned_writes_and_becomes_a_preset(name, tmp_path):
    lm = MODELS[name]()
    prompt = np.array([[3, 4, 5], [6, 7, 8]])
    text = np.random.default_rng(0).integers(0, VOCABULARY, (4, LENGTH + 1))
    data = {"token_ids": text[:, :-1], "padding_mask": np.ones((4, LENGTH), "int32")}
    lm.compile(sampler="greedy", jit_compile=False)
    write(lm, prompt)  # traced before it is sparse

    lm = sos.sparsify(lm, [("embedding", None), ("", prune)])
    assert not any("embedding" in path for path in sos.sparse_layers(lm))
    sos.UpdateSparsity().update(lm, 0)
    np.testing.assert_array_equal(write(lm, prompt), greedy(lm, prompt))  # not the old trace
    lm.compile(keras.optimizers.Adam(0.01), sampler="greedy", jit_compile=False)
    losses = fit(lm, data, text[:, 1:], epochs=10)
    assert losses[-1] < losses[0]
    pruned_exactly(lm)
    written = write(lm, prompt)
    np.testing.assert_array_equal(written, greedy(lm, prompt))

    stripped = sos.strip(lm)
    stripped.compile(sampler="greedy", jit_compile=False)
    np.testing.assert_array_equal(write(stripped, prompt), written)
    stripped.save_to_preset(tmp_path)
    loaded = type(lm).from_preset(str(tmp_path), preprocessor=None)
    assert difference(outputs(lm, data), outputs(loaded, data)) == 0.0
    loaded.compile(sampler="greedy", jit_compile=False)
    np.testing.assert_array_equal(write(loaded, prompt), written)
