"""Powerpropagation: weights that are powers of what is stored, whatever makes them sparse."""

import keras
import numpy as np
import pytest
from keras import ops

import state_of_sparsity as sos
from state_of_sparsity.wrapping.stored_weights import reparametrize
from tests.conformance import X, Y, compiled, fit, outputs_of, plain_model
from tests.slow_variants import slow_but
from tests.technique import LAYERS

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=1, frequency=1)
TECHNIQUES = {
    "magnitude": lambda layer, **own: sos.MagnitudePruning(layer, HALF, **own),
    "straight through": lambda layer, **own: sos.StraightThrough(layer, HALF, decay=0.01, **own),
    "Top-KAST": lambda layer, **own: sos.TopKAST(layer, HALF, 0.3, penalty=0.01, **own),
    "movement": lambda layer, **own: sos.MovementPruning(layer, HALF, **own),
    "saliency": lambda layer, **own: sos.SaliencyPruning(layer, HALF, **own),
    "soft threshold": lambda layer, **own: sos.SoftThreshold(layer, 0.01, -3.0, **own),
    "variational dropout": lambda layer, **own: sos.VariationalDropout(
        layer, 0.01, initial_log_sigma2=-30.0, seed=1, **own
    ),
    "L0": lambda layer, **own: sos.L0Regularization(layer, 0.01, 0.95, seed=1, **own),
}
every_technique = pytest.mark.parametrize("name", TECHNIQUES)


def power(weight, alpha):
    return np.sign(weight) * np.abs(weight) ** alpha


def sparse(name, alpha=2.0, plain=None, **options):
    form = {} if alpha is None else {"reparametrization": sos.Powerpropagation(alpha)}
    rule = lambda layer: TECHNIQUES[name](layer, **form)  # noqa: E731
    return compiled(sos.sparsify(plain or plain_model(), rule), **options)


def stored(model, layer="head"):
    return model.get_layer(layer).layer.kernel.numpy()


def gradient(function, value):
    """Returns the derivative of a function's sum by a variable's value, by the backend."""
    variable = keras.Variable(value, dtype=value.dtype)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total = ops.sum(function(ops.convert_to_tensor(variable)))
        return ops.convert_to_numpy(tape.gradient(total, variable.value))
    import jax

    return np.asarray(jax.grad(lambda v: ops.sum(function(v)))(variable.value))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("alpha", [1, 1.3, 2, 3.5])
def test_the_gradient_is_that_of_the_equation_also_at_zero(alpha, dtype):
    theta = np.array([-1.5, -0.25, -1e-7, 0.0, 0.5, 2.0])
    found = gradient(sos.Powerpropagation(alpha).weight, ops.cast(theta, dtype))
    expected = alpha * np.abs(theta) ** (alpha - 1)
    tolerance = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(found.astype("float32"), expected, tolerance, atol=tolerance)
    weight = sos.Powerpropagation(alpha).weight(ops.cast(theta, dtype))
    found = ops.convert_to_numpy(weight).astype("float32")
    np.testing.assert_allclose(found, power(theta, alpha), tolerance, atol=1e-6)


def test_a_step_of_gradient_descent_by_hand():
    """Of a squared error with one example: dL/dw = 2 (x w - y) x / outputs."""
    layer = keras.layers.Dense(2, use_bias=False, name="head")
    model = sos.sparsify(
        keras.Sequential([keras.Input((2,)), layer]),
        lambda layer: sos.MagnitudePruning(layer, HALF, reparametrization=sos.Powerpropagation(3)),
    )
    theta = np.array([[0.5, -1.0], [0.0, 0.9]])
    layer.kernel.assign(theta)
    x, y = np.array([[1.0, 2.0]]), np.array([[0.25, -0.5]])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    sos.UpdateSparsity().update(model, 0)
    model.train_on_batch(x, y)
    by_weight = 2 * x.T @ (x @ power(theta, 3) - y) / 2
    expected = theta - 0.1 * 3 * theta**2 * by_weight
    np.testing.assert_allclose(layer.kernel.numpy(), expected, rtol=1e-5)


@every_technique
def test_outputs_stay_as_they_are(name):
    """Up to rounding, and to what a technique changes without it as well."""
    ordinary, model = sparse(name, None), sparse(name, 2.5)
    np.testing.assert_allclose(outputs_of(model), outputs_of(ordinary), rtol=1e-5, atol=1e-6)
    first = {layer: plain_model().get_layer(layer).kernel.numpy() for layer in LAYERS}
    for layer in LAYERS:
        np.testing.assert_allclose(power(stored(model, layer), 2.5), first[layer], rtol=1e-5)


