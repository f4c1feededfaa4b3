import keras
import numpy as np
import pytest
import tensorflow as tf

from state_of_sparsity.training.first_trace import make_metrics


class Counting(keras.Sequential):
    """Counts how often Python runs its training step, that is how often it is traced."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


def compiled(**options):
    model = Counting([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), **options)
    model.optimizer.build(model.trainable_variables)  # as experiments do
    return model


def batches(*more, **options):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, np.arange(8) % 4, *more)).batch(4, **options)


@pytest.mark.parametrize("more", [(), (np.ones(8, "float32"),)], ids=["plain", "weighted"])
@pytest.mark.parametrize("executed", [1, 2])
def test_the_first_step_is_traced_once(executed, more):
    options = {"weighted_metrics" if more else "metrics": ["accuracy"]}
    model = compiled(steps_per_execution=executed, **options)
    data = batches(*more)
    make_metrics(model, data)
    names = [variable.path for variable in model.metrics_variables]
    assert "accuracy/total" in " ".join(names)
    assert not any(np.any(keras.ops.convert_to_numpy(v)) for v in model.metrics_variables)
    model.fit(data, shuffle=False, verbose=0)
    assert model.traces == 1
    assert [variable.path for variable in model.metrics_variables] == names


def test_what_is_no_dataset_of_labels_is_left_to_the_first_step():
    model = compiled(metrics=["accuracy"])
    for data in (iter([1]), [1], tf.data.Dataset.from_tensors(np.zeros((2, 3)))):
        make_metrics(model, data)
    assert len(model.metrics_variables) == 2  # those of the loss


class OfABatch(keras.metrics.Mean):
    """Needs to know how many examples a batch has."""

    def update_state(self, y, y_pred, sample_weight=None):
        super().update_state(keras.ops.zeros(y.shape[0]) + float(y_pred.shape[0]))


class OwnStep(Counting):
    """Gives its metrics something else than its outputs."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred["probabilities"], sample_weight)

    def train_step(self, data):
        return self.compute_metrics(*data, {"probabilities": self(data[0])})


def test_a_metric_that_goes_by_the_size_of_the_batch():
    model = compiled(metrics=[OfABatch()])
    data = batches(drop_remainder=True)
    make_metrics(model, data)
    model.fit(data, shuffle=False, verbose=0)
    assert model.traces == 1


def test_what_fails_here_is_left_to_the_first_step():
    model = OwnStep([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", "mse", metrics=["accuracy"])
    make_metrics(model, batches())
    assert model.fit(batches(), shuffle=False, verbose=0).history["accuracy"]
