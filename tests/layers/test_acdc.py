"""AC/DC through its phases: masks, weights that come back, moments, and runs that go on."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from tests.conformance import X, Y, plain_model

# Compressed at 2, dense again at 4, compressed at 6 and so on, of 16 steps in all.
SCHEDULE = sos.schedules.Alternating(0.75, begin_step=2, phase_steps=2, end_step=10)
COMPRESSED = [step for step in range(17) if step in (2, 3, 6, 7) or step >= 10]


def acdc_model():
    model = sos.sparsify(plain_model(), lambda layer: sos.ACDC(layer, SCHEDULE))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    return model


def head(model):
    """Returns the kernel of the head, its mask and its momentum."""
    kernel = model.get_layer("head").layer.kernel
    slots = [v for v in model.optimizer.variables if "head_kernel_momentum" in v.path]
    return kernel.numpy(), sos.masks(model)["head/kernel"], slots[0].numpy()


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = {}

    def on_train_batch_end(self, batch, logs=None):
        self.seen[int(self.model.optimizer.iterations)] = head(self.model)


def fit(model, epochs, initial_epoch=0, callbacks=()):
    model.fit(
        *(X, Y),
        batch_size=4,
        shuffle=False,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[sos.UpdateSparsity(strict=True), *callbacks],
        verbose=0,
    )


@pytest.fixture(scope="module")
def watched():
    model, watch = acdc_model(), Watch()
    fit(model, 4, callbacks=[watch])
    return model, watch.seen


def test_masks_are_those_of_the_phase_and_stay_in_it(watched):
    _, seen = watched
    for step, (_, mask, _) in seen.items():
        assert (~mask).sum() == (18 if step in COMPRESSED else 0)
    for first, second in ((2, 3), (6, 7), *((10, step) for step in range(11, 17))):
        np.testing.assert_array_equal(seen[first][1], seen[second][1])


def test_a_phase_keeps_the_largest_weights_of_the_step_before(watched):
    _, seen = watched
    for step in (2, 6, 10):
        kernel, mask, _ = seen[step]
        assert not kernel[~mask].any() and kernel[mask].all()
    # What grew in the dense phase is dropped again where it is small.
    grown, mask = np.abs(seen[5][0]), seen[6][1]
    assert grown[~mask].max() <= grown[mask].min() + 0.1


@pytest.mark.parametrize("step", [4, 8])
def test_pruned_weights_come_back_at_0_and_their_momentum_too(watched, step):
    _, seen = watched
    masked = ~seen[step - 1][1]
    kernel, mask, momentum = seen[step]
    assert mask.all() and masked.sum() == 18
    np.testing.assert_array_equal(kernel[masked], 0)
    np.testing.assert_array_equal(momentum[masked], 0)
    assert momentum[~masked].all()
    assert seen[step + 1][0][masked].any()  # and are trained


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_goes_on_from_any_phase_bit_for_bit(watched, epoch, tmp_path):
    """From step 4, where a decompressed phase begins, and from step 8, the next."""
    first = acdc_model()
    fit_partly(first, epoch)
    first.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    fit(resumed, 4, initial_epoch=epoch)
    for variable, expected in zip(resumed.variables, watched[0].variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), expected.numpy())


def fit_partly(model, epochs):
    with pytest.warns(UserWarning, match="has its last phase after the run's end"):
        model.fit(
            *(X, Y),
            batch_size=4,
            shuffle=False,
            epochs=epochs,
            callbacks=[sos.UpdateSparsity()],
            verbose=0,
        )


def test_a_loop_that_updates_late_has_the_phase_of_its_step():
    model, drive = acdc_model(), sos.UpdateSparsity()
    for step, zeros in ((0, 0), (5, 0), (7, 18), (9, 0), (15, 18)):
        drive.update(model, step)
        assert (~sos.masks(model)["head/kernel"]).sum() == zeros


def test_a_model_that_is_sparse_already_does_not_start_over(watched):
    model, _ = watched
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("sgd", "mse")
    fit(copy, 4)  # its first phase is as sparse: nothing comes back before step 4
    assert (~sos.masks(copy)["head/kernel"]).sum() == 18
