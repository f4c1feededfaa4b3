"""What people do with models of keras-hub: LoRA, quantization, presets, `freeze`, parts alone."""

import warnings

import keras
import numpy as np
import pytest

import state_of_sparsity as sos

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("keras_hub", reason="needs keras-hub: pip install 'state_of_sparsity[hub]'")

pytestmark = pytest.mark.slow

from benchmarks.hub_models import GROUPS, MODELS, models  # noqa: E402
from tests.test_keras_hub import (  # noqa: E402
    LENGTH,
    VOCABULARY,
    batch,
    difference,
    greedy,
    outputs,
    prune,
    pruned_exactly,
    write,
)

PROMPT = np.array([[3, 4, 5], [6, 7, 8]])
RULES = [("embedding", None), ("", prune)]
DENSE_EMBEDDINGS = 12  # sparse kernels that are left
# Keras tells it of every layer that has no kernel.
quantizes = pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`:UserWarning")


def language_model(rules=RULES):
    """Returns a language model that is pruned, once."""
    keras.utils.set_random_seed(0)
    lm = sos.sparsify(MODELS["GPT2CausalLM"](), rules)
    sos.UpdateSparsity().update(lm, 0)
    return lm


def text():
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (4, LENGTH + 1))
    mask = np.ones((4, LENGTH), "int32")
    return {"token_ids": tokens[:, :-1], "padding_mask": mask}, tokens[:, 1:]


def train(lm, callbacks=(), learning_rate=0.01):
    lm.compile(keras.optimizers.Adam(learning_rate), sampler="greedy", jit_compile=False)
    x, y = text()
    history = lm.fit(x, y, epochs=6, shuffle=False, verbose=0, callbacks=list(callbacks))
    losses = history.history["loss"]
    assert losses[-1] < losses[0]


def strips(lm, expected):
    """Checks that both kinds of stripping leave the outputs as they are, bit for bit."""
    stripped = sos.strip(lm)
    assert difference(expected, outputs(stripped, batch(lm))) == 0.0
    assert sos.strip(lm, in_place=True) is lm
    assert difference(expected, outputs(lm, batch(lm))) == 0.0


def test_what_a_user_writes(tmp_path):
    d = str(tmp_path)
    lm = MODELS["GPT2CausalLM"]()
    x, y = text()
    schedule = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=4, frequency=1)

    def rule(layer):
        return sos.MagnitudePruning(layer, schedule)

    lm = sos.sparsify(lm, [("embedding", None), ("", rule)])
    lm.compile(keras.optimizers.Adam(0.01), sampler="greedy")
    lm.fit(x, y, epochs=6, shuffle=False, callbacks=[sos.UpdateSparsity()], verbose=0)
    written = write(lm, PROMPT)
    sos.strip(lm).save_to_preset(d)

    pruned_exactly(lm)
    np.testing.assert_array_equal(written, greedy(lm, PROMPT))
    loaded = models.CausalLM.from_preset(d, preprocessor=None)
    assert type(loaded) is type(lm)
    loaded.compile(sampler="greedy")
    np.testing.assert_array_equal(write(loaded, PROMPT), written)
    assert sos.report(loaded).nonzero == sos.report(lm).nonzero


def test_lora_after_it_was_stripped():
    lm = language_model()
    tuned = sos.strip(lm)
    tuned.backbone.enable_lora(2)
    assert difference(outputs(lm, batch(lm)), outputs(tuned, batch(lm))) == 0.0
    train(tuned, learning_rate=0.1)


def test_lora_while_it_is_sparse():
    lm = language_model()
    masks, before = sos.masks(lm), outputs(lm, batch(lm))
    lm.backbone.enable_lora(2)
    assert difference(before, outputs(lm, batch(lm))) == 0.0
    train(lm, [sos.UpdateSparsity()], learning_rate=0.1)
    for path, mask in sos.masks(lm).items():
        np.testing.assert_array_equal(mask, masks[path])  # what is frozen stays as it is
    strips(lm, outputs(lm, batch(lm)))


def test_lora_before():
    lm = MODELS["GPT2CausalLM"]()
    lm.backbone.enable_lora(2)
    with pytest.warns(UserWarning, match="frozen layers"):
        lm = sos.sparsify(lm, RULES)
    train(lm, [sos.UpdateSparsity()], learning_rate=0.1)
    nonzero = {row.path: row.nonzero / row.size for row in sos.report(lm).layers}
    for path, mask in sos.masks(lm).items():
        product = any(name in path for name in ("/query/", "/value/"))
        assert nonzero[path] == (1.0 if product else mask.mean()), path
    strips(lm, outputs(lm, batch(lm)))


@quantizes
@pytest.mark.parametrize("in_place", [False, True])
def test_stripped_and_then_quantized(in_place, tmp_path):
    lm = language_model(prune)
    expected, inputs = outputs(lm, batch(lm)), batch(lm)
    for model in (lm, lm.backbone):
        with pytest.raises(ValueError, match=r"must not be quantized.*`sos\.strip\(model\)` first"):
            model.quantize("int8")
    assert difference(expected, outputs(lm, inputs)) == 0.0
    zeros = sum(np.count_nonzero(~mask) for mask in sos.masks(lm).values())
    quantized = sos.strip(lm, in_place=in_place)
    quantized.quantize("int8")
    assert sum(row.size - row.nonzero for row in sos.report(quantized).layers) == zeros
    quantized.save_to_preset(tmp_path)
    loaded = models.CausalLM.from_preset(str(tmp_path), preprocessor=None)
    assert difference(outputs(quantized, inputs), outputs(loaded, inputs)) == 0.0


def test_frozen_and_fine_tuned():
    lm = language_model()
    masks, before = sos.masks(lm), outputs(lm, batch(lm))
    assert sos.freeze(lm) is lm
    assert difference(before, outputs(lm, batch(lm))) == 0.0
    train(lm)  # without the callback
    for path, mask in sos.masks(lm).items():
        np.testing.assert_array_equal(mask, masks[path])
    np.testing.assert_array_equal(write(lm, PROMPT), greedy(lm, PROMPT))
    strips(lm, outputs(lm, batch(lm)))


def test_zeros_written():
    lm = language_model()
    expected = outputs(lm, batch(lm))
    sos.write_zeros(lm)
    assert difference(expected, outputs(lm, batch(lm))) == 0.0
    masks, wrappers = sos.masks(lm), sos.sparse_layers(lm)
    for path, wrapper in wrappers.items():
        stored = keras.ops.convert_to_numpy(wrapper.layer.kernel)
        np.testing.assert_array_equal(stored != 0, masks[f"{path}/kernel"])


@pytest.mark.parametrize("task", [False, True])
def test_a_model_whose_configuration_forgets_that_it_is_tied(task):
    model = models.LlamaBackbone(**GROUPS, tie_word_embeddings=True)
    if task:
        model = models.LlamaCausalLM(model, preprocessor=None)
    inputs = batch(model)
    sos.sparsify(model, prune)
    sos.UpdateSparsity().update(model, 0)
    expected = outputs(model, inputs)
    with pytest.raises(ValueError, match=r"cannot be copied.*'token_embedding'.*in_place=True"):
        sos.strip(model)
    assert difference(expected, outputs(model, inputs)) == 0.0
    assert sos.strip(model, in_place=True) is model and not sos.sparse_layers(model)
    assert difference(expected, outputs(model, inputs)) == 0.0


def test_variational_dropout_draws_the_outputs_of_every_projection(monkeypatch):
    drawn, draw = {}, sos.VariationalDropout._draws_outputs

    def noted(wrapper, args, kwargs):
        drawn.setdefault(id(wrapper), set()).add(draw(wrapper, args, kwargs))
        return draw(wrapper, args, kwargs)

    monkeypatch.setattr(sos.VariationalDropout, "_draws_outputs", noted)
    rule = [("embedding", None), ("", lambda la: sos.VariationalDropout(la, 1e-4, seed=0))]
    lm = sos.sparsify(MODELS["GPT2CausalLM"](), rule)
    wrappers = sos.sparse_layers(lm).values()
    assert len(wrappers) == DENSE_EMBEDDINGS
    train(lm, [sos.UpdateSparsity()])
    assert drawn == {id(wrapper): {True} for wrapper in wrappers}
    strips(lm, outputs(lm, batch(lm)))


def test_a_sparse_model_saves_its_weights_and_no_preset(tmp_path):
    lm = language_model(prune)
    lm.save_weights(tmp_path / "sparse.weights.h5")
    other = language_model(prune)
    other.load_weights(tmp_path / "sparse.weights.h5")
    assert difference(outputs(lm, batch(lm)), outputs(other, batch(lm))) == 0.0
    with pytest.warns(UserWarning, match="preset of this sparse model cannot be loaded") as caught:
        lm.save_to_preset(tmp_path / "preset")
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["BertTextClassifier", "GPT2CausalLM"])
def test_a_backbone_pruned_alone_is_pruned_in_its_task(name):
    task = MODELS[name]()
    # A head that is the embedding too is held by the task itself.
    rules = RULES if name == "GPT2CausalLM" else prune
    assert sos.sparsify(task.backbone, rules) is task.backbone
    sos.UpdateSparsity().update(task, 0)
    strips(task, outputs(task, batch(task)))


@pytest.mark.parametrize("name", ["GPT2CausalLM", "ViTImageClassifier", "ResNetBackbone"])
def test_a_sparse_copy_leaves_the_model_as_it_is(name):
    model = MODELS[name]()
    before = outputs(model, batch(model))
    sparse = sos.sparsify(model, prune, copy=True)
    sos.UpdateSparsity().update(sparse, 0)
    assert type(sparse) is type(model) and not sos.sparse_layers(model)
    assert difference(before, outputs(model, batch(model))) == 0.0
    strips(sparse, outputs(sparse, batch(model)))
