"""TF-MOT, on Keras 2 in the same process, as the oracle of schedules and masks.

What TF-MOT does otherwise, by design of ours:

* It carries out the update of step t at the start of the t-th batch, we at its end: when t steps
  are done both have. What was computed of the weights one batch earlier is the same here, since
  training does not change the order of these weights.
* It counts from 1, so that an update of step 0 is lost.
* It keeps `max(1, round(size * (1 - sparsity)))` weights, in float32; we drop
  `round(sparsity * size)`. The two differ by one where `sparsity * size` lies halfway between two
  whole numbers (both round to even), and where nothing would be left.
* Of weights that tie at the threshold it keeps all; we drop the first, for an exact count.
* Its schedules leave out `end_step` where `frequency` does not divide the way to it, and so do
  they when they are given to us; their twins in `sos.schedules` update there too.
* It overwrites masked weights; we keep their values, so that they can come back.
"""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules as tfmot
from tests.slow_variants import slow_but

KERAS_3 = tf.keras.__version__

STEPS = 12
SCHEDULES = {
    "every second step": ("PolynomialDecay", (0.0, 0.8, 2, 12, 3, 2)),
    "from the first step on": ("PolynomialDecay", (0.32, 0.92, 0, 9, 1, 3)),
    "the end is not reached": ("PolynomialDecay", (0.2, 0.8, 1, 10, 3, 4)),
    "constant": ("ConstantSparsity", (0.6, 4, 8, 3)),
    "constant for ever": ("ConstantSparsity", (0.72, 3, -1, 5)),
}


def rounds_alike(sparsity, size):
    """Returns whether both count rules give the same number, with some room for float32."""
    return abs(sparsity * size % 1 - 0.5) > 1e-4 and round(sparsity * size) < size


def test_the_oracle_leaves_the_process_as_it_was():
    prune = tfmot().prune_low_magnitude
    import tf_keras

    assert prune(tf_keras.layers.Dense(1), tfmot().ConstantSparsity(0.5, 0))
    assert KERAS_3.startswith("3.") and tf.keras.__version__ == KERAS_3
    assert issubclass(tf.keras.Model, keras.Model)
    assert not issubclass(tf_keras.Model, keras.Model)
    assert "TF_USE_LEGACY_KERAS" not in os.environ


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        *SCHEDULES.values(),
        ("PolynomialDecay", (0.0, 0.9, 8000, 68000, 3, 2000)),
        ("PolynomialDecay", (0.5, 0.98, 5, 405, 2, 7)),
        ("PolynomialDecay", (0.8, 0.1, 0, 100, 3, 10)),
        ("ConstantSparsity", (0.5, 0, -1, 1)),
    ],
)
def test_our_schedules_have_the_values_of_theirs(kind, arguments):
    ours = getattr(sos.schedules, kind)(*arguments)
    theirs = getattr(tfmot(), kind)(*arguments)
    end = max(ours.end_step, 20) + 2 * ours.frequency
    steps = np.unique(np.linspace(0, end, 60).astype(int))
    due = np.arange(ours.begin_step, end, ours.frequency)[:30]
    for step in {*steps.tolist(), *due.tolist(), *(due + 1).tolist()}:
        should_prune, sparsity = ours(step)
        their_turn, their_sparsity = theirs(tf.constant(step, tf.int64))
        assert bool(should_prune) == (bool(their_turn) or step == ours.end_step)
        np.testing.assert_allclose(sparsity, float(their_sparsity), rtol=1e-5, atol=1e-6)


def start_weights():
    """Returns kernels whose magnitudes lie a hundredth apart."""
    rng = np.random.default_rng(0)
    kernels = []
    for shape in [(2, 2, 1, 3), (27, 5), (5, 2)]:
        size = int(np.prod(shape))
        kernels.append(
            ((rng.permutation(size) + 1) * rng.choice([-0.01, 0.01], size)).reshape(shape)
        )
    return kernels


def layers_of(api):
    return [
        api.layers.Conv2D(3, 2, name="convolution"),
        api.layers.Flatten(name="flatten"),
        api.layers.Dense(5, activation="tanh", name="hidden"),
        api.layers.Dense(2, name="head"),
    ]


def data(steps):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(steps, 4, 4, 4, 1)).astype("float32")
    return list(zip(x, rng.normal(size=(steps, 4, 2)).astype("float32"), strict=True))


def their_masks(schedule, kernels):
    """Returns TF-MOT's masks when 1, 2, ... steps are done."""
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4, 4, 1)), *layers_of(tf_keras)])
    for layer, kernel in zip([model.layers[i] for i in (0, 2, 3)], kernels, strict=True):
        layer.set_weights([kernel, np.zeros(kernel.shape[-1])])
    model = tfmot().prune_low_magnitude(model, pruning_schedule=schedule)
    model.compile(tf_keras.optimizers.SGD(1e-4), "mse")
    updates = tfmot().UpdatePruningStep()
    updates.set_model(model)
    updates.on_train_begin()
    found = []
    for x, y in data(STEPS):
        model.train_on_batch(x, y)
        masks = [v.numpy() for v in model.variables if v.name.split("/")[-1].startswith("mask")]
        found.append([mask.astype(bool) for mask in masks])
    return found


