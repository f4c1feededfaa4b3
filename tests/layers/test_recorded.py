"""Records: what training steps write down, against gradients that are taken by themselves."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import X, Y, compiled, fit, plain_model
from tests.technique import LAYERS

EVERY = sos.schedules.ConstantSparsity(0.5, begin_step=1, frequency=1)


def masked_model(rule, **options):
    """Returns a model whose first training step has masks of half of the weights."""
    model = compiled(sos.sparsify(plain_model(), rule), **options)
    rng = np.random.default_rng(3)
    for wrapper in sos.sparse_layers(model).values():
        mask = wrapper.mask(wrapper.sparse_kernels[0])
        mask.assign(rng.permutation(mask.shape[0] * mask.numpy()[0].size).reshape(mask.shape) % 2)
    return model


def differences(model, name):
    """Returns the gradient of the loss by each effective kernel weight, by finite differences."""
    masks = sos.masks(model)
    plain = sos.strip(model)
    kernel, path = plain.get_layer(name).kernel, f"{name}/kernel"
    values, found = kernel.numpy().astype("float64"), np.zeros(kernel.shape)
    assert not values[~masks[path]].any()
    for place in np.ndindex(*values.shape):
        losses = []
        for step in (1e-2, -1e-2):
            moved = values.copy()
            moved[place] += step
            kernel.assign(moved)
            losses.append(np.mean(np.square(np.asarray(plain(X), "float64") - Y)))
        found[place] = (losses[0] - losses[1]) / 2e-2
    kernel.assign(values)
    return found


def record_of(model, name):
    wrapper = model.get_layer(name)
    return wrapper.record(wrapper.sparse_kernels[0])


RULES = {
    "gradient": lambda layer: sos.RigL(layer, EVERY, end_step=8),
    "saliency": lambda layer: sos.SaliencyPruning(layer, EVERY),
}


@pytest.mark.parametrize("kind", RULES)
def test_a_step_records_the_gradient_of_present_and_masked_weights(kind):
    model = masked_model(RULES[kind])
    expected = {name: differences(model, name) for name in LAYERS}
    stored = {name: model.get_layer(name).layer.kernel.numpy() for name in LAYERS}
    sos.UpdateSparsity().update(model, 0)
    model.train_on_batch(X, Y)
    for name in LAYERS:
        times = stored[name] if kind == "saliency" else 1.0
        np.testing.assert_allclose(
            record_of(model, name), times * expected[name], rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("kind", RULES)
def test_recording_changes_no_weight(kind):
    model = masked_model(RULES[kind])
    other = masked_model(lambda layer: sos.MagnitudePruning(layer, EVERY))
    for each in (model, other):
        sos.UpdateSparsity().update(each, 0)
        each.train_on_batch(X, Y)
    for name in LAYERS:
        found = [each.get_layer(name).layer.kernel.numpy() for each in (model, other)]
        np.testing.assert_array_equal(*found)


def test_a_layer_called_twice_records_the_sum():
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared", use_bias=False)
    plain = keras.Model(inputs, shared(shared(inputs)))
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model = sos.sparsify(plain, RULES["gradient"])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    sos.UpdateSparsity().update(model, 0)
    model.train_on_batch(x, 0 * x)
    kernel, x = shared.kernel.numpy().astype("float64"), x.astype("float64")
    upstream = 2 * x @ kernel @ kernel / x.size
    expected = (x @ kernel).T @ upstream + x.T @ (upstream @ kernel.T)
    np.testing.assert_allclose(record_of(model, "shared"), expected, rtol=1e-4, atol=1e-6)


def test_what_was_never_recorded_is_no_record():
    model = compiled(sos.sparsify(plain_model(), RULES["saliency"]))
    with pytest.raises(ValueError, match=r"no saliency of its kernel .*sos\.observe\(model, batch"):
        sos.UpdateSparsity().update(model, 1)


def test_a_gradient_of_nan_is_no_record():
    model = masked_model(RULES["saliency"])
    sos.UpdateSparsity().update(model, 0)
    model.train_on_batch(np.full_like(X, np.nan), Y)
    with pytest.raises(ValueError, match="is NaN at a sparsity update: training has diverged"):
        record_of(model, "head")


@pytest.mark.parametrize("drive", ["fit", "update"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"gradient_accumulation_steps": 2},
            "`gradient_accumulation_steps` must be None with RigL",
        ),
        ({"use_ema": True}, "`use_ema` must be False with RigL"),
    ],
)
def test_what_keras_cannot_record_by_is_refused_before_training(options, message, drive):
    model = sos.sparsify(plain_model(), RULES["gradient"])
    model.compile(keras.optimizers.SGD(0.05, **options), "mse")
    with pytest.raises(ValueError, match=message):
        fit(model, [sos.UpdateSparsity()]) if drive == "fit" else sos.UpdateSparsity().update(
            model, 0
        )
    assert int(model.optimizer.iterations) == 0


def test_the_optimizer_keeps_nothing_of_records():
    model = masked_model(RULES["gradient"])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    fit(model, [sos.UpdateSparsity()])
    paths = [variable.path for variable in model.optimizer.variables]
    assert any("kernel_momentum" in path for path in paths)
    assert not any("gradient" in path for path in paths)


def test_clipping_and_weight_decay_do_not_change_records():
    found = []
    for options in ({}, {"clipnorm": 1e-3, "weight_decay": 0.1}):
        model = masked_model(RULES["gradient"])
        model.compile(keras.optimizers.SGD(0.05, **options), "mse")
        sos.UpdateSparsity().update(model, 0)
        model.train_on_batch(X, Y)
        found.append(record_of(model, "head"))
    np.testing.assert_array_equal(*found)


def test_a_frozen_layer_records_nothing_and_trains():
    model = masked_model(RULES["gradient"])
    model.get_layer("convolution").trainable = False
    model.compile(keras.optimizers.SGD(0.05), "mse")
    with pytest.warns(UserWarning, match="Frozen layers are sparse"):
        sos.UpdateSparsity().update(model, 0)
    model.train_on_batch(X, Y)
    assert np.isfinite(record_of(model, "head")).all()
    with pytest.raises(ValueError, match="no gradient of its kernel"):
        record_of(model, "convolution")
