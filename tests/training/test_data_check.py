"""Data that are not there, or of other classes than the model's."""

import keras
import numpy as np
import pytest

from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.optimizers.warm_up_and_drops import WarmUpAndDrops
from state_of_sparsity.training.data_check import open_data


class Labelled(Digits):
    """Digits that say how many classes they have."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes


def network(outputs):
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(outputs)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("data", [Digits(), Labelled(None), Labelled(10)])
def test_a_model_of_as_many_classes_is_let_through(data):
    open_data(data, network(10))
    inputs = keras.Input((8, 8, 1))
    open_data(data, keras.Model(inputs, [inputs, inputs]))  # which of them are classes?


@pytest.mark.parametrize("outputs", [9, 11, 1000])
def test_a_model_of_other_classes_is_refused(outputs):
    message = rf"`classes` must be 10, as .*Received: a model with {outputs:,} outputs.*CLASSES"
    with pytest.raises(ValueError, match=message):
        open_data(Labelled(10), network(outputs))
    open_data(Labelled(None), network(outputs))


def test_what_training_reads_is_looked_for():
    class Missing(Digits):
        def train(self, first_step=0, worker=0, workers=1):
            raise ValueError("`data_dir` must hold images.")

    with pytest.raises(ValueError, match="`data_dir` must hold images"):
        open_data(Missing(), network(10))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])  # with a scale of the loss
@pytest.mark.parametrize(("examples", "classes"), [(1077, 10), (1000, 10), (1000, None)])
def test_epochs_of_another_number_of_examples_are_warned_of(examples, classes, policy, recwarn):
    keras.config.set_dtype_policy(policy)
    data, model = Labelled(classes), network(10)
    data.examples = 1077
    rate = WarmUpAndDrops(batch_size=32, examples=examples)
    model.compile(keras.optimizers.SGD(rate), "mse")
    open_data(data, model)
    told = [text for w in recwarn if "counts epochs" in (text := str(w.message))]
    assert len(told) == (examples == 1000 and classes == 10)
    assert all("epochs of 1,000 examples, the data have 1,077" in text for text in told)


@pytest.mark.parametrize("names", [("source",), ("source", "target", "position")])
def test_inputs_that_the_model_does_not_take_are_refused(names):
    tf = pytest.importorskip("tensorflow")
    made = {name: keras.Input((), name=name) for name in ("source", "target")}
    model = keras.Model(made, keras.ops.add(made["source"], made["target"]))

    class Named(Digits):
        def train(self, first_step=0):
            batch = dict.fromkeys(given, np.zeros((2, 1))), np.zeros((2, 1))
            return tf.data.Dataset.from_tensors(batch)

    given = ("target", "source")
    open_data(Named(), model)
    given = names
    with pytest.raises(ValueError, match=r"`model` must take what the data give: .*PACKED"):
        open_data(Named(), model)
