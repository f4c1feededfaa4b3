"""Wanda: scores against loops over weights, and what is recorded when."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.wrapping.input_squares import axes_of_inputs, mean_squares
from state_of_sparsity.wrapping.kernels import find_kernels
from tests.conformance import X, Y, compiled, fit, plain_model

ONCE = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0, frequency=1)


def wanda(layer, **options):
    return sos.Wanda(layer, ONCE, **options)


def observed(layer, *inputs, **options):
    """Returns a sparse layer, pruned by inputs that it was given one after the other."""
    model = sos.sparsify(
        keras.Sequential([keras.Input(inputs[0].shape[1:]), layer]),
        lambda layer: wanda(layer, **options),
    )
    sos.observe(model, [(x, None) for x in inputs])
    sos.UpdateSparsity().update(model, 0)
    return model.layers[0]


def mean_square(values):
    return float(np.mean([value**2 for value in values.reshape(-1)]))


def inputs_of(shape, seed=0):
    generator = np.random.default_rng(seed)
    return (generator.normal(size=shape) * generator.uniform(0, 2, shape[-1])).astype("float32")


def slow_scores(layer, kernel, inputs):
    """Returns `|weight| * norm of its input`, weight by weight, of each kind of layer below."""
    scores = np.zeros(kernel.shape)
    for place in np.ndindex(*kernel.shape):
        if isinstance(layer, layers.EinsumDense):
            head, width = place[1], place[0]  # "btnh,hnd->btd"
            read = inputs[:, :, head, width]
        elif isinstance(layer, layers.Dense):
            read = inputs[..., place[0]]
        else:
            channel = place[-1 if isinstance(layer, layers.Conv1DTranspose) else -2]
            if getattr(layer, "groups", 1) > 1:
                of_a_group = kernel.shape[-2], kernel.shape[-1] // layer.groups
                channel += place[-1] // of_a_group[1] * of_a_group[0]
            read = inputs[..., channel]
        scores[place] = abs(kernel[place]) * mean_square(read) ** 0.5
    return scores


KINDS = {
    "dense": (lambda: layers.Dense(3), (8, 5)),
    "dense, positions": (lambda: layers.Dense(3), (4, 6, 5)),
    "einsum": (lambda: layers.EinsumDense("btnh,hnd->btd", (None, 6)), (3, 4, 2, 5)),
    "convolution": (lambda: layers.Conv2D(3, 2), (4, 5, 5, 4)),
    "grouped": (lambda: layers.Conv1D(6, 2, groups=2), (4, 5, 4)),
    "depthwise": (lambda: layers.DepthwiseConv2D(2, depth_multiplier=2), (4, 5, 5, 4)),
    "transposed": (lambda: layers.Conv1DTranspose(3, 2), (4, 5, 4)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_weights_times_the_norms_of_their_inputs(kind):
    make, shape = KINDS[kind]
    x, more = inputs_of(shape), inputs_of(shape, seed=1)
    wrapper = observed(make(), x, more)
    (kernel,) = wrapper.sparse_kernels
    expected = slow_scores(wrapper.layer, kernel.variable.numpy(), np.concatenate([x, more]))
    np.testing.assert_allclose(kernel.scores(), expected, rtol=1e-5)


def test_channels_may_come_first():
    layer = layers.Conv1D(3, 2, data_format="channels_first")
    layer.build((None, 4, 5))
    (kernel,) = find_kernels(layer)
    x = np.moveaxis(inputs_of((3, 5, 4)), -1, 1)
    found = keras.ops.convert_to_numpy(mean_squares(kernel, axes_of_inputs(kernel, layer), x))
    expected = [mean_square(x[:, channel]) for channel in range(4)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_every_output_loses_the_lowest():
    x = inputs_of((8, 6))
    wrapper = observed(layers.Dense(4), x)
    (kernel,) = wrapper.sparse_kernels
    scores = slow_scores(wrapper.layer, kernel.variable.numpy(), x)
    for output in range(4):
        dropped = ~kernel.mask()[:, output]
        assert dropped.sum() == 3
        assert scores[dropped, output].max() < scores[~dropped, output].min()


def test_a_feature_without_inputs_goes_first():
    x = inputs_of((8, 4))
    x[:, 2] = 0
    mask = observed(layers.Dense(5), x).sparse_kernels[0].mask()
    assert not mask[2].any() and (mask.sum(0) == 2).all()


def test_other_patterns_or_none():
    x = inputs_of((8, 6))
    whole = observed(layers.Dense(5), x, pattern=None)
    assert whole.sparse_kernels[0].mask().sum() == 15
    assert type(whole).from_config(whole.get_config()).pattern is None
    halves = observed(layers.Dense(5), x, pattern=sos.patterns.NOfM(1, 2))
    assert (halves.sparse_kernels[0].mask().reshape(3, 2, 5).sum(1) == 1).all()
    assert type(halves).from_config(halves.get_config()).pattern == sos.patterns.NOfM(1, 2)


def test_a_layer_called_twice_sees_both_inputs():
    inputs, shared = keras.Input((3,)), layers.Dense(3, name="shared")
    model = sos.sparsify(keras.Model(inputs, shared(shared(inputs))), wanda)
    x = inputs_of((4, 3))
    sos.observe(model, [(x, None)])
    (kernel,) = model.get_layer("shared").sparse_kernels
    seen = np.stack([x, x @ kernel.variable.numpy()])
    found = model.get_layer("shared").beside["kernel"]["inputs"].numpy()
    np.testing.assert_allclose(found, (seen**2).mean((0, 1)), rtol=1e-5)


def both_kinds():
    """Returns a model with layers of both records, dropout, and moving averages."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 3, name="convolution"),
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=1),
            layers.Flatten(),
            layers.Dense(3, name="head"),
        ]
    )
    rules = [
        ("convolution", lambda layer: sos.SaliencyPruning(layer, ONCE)),
        ("head", wanda),
    ]
    return compiled(sos.sparsify(model, rules))


