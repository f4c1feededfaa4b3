import numpy as np
import pytest

from state_of_sparsity.models.lenet import lenet_300_100


def test_lenet_300_100_has_the_published_number_of_weights():
    model = lenet_300_100()
    assert [layer.name for layer in model.layers] == ["flatten", "hidden_1", "hidden_2", "logits"]
    assert sum(np.prod(v.shape) for v in model.weights if len(v.shape) == 2) == 266_200
    assert model.count_params() == 266_610


def test_lenet_300_100_returns_logits_of_any_images():
    model = lenet_300_100(input_shape=(8, 8, 1), classes=4)
    outputs = np.asarray(model(np.random.default_rng(0).normal(size=(2, 8, 8, 1))))
    assert outputs.shape == (2, 4)
    assert not np.allclose(outputs.sum(axis=1), 1.0)


def test_too_few_classes_are_refused():
    with pytest.raises(ValueError, match=r"`classes` must be at least 2. Received: 1"):
        lenet_300_100(classes=1)
