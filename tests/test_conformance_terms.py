"""What holds for every technique of a layer's own constraints and regularizers.

They act on the kernel that evaluation uses, which is what the stripped model has.
"""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import (
    TECHNIQUES,
    X,
    Y,
    compiled,
    every_technique,
    one_of_each,
    penalty_of,
    plain_model,
    sparse_model,
)
from tests.slow_variants import slow_but
from tests.technique import LAYERS, WEIGHT, kernels_of, state_of
from tests.test_conformance_running import with_graphs


@keras.saving.register_keras_serializable()
def smaller_than_a_half(kernel):
    """A constraint of the user's own."""
    return keras.ops.clip(kernel, -0.5, 0.5)


@keras.saving.register_keras_serializable()
def weighted_cubes(kernel):
    """A regularizer of the user's own."""
    weights = keras.ops.arange(1.0, 4.0, dtype=kernel.dtype)[: kernel.shape[-1]]
    return 0.1 * keras.ops.sum(weights * keras.ops.abs(kernel) ** 3)


def norms(kernel):
    """Returns the norms of what feeds each output, of those that have any weight left."""
    columns = kernel.reshape(-1, kernel.shape[-1])
    return np.linalg.norm(columns[:, columns.any(axis=0)], axis=0)


CONSTRAINTS = {
    "unit_norm": (
        lambda axis: keras.constraints.UnitNorm(axis),
        lambda kernel: np.testing.assert_allclose(norms(kernel), 1, rtol=1e-4),
    ),
    "max_norm": (
        lambda axis: keras.constraints.MaxNorm(0.7, axis),
        lambda kernel: np.testing.assert_array_less(norms(kernel), 0.7 + 1e-4),
    ),
    "min_max_norm": (
        lambda axis: keras.constraints.MinMaxNorm(0.6, 0.8, axis=axis),
        lambda kernel: np.testing.assert_allclose(norms(kernel), 0.7, atol=0.1 + 1e-4),
    ),
    "non_neg": (
        lambda axis: keras.constraints.NonNeg(),
        lambda kernel: np.testing.assert_array_equal(kernel, np.abs(kernel)),
    ),
    "a user's": (
        lambda axis: smaller_than_a_half,
        lambda kernel: np.testing.assert_array_less(np.abs(kernel), 0.5 + 1e-6),
    ),
}
REGULARIZERS = {
    "l1": lambda axes: keras.regularizers.L1(0.1),
    "l2": lambda axes: keras.regularizers.L2(0.1),
    "l1_l2": lambda axes: keras.regularizers.L1L2(0.1, 0.1),
    "a user's": lambda axes: weighted_cubes,
}


def constrained_and_trained(name, constraint, jit_compile=False):
    plain, eager = plain_model(kernel_constraint=constraint), not jit_compile
    model = sparse_model(name, plain=plain, run_eagerly=eager, jit_compile=jit_compile)
    drive = sos.UpdateSparsity()
    drive.update(model, 4)
    model.train_on_batch(X, Y)
    drive.update(model, 8)  # the last, after training
    return model


def check_kernels(model, check):
    stripped = sos.strip(model)
    kernels = kernels_of(stripped).values()
    assert any(kernel.any() for kernel in kernels)
    for kernel in kernels:
        check(kernel)
    for layer in map(stripped.get_layer, LAYERS):  # the layer's own, by its configuration
        assert type(layer.kernel.constraint) is type(layer.kernel_constraint)


@one_of_each
def test_constraints_hold_of_the_stripped_model_whatever_came_last(name):
    constraint, check = CONSTRAINTS["unit_norm"]
    model = constrained_and_trained(name, constraint)
    check_kernels(model, check)
    present = np.concatenate([m.reshape(-1) for m in sos.masks(model).values()])
    assert 0 < present.sum() < present.size


@pytest.mark.parametrize("name", slow_but(["magnitude", "l0"], TECHNIQUES))
@pytest.mark.parametrize("kind", [kind for kind in CONSTRAINTS if kind != "unit_norm"])
def test_every_kind_of_constraint(name, kind):
    constraint, check = CONSTRAINTS[kind]
    check_kernels(constrained_and_trained(name, constraint), check)


