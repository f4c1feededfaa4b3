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
    with pytest.warns(UserWarning, match="no `optimizer` that could forget") as told:
        for step in range(7):
            drive.update(model, step)
    assert len([w for w in told if "forget" in str(w.message)]) == 1
    assert all(mask.sum() * 2 == mask.size for mask in sos.masks(model).values())


def trained_in_a_loop(optimizer, given=None):
    """Returns a model right after the update of step 3 of a custom loop, and the masks before."""
    model = sos.sparsify(plain_model(), lambda layer: sos.SET(layer, MOVES, 0.5))
    variables = model.trainable_variables
    optimizer.build(variables)
    drive = sos.UpdateSparsity()
    for step in range(3):
        drive.update(model, step, given)
        optimizer.apply([keras.ops.ones(v.shape) for v in variables])
    before = sos.masks(model)
    drive.update(model, 3, given)
    return model, before


def test_the_optimizer_of_a_loop_forgets_where_it_is_given():
    optimizer = keras.optimizers.Adam(0.01)
    model, before = trained_in_a_loop(optimizer, optimizer)
    for name, mask in sos.masks(model).items():
        grown = mask & ~before[name]
        assert grown.any()
        for slot in slots(optimizer, name.split("/")[0]):
            assert not slot[grown].any() and slot[mask & ~grown].all()


def test_what_is_no_optimizer_of_keras_is_refused():
    model = sos.sparsify(plain_model(), lambda layer: sos.SET(layer, MOVES, 0.5))
    with pytest.raises(ValueError, match="`optimizer` must be an optimizer of Keras"):
        sos.UpdateSparsity().update(model, 0, optimizer="adam")


def test_an_optimizer_of_a_loop_is_checked():
    model = sos.sparsify(plain_model(), lambda layer: sos.RigL(layer, MOVES, 0.5))
    accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    shared_out = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(accumulating))
    for optimizer in (accumulating, shared_out):
        with pytest.raises(ValueError, match="`gradient_accumulation_steps` must be None"):
            sos.UpdateSparsity().update(model, 0, optimizer)


def test_a_change_of_optimizers_loses_no_update():
    model = sos.sparsify(plain_model(), lambda layer: sos.SET(layer, MOVES, 0.5))
    first, second = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)
    drive, counts = sos.UpdateSparsity(), []
    for step, optimizer in ((0, first), (2, second), (4, first), (5, None), (7, second)):
        drive.update(model, step, optimizer)
        counts.append(drive.carried_out)
    assert counts == [1, 1, 2, 2, 3]  # moves at 0, 3 and 6
