"""What optimizers remember of weights that begin anew."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import X, Y, plain_model
from tests.technique import LAYERS, fill_records

MOVES = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=8, frequency=3)


def grown_model(optimizer):
    """Returns a model right after the update of step 3, and the masks before it."""
    model = sos.sparsify(plain_model(), lambda layer: sos.SET(layer, MOVES, 0.5))
    model.compile(optimizer, "mse")
    drive = sos.UpdateSparsity()
    for step in range(3):
        drive.update(model, step)
        model.train_on_batch(X, Y)
    before = sos.masks(model)
    drive.update(model, 3)
    return model, before


def slots(optimizer, name):
    """Returns what an optimizer keeps of a layer's kernel."""
    return [v.numpy() for v in optimizer.variables if f"_{name}_kernel_" in v.path]


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.optimizers.Adam(0.01),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale=4.0),
    ],
)
def test_moments_of_regrown_weights_are_zero_and_no_others(optimizer):
    model, before = grown_model(optimizer)
    for name in LAYERS:
        mask = sos.masks(model)[f"{name}/kernel"]
        grown = mask & ~before[f"{name}/kernel"]
        assert grown.any()
        kernel = model.get_layer(name).layer.kernel.numpy()
        assert not kernel[grown].any() and not kernel[~mask].any()
        assert (kernel[mask & ~grown] != 0).all()
        found = slots(optimizer, name)
        assert len(found) == (1 if isinstance(optimizer, keras.optimizers.SGD) else 2)
        for slot in found:
            assert not slot[grown].any()
            assert slot[mask & ~grown].all()


def test_masks_of_a_frozen_kernel_stay():
    model, _ = grown_model(keras.optimizers.SGD(0.05))
    model.get_layer("head").trainable = False
    before, kernel = sos.masks(model), model.get_layer("head").layer.kernel.numpy()
    model.compile(keras.optimizers.SGD(0.05), "mse")
    with pytest.warns(UserWarning, match="Frozen layers are sparse"):
        sos.UpdateSparsity().update(model, 6)
    np.testing.assert_array_equal(sos.masks(model)["head/kernel"], before["head/kernel"])
    np.testing.assert_array_equal(model.get_layer("head").layer.kernel.numpy(), kernel)
    assert (sos.masks(model)["convolution/kernel"] != before["convolution/kernel"]).any()


def test_a_model_without_an_optimizer_can_be_updated():
    model = sos.sparsify(plain_model(), lambda layer: sos.RigL(layer, MOVES))
    fill_records(model)
    drive = sos.UpdateSparsity()
    for step in range(7):
        drive.update(model, step)
    assert all(mask.sum() * 2 == mask.size for mask in sos.masks(model).values())