@pytest.mark.parametrize("name", slow_but(["l0"], ("magnitude", "variational dropout", "l0")))
@with_graphs
def test_constraints_under_jit_and_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    constraint, check = CONSTRAINTS["unit_norm"]
    check_kernels(constrained_and_trained(name, constraint, jit_compile=True), check)


def regularized(name, kind):
    """Returns a sparse model at a sparsity of 3/4, and its loss less the technique's penalty."""
    technique = TECHNIQUES[name]
    plain = plain_model(kernel_regularizer=REGULARIZERS[kind])
    model = sparse_model(name, plain=plain, run_eagerly=True)
    sos.UpdateSparsity().update(model, 8)
    penalty = 0.0
    if technique.penalty is not None:
        states = [state_of(model, kept) for kept in technique.variables]
        for path, kernel in kernels_of(model).items():
            penalty += WEIGHT * technique.penalty(kernel, *(s[path].numpy() for s in states))
    return model, penalty_of(model) - penalty


@every_technique
@pytest.mark.parametrize("kind", slow_but(["l2"], REGULARIZERS))
def test_regularizers_count_what_the_stripped_model_has(name, kind):
    model, own = regularized(name, kind)
    expected = penalty_of(sos.strip(model))
    assert expected > 0
    np.testing.assert_allclose(own, expected, rtol=1e-4)


@one_of_each
def test_the_loss_is_that_of_the_stripped_model_and_of_the_model_loaded_again(name, tmp_path):
    model, _ = regularized(name, "l2")
    loss = model.evaluate(X, Y, verbose=0)
    if TECHNIQUES[name].penalty is None:
        stripped = compiled(sos.strip(model), run_eagerly=True).evaluate(X, Y, verbose=0)
        np.testing.assert_allclose(loss, stripped, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.evaluate(X, Y, verbose=0), loss, rtol=1e-5)


@one_of_each
def test_no_regularizer_moves_a_weight_that_is_absent(name):
    plain = plain_model(kernel_regularizer=REGULARIZERS["l1_l2"])
    model = sparse_model(name, plain=plain)
    model.compile(
        keras.optimizers.SGD(0.05), lambda y, out: 0.0 * keras.ops.sum(out), run_eagerly=True
    )
    drive = sos.UpdateSparsity()
    drive.update(model, 8)
    masks, before = sos.masks(model), kernels_of(model)
    if TECHNIQUES[name].penalty is not None:  # it may move every mean: take it off
        for wrapper in sos.sparse_layers(model).values():
            if wrapper.penalizes_stored:
                wrapper.stored_penalty = lambda kernel: 0.0 * keras.ops.sum(kernel.variable)
            else:
                wrapper.penalty = lambda theta, *learned: 0.0 * keras.ops.sum(theta)
    model.train_on_batch(X, Y)
    for path, after in kernels_of(model).items():
        np.testing.assert_array_equal(after[~masks[path]], before[path][~masks[path]])
    moved = [(after != before[path])[masks[path]] for path, after in kernels_of(model).items()]
    assert np.concatenate(moved).any()


def test_gates_that_are_all_shut_leave_a_regularizers_gradient_finite():
    layer = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())
    model = keras.Sequential([keras.Input((4,)), layer])
    model = sos.sparsify(model, lambda layer: sos.L0Regularization(layer, 0.0))
    log_alpha = next(v for v in model.variables if v.name == "log_alpha")
    log_alpha.assign(np.where(np.arange(12).reshape(4, 3) < 6, -9.0, 9.0))
    model.compile("sgd", "mse", run_eagerly=True)
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    assert np.isfinite(layer.kernel.numpy()).all()


LAYERS_OF_KERAS = {
    "lstm": (
        lambda term: keras.layers.LSTM(3, recurrent_constraint=term, kernel_constraint=term),
        (4, 5),
    ),
    "separable": (
        lambda term: keras.layers.SeparableConv1D(
            3, 2, depthwise_constraint=term, pointwise_constraint=term
        ),
        (4, 5),
    ),
    "depthwise": (lambda term: keras.layers.DepthwiseConv1D(2, depthwise_constraint=term), (4, 5)),
    "attention": (
        lambda term: keras.layers.GroupQueryAttention(2, 2, 1, kernel_constraint=term),
        (4, 5),
    ),
    "embedding": (lambda term: keras.layers.Embedding(7, 3, embeddings_constraint=term), (4,)),
    "transposed": (lambda term: keras.layers.Conv1DTranspose(2, 2, kernel_constraint=term), (4, 5)),
    "einsum": (
        lambda term: keras.layers.EinsumDense("abc,cd->abd", (None, 3), kernel_constraint=term),
        (4, 5),
    ),
}
ONE_OF_A_KIND = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(0.5, 0)),
    "variational dropout": lambda layer: sos.VariationalDropout(
        layer, 0.0, initial_log_sigma2=-4.0, clip_log_alpha=None
    ),
    "l0": lambda layer: sos.L0Regularization(layer, 0.0, initial_keep=0.6),
}


