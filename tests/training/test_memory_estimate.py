import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.memory_estimate import MemoryEstimate, memory_estimate

SCHEDULE = sos.schedules.ConstantSparsity(0.5, 0)
KERNELS, BIASES = 4 * 3 + 3 * 2, 3 + 2
# The step counter and the learning rate.
ADAM = 8 + 4


def network():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])


def estimate(model, batch_size=8, replicas=1):
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return memory_estimate(model, batch_size, replicas)


def test_a_dense_network_in_closed_form():
    weights = 4 * (KERNELS + BIASES)
    assert estimate(network()) == MemoryEstimate(
        weights=weights,
        masks=0,
        gradients=weights,
        optimizer_state=2 * weights + ADAM,
        activations=4 * 8 * (4 + 3 + 2),
        kernel_copies=0,
        working=2 * 4 * 8 * 4,  # the inputs are the largest
        examples=8,
    )
    assert estimate(network()).total == 4 * weights + ADAM + 288 + 256


def test_masks_take_a_byte_and_the_masked_kernels_two_copies():
    dense, sparse = (
        estimate(model)
        for model in (
            network(),
            sos.sparsify(network(), lambda layer: sos.MagnitudePruning(layer, SCHEDULE)),
        )
    )
    assert sparse.masks == KERNELS
    assert sparse.kernel_copies == 2 * 4 * KERNELS
    assert sparse.total == dense.total + sparse.masks + sparse.kernel_copies


def test_a_wrapper_counts_once_and_variational_dropout_keeps_more():
    rules = [("dense$", lambda layer: sos.VariationalDropout(layer, 0.1)), ("", None)]
    model = network()
    model.layers[0].name, model.layers[1].name = "dense", "other"
    found = estimate(sos.sparsify(model, rules))
    assert found.activations == 4 * 8 * (4 + 5 * 3 + 2)
    assert found.gradients == 4 * (KERNELS + BIASES + 4 * 3)  # log sigma^2
    assert found.kernel_copies == 10 * 4 * 4 * 3


def test_replicas_share_the_batch_and_nothing_else():
    one, four = estimate(network()), estimate(network(), replicas=4)
    assert (four.examples, four.activations) == (2, one.activations // 4)
    assert four.working == 2 * 4 * 4 * 3  # the larger kernel, now
    assert four.weights == one.weights and four.optimizer_state == one.optimizer_state


def test_layers_called_twice_and_nested_models_count_at_every_call():
    inputs = keras.Input((4,))
    shared, nested = keras.layers.Dense(4), network()
    x = shared(shared(inputs))
    model = keras.Model(inputs, [nested(x), nested(x) + 1.0])
    # Twice the nested model's layers, without its input, and the sum.
    assert estimate(model).activations == 4 * 8 * (4 + 4 + 4 + 2 * (3 + 2) + 2)


def test_outputs_have_the_bytes_of_their_type():
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = estimate(network())
    assert found.activations == 8 * (4 * 4 + 2 * (3 + 2))
    assert found.weights == found.gradients == 4 * (KERNELS + BIASES)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


def nested_subclassed():
    inputs = keras.Input((4,))
    return keras.Model(inputs, Subclassed()(inputs))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 4)))
    return model


def any_length():
    return keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(4)])


def test_axes_of_any_size_count_as_told():
    fixed = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(4)])
    models = any_length(), fixed
    for model in models:
        model.compile("sgd")
        model.optimizer.build(model.trainable_variables)
    told, known = memory_estimate(models[0], 3, length=5), memory_estimate(models[1], 3)
    assert told == known and told.activations == 2 * 3 * 5 * 4 * 4


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (subclassed, "not known for a subclassed model."),
        (nested_subclassed, "not known for a subclassed model inside the model."),
        (any_length, "not known where the size of an input is not fixed."),
    ],
)
def test_what_is_not_known_is_said(make, reason):
    found = estimate(make())
    assert found.activations is None and found.working is None
    assert found.total == 4 * found.weights + ADAM == 4 * 80 + ADAM
    assert f"Not counted: activations, {reason}" in str(found)
    assert "activations            not known" in str(found)


def test_layers_that_hold_layers_are_named():
    inputs = keras.Input((5, 4))
    attention = keras.layers.MultiHeadAttention(2, 4, name="attention")
    model = keras.Model(inputs, keras.layers.LSTM(3, name="recurrent")(attention(inputs, inputs)))
    found = estimate(sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, SCHEDULE)))
    assert found.not_counted == "what happens inside recurrent, attention"
    assert found.activations == 4 * 8 * (5 * 4 + 5 * 4 + 3)


def test_the_table_has_units():
    sizes = {"weights": 3 * 2**20, "masks": 2**19, "gradients": 0, "optimizer_state": 2**31}
    rest = {"activations": 2**30, "kernel_copies": 0, "working": 0, "examples": 1024}
    assert str(MemoryEstimate(**sizes, **rest)).splitlines() == [
        "memory of a step       estimated  (1,024 examples a replica)",
        "weights                 3.00 MiB",
        "masks                   0.50 MiB",
        "gradients               0.00 MiB",
        "optimizer state         2.00 GiB",
        "activations             1.00 GiB",
        "kernel copies           0.00 MiB",
        "working                 0.00 MiB",
        "total                   3.00 GiB",
    ]
