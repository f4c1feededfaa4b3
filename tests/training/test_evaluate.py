import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.evaluate import evaluate, evaluator
from tests.training.experiments import small_experiment

LOSS = keras.losses.MeanSquaredError()
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(10, 4)).astype("float32"), RNG.normal(size=(10, 2)).astype("float32")


class AddsLoss(keras.layers.Layer):
    def call(self, x):
        self.add_loss(100.0 + 0.0 * keras.ops.sum(x))
        return x


def penalized():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(
                3, kernel_regularizer=keras.regularizers.L2(0.1), activity_regularizer="l1"
            ),
            AddsLoss(),
            keras.layers.Dense(2),
        ]
    )


def batches():
    """Batches of unequal size, the mean over which is the mean over examples."""

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            part = slice(None, 7) if index == 0 else slice(7, None)
            return X[part], Y[part]

    return Batches()


def data_loss(model):
    return float(np.mean(np.square(keras.ops.convert_to_numpy(model(X)) - Y)))


@pytest.mark.parametrize(
    "technique",
    [
        None,
        lambda layer: sos.VariationalDropout(layer, kl_weight=1.0),
        lambda layer: sos.L0Regularization(layer, l0_weight=1.0),
    ],
)
def test_the_loss_is_that_of_the_data_alone(technique):
    model = penalized()
    if technique:
        model = sos.sparsify(model, technique)
    found = evaluate(model, batches(), LOSS, [])
    assert found["loss"] == pytest.approx(data_loss(model), rel=1e-6)
    # Keras adds the penalties again once the model is compiled for something else.
    model.compile(loss=LOSS)
    assert model.evaluate(batches(), verbose=0) > 100


def test_metric_objects_begin_anew_for_every_model():
    metrics = ["mae", keras.metrics.MeanSquaredError(name="squared")]
    for model in (penalized(), penalized()):
        found = evaluate(model, batches(), LOSS, metrics)
        assert set(found) == {"loss", "mae", "squared"}
        assert found["squared"] == pytest.approx(data_loss(model), rel=1e-6)
        assert evaluate(model, batches(), LOSS, metrics) == found


def test_an_evaluator_sees_changed_weights():
    model = penalized()
    with evaluator(model, LOSS, []) as evaluate_batches:
        before = evaluate_batches(batches())
        model.layers[-1].kernel.assign(np.zeros((3, 2)))
        after = evaluate_batches(batches())
    assert after["loss"] == pytest.approx(np.mean(np.square(Y)), rel=1e-6)
    assert after != before


def test_sparse_and_stripped_models_have_the_same_loss():
    experiment = small_experiment("variational_dropout")
    model = experiment.build()
    found = [
        evaluate(each, experiment.data.test(), experiment.loss, experiment.metrics)
        for each in (model, sos.strip(model))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