@pytest.mark.filterwarnings("ignore:No gate of sos.L0Regularization")
@pytest.mark.parametrize("name", slow_but(("magnitude", "soft threshold", "L0"), TECHNIQUES))
def test_what_leaves_the_model_are_weights(name, tmp_path):
    """Trained, saved, loaded, stripped, frozen: everything predicts the same."""
    model = sparse(name, 1.7)
    assert np.isfinite(fit(model, [sos.UpdateSparsity()])).all()
    expected, masks = outputs_of(model), sos.masks(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for layer in LAYERS:
        np.testing.assert_array_equal(stored(loaded, layer), stored(model, layer))
    np.testing.assert_array_equal(outputs_of(loaded), expected)
    close = {"rtol": 1e-5, "atol": 1e-6}
    plain = sos.strip(model)
    np.testing.assert_allclose(outputs_of(plain), expected, **close)
    assert sos.report(model).nonzero == sum(mask.sum() for mask in masks.values())
    sos.write_zeros(model)
    np.testing.assert_allclose(outputs_of(model), expected, **close)
    np.testing.assert_allclose(outputs_of(sos.strip(loaded, in_place=True)), expected, **close)
    frozen = sos.freeze(model)
    np.testing.assert_allclose(outputs_of(frozen), expected, **close)
    for layer in LAYERS:
        weights = plain.get_layer(layer).kernel.numpy()
        mask = sos.masks(frozen)[f"{layer}/kernel"]
        np.testing.assert_allclose(np.where(mask, stored(frozen, layer), 0), weights, **close)


@every_technique
def test_gradients_go_by_the_chain_rule(name):
    """A step from the same weights moves theta by the ordinary step times its derivative."""
    ordinary, model = sparse(name, None), sparse(name, 2.0)
    before = {"weight": stored(ordinary), "theta": stored(model)}
    for each in (ordinary, model):
        driver = sos.UpdateSparsity()
        driver.update(each, 0)
        each.train_on_batch(X, Y)
    step = stored(ordinary) - before["weight"]
    expected = 2 * np.abs(before["theta"]) * step
    assert np.abs(step).max() > 1e-3
    np.testing.assert_allclose(stored(model) - before["theta"], expected, rtol=2e-3, atol=1e-5)


def test_saliencies_are_those_of_weights():
    ordinary, model = sparse("saliency", None), sparse("saliency")
    for each in (ordinary, model):
        sos.observe(each, [(X, Y)])
    for layer in LAYERS:
        found, expected = (
            each.get_layer(layer).record(each.get_layer(layer).sparse_kernels[0])
            for each in (model, ordinary)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_global_threshold_compares_weights():
    """Also of layers with other powers."""
    share = {"distribution": sos.distributions.GlobalThreshold("all")}
    powers = {"convolution": sos.Powerpropagation(3), "head": None}
    model = sos.sparsify(
        plain_model(),
        lambda layer: sos.MagnitudePruning(
            layer, HALF, reparametrization=powers[layer.name], **share
        ),
    )
    expected = sos.sparsify(plain_model(), lambda layer: sos.MagnitudePruning(layer, HALF, **share))
    for each in (model, expected):
        sos.UpdateSparsity().update(each, 1)
    for path, mask in sos.masks(expected).items():
        np.testing.assert_array_equal(sos.masks(model)[path], mask)


def test_with_a_pattern():
    model = sos.sparsify(
        plain_model(),
        lambda layer: sos.MagnitudePruning(
            layer,
            HALF,
            pattern=sos.patterns.PerOutput(),
            reparametrization=sos.Powerpropagation(2),
        ),
    )
    sos.UpdateSparsity().update(model, 1)
    assert set(sos.masks(model)["head/kernel"].sum(0)) == {4}


def test_regularizers_and_constraints_are_of_weights():
    model = sparse(
        "magnitude",
        2.0,
        plain_model(
            kernel_regularizer=lambda axes: keras.regularizers.L2(0.1),
            kernel_constraint=lambda axes: keras.constraints.MaxNorm(0.3, axes),
        ),
    )
    weights = [power(stored(model, layer), 2) for layer in LAYERS]
    penalty = float(ops.convert_to_numpy(sum(model.losses)))
    np.testing.assert_allclose(penalty, sum(0.1 * (w**2).sum() for w in weights), rtol=1e-4)
    fit(model, [sos.UpdateSparsity()])
    norms = np.linalg.norm(sos.strip(model).get_layer("head").kernel.numpy(), axis=0)
    assert norms.max() <= 0.3 + 1e-5
    before = stored(model)
    model.optimizer.learning_rate = 0.0
    fit(model, [sos.UpdateSparsity()])
    np.testing.assert_allclose(stored(model), before, rtol=1e-5)  # no drift


def test_a_layer_that_assigns_its_own_kernel_assigns_weights():
    inner = keras.layers.Dense(3, name="inner", kernel_initializer="ones")
    layer = keras.layers.SpectralNormalization(inner, name="spectral")
    form = {"reparametrization": sos.Powerpropagation(2)}
    model = keras.Sequential([keras.Input((4,)), layer])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, HALF, **form))
    model(np.ones((2, 4)), training=True)
    np.testing.assert_allclose(inner.kernel.numpy() ** 2, 12**-0.5, rtol=1e-3)  # the norm is 1