def test_inputs_are_those_of_evaluation_beside_gradients_of_training():
    model = both_kinds()
    recorded = {id(w.beside["kernel"][w.records]) for w in sos.sparse_layers(model).values()}
    before = [variable.numpy() for variable in model.variables]
    expected = keras.Model(model.inputs[0], model.get_layer("head").input)(X, training=False)
    expected = keras.ops.convert_to_numpy(expected)
    sos.observe(model, iter([(X[:8], Y[:8]), (X[8:], Y[8:])]))
    for variable, value in zip(model.variables, before, strict=True):
        assert np.array_equal(variable.numpy(), value) == (id(variable) not in recorded)
    found = model.get_layer("head").beside["kernel"]["inputs"].numpy()
    np.testing.assert_allclose(found, (expected**2).mean(0), rtol=1e-5)
    fit(model, [sos.UpdateSparsity()])
    np.testing.assert_array_equal(model.get_layer("head").beside["kernel"]["inputs"], found)
    assert (sos.masks(model)["head/kernel"].sum(0) == 4).all()


def test_a_model_need_not_be_compiled():
    model = sos.sparsify(plain_model(), wanda)
    sos.observe(model, [(X, Y)])
    sos.UpdateSparsity().update(model, 0)
    assert sos.report(model).sparsity == pytest.approx(0.5)
    with pytest.raises(ValueError, match="`batches` must have a batch"):
        sos.observe(model, [])


def test_what_was_never_observed_is_no_record():
    model = sos.sparsify(plain_model(), wanda)
    with pytest.raises(ValueError, match=r"no inputs of it have been recorded.*sos\.observe"):
        sos.UpdateSparsity().update(model, 0)


def attention():
    inputs = keras.Input((4, 6))
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (attention, "attention"),
        (lambda: keras.Sequential([keras.Input((4, 3)), layers.LSTM(2, name="cell")]), "cell"),
        (lambda: keras.Sequential([keras.Input((4,)), layers.Embedding(5, 2, name="t")]), "t"),
    ],
    ids=["attention", "recurrent", "embedding"],
)
def test_layers_whose_inputs_are_hidden_are_refused(model, name):
    with pytest.raises(ValueError, match=rf"Received: '{name}' \(.*Name the layers inside"):
        sos.sparsify(model(), wanda)


def test_layers_inside_attention_can_be_named():
    model = sos.sparsify(attention(), [("attention/(query|key|value)", wanda)])
    x = inputs_of((3, 4, 6))
    sos.observe(model, [(x, None)])
    sos.UpdateSparsity().update(model, 0)
    for wrapper in sos.sparse_layers(model).values():
        found = wrapper.beside["kernel"]["inputs"].numpy()
        np.testing.assert_allclose(found, (x**2).mean((0, 1)), rtol=1e-5)
        assert (wrapper.sparse_kernels[0].mask().sum(0) == 3).all()


def test_inputs_that_are_no_numbers_are_told_as_such():
    x = inputs_of((8, 4))
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"`batches` of `sos.observe` .*NaN or infinity at 'dense"):
        observed(layers.Dense(3, name="dense"), x)
