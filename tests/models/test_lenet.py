import keras
import numpy as np
import pytest

from state_of_sparsity.models.lenet import lenet_5, lenet_300_100


def test_lenet_300_100_has_the_published_number_of_weights():
    model = lenet_300_100()
    assert [layer.name for layer in model.layers] == ["flatten", "hidden_1", "hidden_2", "logits"]
    assert sum(np.prod(v.shape) for v in model.weights if len(v.shape) == 2) == 266_200
    assert model.count_params() == 266_610


def test_lenet_5_has_the_published_number_of_weights():
    model = lenet_5()
    names = "convolution_1 pooling_1 convolution_2 pooling_2 flatten hidden logits"
    assert [layer.name for layer in model.layers] == names.split()
    kernels = {x.name: np.prod(x.kernel.shape) for x in model.layers if x.weights}
    assert kernels == {
        "convolution_1": 500,
        "convolution_2": 25_000,
        "hidden": 400_000,
        "logits": 5_000,
    }
    assert model.count_params() == 430_500 + 20 + 50 + 500 + 10


@pytest.mark.parametrize(
    ("make", "shape"),
    [(lenet_300_100, (8, 8, 1)), (lenet_5, (28, 28, 1)), (lenet_5, (16, 16, 3))],
)
def test_returns_logits_of_any_images(make, shape):
    model = make(input_shape=shape, classes=4)
    outputs = np.asarray(model(np.random.default_rng(0).normal(size=(2, *shape))))
    assert outputs.shape == (2, 4)
    assert not np.allclose(outputs.sum(axis=1), 1.0)


@pytest.mark.parametrize("make", [lenet_300_100, lenet_5])
def test_too_few_classes_are_refused(make):
    with pytest.raises(ValueError, match=r"`classes` must be at least 2. Received: 1"):
        make(classes=1)


def test_a_seed_gives_the_weights_that_plain_layers_would_have():
    """Runs that are recorded by their seeds can be made again."""
    keras.utils.set_random_seed(3)
    network = lenet_300_100((8, 8, 1))
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Dense(units) for units in (300, 100, 10)]
    plain = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers])
    for ours, theirs in zip(network.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["get", "no_such", 3])
def test_what_is_no_initializer_is_refused(name):
    with pytest.raises(ValueError, match="`kernel_initializer` must be the name of a Keras"):
        lenet_300_100(kernel_initializer=name)
