"""Top-KAST against its formula, step by step in numpy."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.layers.linear_regression import (
    HALF,
    RATE,
    X,
    Y,
    gradient_of,
    loss_of,
    regression,
    smallest,
    step,
    stored,
)


def test_five_steps_of_the_published_update():
    penalty = 0.2
    model, wrapper = regression(lambda layer: sos.TopKAST(layer, HALF, 0.2, penalty=penalty))
    weights = stored(wrapper)
    for number in range(5):
        used, trained = smallest(weights, 7), smallest(weights, 3)
        squares = weights**2 / 2
        exploration = squares[used].sum() + squares[trained & ~used].sum() * 15 / 8
        loss = step(model, number)
        np.testing.assert_allclose(loss, loss_of(weights * used) + penalty * exploration, rtol=1e-5)
        of_penalty = penalty * weights * np.where(used, 1.0, 15 / 8)
        weights -= RATE * np.where(trained, gradient_of(weights * used) + of_penalty, 0.0)
        np.testing.assert_allclose(stored(wrapper), weights, rtol=1e-4, atol=1e-6)


def test_what_is_trained_is_never_less_than_what_computes():
    model, wrapper = regression(lambda layer: sos.TopKAST(layer, HALF, 0.8))
    with pytest.warns(UserWarning, match="`backward_sparsity` of 'dense' should be below"):
        model.fit(X, Y, callbacks=[sos.UpdateSparsity()], verbose=0)
    masks = wrapper.beside["kernel"]
    np.testing.assert_array_equal(masks["backward_mask"].numpy(), masks["mask"].numpy())


def test_kernels_of_which_nothing_computes_have_a_finite_penalty():
    layer = keras.layers.Dense(1, use_bias=False)
    layer.build((None, 1))
    schedule = sos.schedules.ConstantSparsity(0.9, begin_step=0)
    wrapper = sos.TopKAST(layer, schedule, 0.0, penalty=2.0)
    wrapper.update(0, 0.9, [wrapper])
    assert not wrapper.present(wrapper.sparse_kernels[0]).any()
    np.testing.assert_allclose(float(sum(wrapper.losses)), layer.kernel.numpy().item() ** 2, 1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backward_sparsity": 1.0}, "`backward_sparsity` must be a fraction"),
        ({"backward_sparsity": 0.5, "penalty": -1}, "`penalty` must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sos.TopKAST(keras.layers.Dense(3), HALF, **arguments)


def test_a_pattern_that_the_schedule_cannot_end_at_is_refused_before_training():
    too_sparse = lambda step: (step == 2, 0.9)  # noqa: E731
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    rule = lambda layer: sos.TopKAST(  # noqa: E731
        layer, too_sparse, 0.25, pattern=sos.patterns.NOfM(2, 4)
    )
    sparse = sos.sparsify(model, rule)
    sparse.compile("sgd", "mse")
    with pytest.raises(ValueError, match="at step 2"):
        sparse.fit(np.ones((8, 8)), np.ones((8, 4)), batch_size=2, callbacks=[sos.UpdateSparsity()])
    assert int(sparse.optimizer.iterations) == 0