class RecordMasks(keras.callbacks.Callback):
    """Notes the masks before the first step and after each."""

    def __init__(self):
        super().__init__()
        self.start, self.after = None, []

    def on_train_batch_begin(self, batch, logs=None):
        if self.start is None:
            self.start = list(sos.masks(self.model).values())

    def on_train_batch_end(self, batch, logs=None):
        self.after.append(list(sos.masks(self.model).values()))


def our_masks(schedule, kernels):
    """Returns our masks before `fit` on the same batches, and when 1, 2, ... steps are done."""
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers_of(keras)])
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    for layer, kernel in zip([model.layers[i] for i in (0, 2, 3)], kernels, strict=True):
        layer.layer.kernel.assign(kernel)
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    record = RecordMasks()
    x, y = (np.concatenate(arrays) for arrays in zip(*data(STEPS), strict=True))
    callbacks = [sos.UpdateSparsity(), record]
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=callbacks)
    return record.start, record.after


def sparsities_of(schedule):
    """Returns the sparsity in force after each number of steps."""
    now, found = 0.0, []
    for step in range(STEPS + 1):
        should_prune, sparsity = schedule(tf.constant(step, tf.int64))
        now = float(sparsity) if bool(should_prune) else now
        found.append(now)
    return found


@pytest.mark.filterwarnings("ignore:`schedule` does not reach its final value")
@pytest.mark.parametrize("case", slow_but([*SCHEDULES][:2], SCHEDULES))
def test_the_same_masks_at_the_same_steps(case):
    kind, arguments = SCHEDULES[case]
    schedule = getattr(tfmot(), kind)(*arguments)
    kernels = start_weights()
    start, ours = our_masks(schedule, kernels)
    theirs = their_masks(schedule, kernels)
    assert len(ours) == len(theirs) == STEPS
    sparsities = sparsities_of(schedule)
    check_counts(start, sparsities[0])
    # An update at step 0 is lost there: they agree from the next one on.
    first = schedule.frequency if schedule.begin_step == 0 else 1
    for step in range(first, STEPS + 1):
        check_counts(ours[step - 1], sparsities[step])
        for our, their in zip(ours[step - 1], theirs[step - 1], strict=True):
            np.testing.assert_array_equal(our, their, err_msg=f"step {step}")


def check_counts(masks, sparsity):
    for mask in masks:
        assert rounds_alike(sparsity, mask.size), "choose sparsities that both round alike"
        assert (~mask).sum() == round(sparsity * mask.size)


def single_kernel_masks(values, sparsity):
    """Returns our mask and TF-MOT's for one kernel and one constant sparsity."""
    schedule = tfmot().ConstantSparsity(sparsity, begin_step=0, frequency=1)
    values = np.asarray(values, np.float32).reshape(-1, 1)
    wrapper = sos.MagnitudePruning(keras.layers.Dense(1, use_bias=False, name="one"), schedule)
    wrapper.build((None, len(values)))
    wrapper.layer.kernel.assign(values)
    model = keras.Sequential([keras.Input((len(values),)), wrapper])
    sos.UpdateSparsity().update(model, 0)
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl

    weight, mask, threshold = tf.Variable(values), tf.Variable(values), tf.Variable(0.0)
    pruning = pruning_impl.Pruning(
        lambda: tf.constant(0, tf.int64), [(weight, mask, threshold)], schedule, (1, 1), "AVG"
    )
    pruning.conditional_mask_update()
    return sos.masks(model)["one/kernel"].reshape(-1), mask.numpy().astype(bool).reshape(-1)


@pytest.mark.parametrize(
    ("size", "sparsity", "our_zeros", "their_zeros"),
    [
        (10, 0.5, 5, 5),
        (10, 0.25, 2, 2),  # 2.5 rounds to 2, and 7.5 to 8
        (7, 0.5, 4, 3),  # 3.5 rounds to 4 on both sides: of zeros here, of what is kept there
        (5, 0.5, 2, 3),  # 2.5 rounds to 2
        (6, 0.75, 4, 4),  # 4.5 rounds to 4, and 1.5 to 2
        (3, 0.9, 3, 2),  # they keep one weight at least
    ],
)
def test_where_the_count_rules_differ(size, sparsity, our_zeros, their_zeros):
    ours, theirs = single_kernel_masks(np.arange(1, size + 1), sparsity)
    assert ((~ours).sum(), (~theirs).sum()) == (our_zeros, their_zeros)
    assert our_zeros == round(sparsity * size)
    assert (our_zeros != their_zeros) <= (not rounds_alike(sparsity, size))


def test_ties_at_the_threshold_fall_short_there_and_are_exact_here():
    ours, theirs = single_kernel_masks([1, 2, 2, 2, 2, 2, 3, 4, 5, 6], 0.4)
    assert ((~ours).sum(), (~theirs).sum()) == (4, 1)
    assert (theirs | ~ours).all()