@pytest.mark.parametrize("technique", slow_but(["magnitude"], ONE_OF_A_KIND))
@pytest.mark.parametrize("kind", LAYERS_OF_KERAS)
def test_constraints_of_every_kernel_of_a_layer(technique, kind):
    make, shape = LAYERS_OF_KERAS[kind]
    inputs = keras.Input(shape)
    layer = make(keras.constraints.NonNeg())
    inside = [inputs] * (2 if kind == "attention" else 1)
    model = keras.Model(inputs, keras.ops.sum(layer(*inside), axis=-1))
    sparse = sos.sparsify(model, ONE_OF_A_KIND[technique])
    sparse.compile("sgd", "mse", run_eagerly=True)
    drive = sos.UpdateSparsity() if technique == "magnitude" else None
    x = np.ones((2, *shape))
    targets = np.ones(sparse.predict(x, verbose=0).shape)
    for step in range(2):
        if drive:
            drive.update(sparse, step)
        sparse.train_on_batch(x, targets)
    (wrapper,) = sos.sparse_layers(sparse).values()
    for kernel in wrapper.sparse_kernels:
        value = wrapper.evaluation_kernel(kernel)
        assert value.any() and (value >= 0).all(), kernel.name


def test_a_layer_wrapped_again_has_its_own_terms_once():
    layer = keras.layers.Dense(3, kernel_constraint="unit_norm", kernel_regularizer="l2")
    layer.build((None, 4))
    regularizer, constraint = layer.kernel.regularizer, layer.kernel.constraint
    for mask in (np.ones((4, 3)), np.eye(4, 3)):
        wrapper = sos.FixedMask(layer, mask)
        assert layer.kernel.regularizer.original is regularizer
        assert layer.kernel.constraint.original is constraint
        np.testing.assert_allclose(
            float(sum(wrapper.losses)), 0.01 * np.sum((layer.kernel.numpy() * mask) ** 2), rtol=1e-5
        )
    assert layer.kernel_regularizer is regularizer and layer.kernel_constraint is constraint
    assert layer.bias.constraint is None and layer.bias.regularizer is None


def test_terms_of_a_value_that_is_not_the_stored_one():
    layer = keras.layers.Dense(2, kernel_constraint="non_neg", kernel_regularizer="l1")
    layer.build((None, 2))
    sos.FixedMask(layer, np.eye(2))
    stored, value = layer.kernel.numpy(), np.float32([[-1, -2], [-3, 4]])
    np.testing.assert_allclose(float(layer.kernel.regularizer(value)), 0.01 * 5, rtol=1e-5)
    np.testing.assert_array_equal(layer.kernel.constraint(value), [[0, -2], [-3, 4]])
    np.testing.assert_array_equal(layer.kernel.numpy(), stored)


def test_a_frozen_kernel_is_not_constrained_at_an_update():
    layer = keras.layers.Dense(3, kernel_constraint="unit_norm")
    layer.build((None, 4))
    layer.trainable = False
    stored = layer.kernel.numpy()
    wrapper = sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(0.5, 0))
    wrapper.update(0, 0.5, [wrapper])
    np.testing.assert_array_equal(layer.kernel.numpy(), stored)


def test_copies_of_a_sparse_model_have_terms_of_their_own():
    import copy

    plain = plain_model(kernel_regularizer=REGULARIZERS["l2"])
    model = sparse_model("magnitude", plain=plain)
    sos.UpdateSparsity().update(model, 8)
    before = penalty_of(model)
    for other in (copy.deepcopy(model), keras.models.clone_model(model)):
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(penalty_of(other), before, rtol=1e-6)
        for layer in map(other.get_layer, LAYERS):
            assert layer.layer.kernel.regularizer.wrapper is layer