def test_a_layer_that_is_built_later_is_initialized_alike():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = sos.MagnitudePruning(
                keras.layers.Dense(3, kernel_initializer=keras.initializers.Constant(0.25)),
                HALF,
                reparametrization=sos.Powerpropagation(2),
            )

        def call(self, x, training=None):
            return self.head(keras.layers.Flatten()(x))

    by_call, traced = Net(), Net()
    by_call(X)
    traced.compile(loss="mse")
    traced.evaluate(X, Y, verbose=0)
    for model in (by_call, traced):
        np.testing.assert_allclose(model.head.layer.kernel.numpy(), 0.5, rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a tf.function")
def test_a_layer_that_a_function_would_build_is_refused():
    import tensorflow as tf

    layer = sos.MagnitudePruning(
        keras.layers.Dense(2), HALF, reparametrization=sos.Powerpropagation(2)
    )
    with pytest.raises(ValueError, match=r"must be built before a `tf\.function` calls it"):
        tf.function(lambda x: layer(x))(tf.ones((1, 3)))


def test_a_failure_leaves_the_model_as_it_was():
    plain = plain_model()
    before = plain.get_weights(), outputs_of(plain)

    def rule(layer):
        if layer.name == "head":
            raise RuntimeError("of the user")
        return TECHNIQUES["magnitude"](layer, reparametrization=sos.Powerpropagation(3))

    with pytest.raises(RuntimeError, match="of the user"):
        sos.sparsify(plain, rule)
    for array, expected in zip(plain.get_weights(), before[0], strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5)
    model = sparse("magnitude", 2.0, plain)
    np.testing.assert_allclose(outputs_of(model), before[1], rtol=1e-5, atol=1e-6)


def test_another_wrapper_around_a_layer_takes_its_weights():
    layer = plain_model().get_layer("head")
    weights = layer.kernel.numpy()
    for form in (sos.Powerpropagation(2), sos.Powerpropagation(3), None):
        sos.MagnitudePruning(layer, HALF, reparametrization=form)
        expected = weights if form is None else power(weights, 1 / form.alpha)
        np.testing.assert_allclose(layer.kernel.numpy(), expected, rtol=1e-5)
    before = layer.kernel.numpy()
    reparametrize(layer.kernel, None)
    np.testing.assert_array_equal(layer.kernel.numpy(), before)


def test_weights_of_another_form_are_refused(tmp_path):
    models = {alpha: sparse("magnitude", alpha) for alpha in (None, 2.0, 3.0)}
    for alpha, model in models.items():
        model.save_weights(tmp_path / f"{alpha}.weights.h5")
    for alpha, model in models.items():
        for other in models:
            path = tmp_path / f"{other}.weights.h5"
            if other == alpha:
                model.load_weights(path)
                continue
            with pytest.raises(ValueError, match="the same `reparametrization`"):
                model.load_weights(path)


def test_configurations_name_it_where_there_is_one():
    assert "reparametrization" not in TECHNIQUES["magnitude"](keras.layers.Dense(2)).get_config()
    for make in TECHNIQUES.values():
        layer = make(keras.layers.Dense(2), reparametrization=sos.Powerpropagation(2.5))
        again = type(layer).from_config(layer.get_config())
        assert again.reparametrization == sos.Powerpropagation(2.5)


@pytest.mark.parametrize(
    "technique",
    [
        lambda layer, **own: sos.SET(layer, HALF, **own),
        lambda layer, **own: sos.RigL(layer, HALF, end_step=8, **own),
        lambda layer, **own: sos.ACDC(layer, sos.schedules.Alternating(0.5, 1, 2, 9), **own),
    ],
    ids=["SET", "RigL", "ACDC"],
)
def test_techniques_whose_weights_begin_at_0_refuse_it(technique):
    with pytest.raises(ValueError, match=r"`reparametrization` must be None with .*begin"):
        technique(keras.layers.Dense(2), reparametrization=sos.Powerpropagation(2))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"`alpha` must be .*at least 1"):
        sos.Powerpropagation(0.5)
    with pytest.raises(ValueError, match=r"write sos\.Powerpropagation\(2\)"):
        TECHNIQUES["magnitude"](keras.layers.Dense(2), reparametrization=sos.Powerpropagation)
    with pytest.raises(ValueError, match="`reparametrization` must be None or"):
        TECHNIQUES["magnitude"](keras.layers.Dense(2), reparametrization=2)
    layer = plain_model().get_layer("head")
    layer.enable_lora(1)
    with pytest.raises(ValueError, match="`reparametrization` must be None where LoRA"):
        TECHNIQUES["magnitude"](layer, reparametrization=sos.Powerpropagation(2))
