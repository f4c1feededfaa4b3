"""A schedule that starts over must not undo the sparsity that is there."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
from tests.slow_variants import slow_but

pytestmark = pytest.mark.filterwarnings("ignore:`schedule` does not reach its final value")

X = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(24, 4)).astype("float32")
OURS, THEIRS = sos.schedules, pruning_schedules()
RULES = {
    "each kernel": lambda schedule: lambda layer: sos.MagnitudePruning(layer, schedule),
    "random": lambda schedule: lambda layer: sos.RandomPruning(layer, schedule),
    "global": sos.distributions.global_magnitude,
    "erdos_renyi_kernel": sos.distributions.erdos_renyi_kernel_magnitude,
}
REFUSED = r"`optimizer` starts at step 0.*the `schedule` would start over.*sos.freeze\(model\)"


def sparse_by_half(schedule, rule=RULES["each kernel"]):
    """Returns a compiled model, with a new optimizer, half of whose weights are masked."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8, name="a"), layers.Dense(4)])
    model = sos.sparsify(model, rule(schedule))
    for wrapper in sos.sparse_layers(model).values():
        kept = wrapper.schedule
        wrapper.schedule = OURS.ConstantSparsity(0.5, 0)
    sos.UpdateSparsity().update(model, 0)
    for wrapper in sos.sparse_layers(model).values():
        wrapper.schedule = kept
    assert sos.report(model).sparsity == 0.5
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    return model


def fit(model, **kwargs):  # 6 steps
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[sos.UpdateSparsity()], **kwargs)


# Their first update, or the first that is carried out, has fewer zeros. How many steps are
# taken before that is known:
LOWER = {
    "decay": (OURS.PolynomialDecay(0.0, 0.9, 0, 6), 0),
    "decay that begins later": (OURS.PolynomialDecay(0.2, 0.9, 3, 6), 0),
    "TF-MOT's decay": (THEIRS.PolynomialDecay(0.0, 0.9, 2, 6, frequency=2), 0),
    "constant": (OURS.ConstantSparsity(0.4, 0), 0),
    "constant, by two weights": (OURS.ConstantSparsity(22 / 48, 0), 0),
    "constant, at the last step": (OURS.ConstantSparsity(0.4, 6), 0),
    "TF-MOT's constant": (THEIRS.ConstantSparsity(0.4, 4), 0),
    "a callable due at once": (lambda step: (True, step / 10), 0),
    "a callable due later": (lambda step: (step in (3, 5), step / 10), 3),
}
NOT_LOWER = {
    "the same": OURS.ConstantSparsity(0.5, 0),
    "TF-MOT's, the same": THEIRS.ConstantSparsity(0.5, 1, frequency=1),
    "lower by a weight, which may be rounding": OURS.ConstantSparsity(23 / 48, 0),
    "higher": OURS.PolynomialDecay(0.5, 0.9, 0, 6),
    "a callable that is not due at once": lambda step: (step >= 2, 0.0 if step < 2 else 0.6),
    "a callable that is never due": lambda step: (False, 0.0),
    "in single precision": lambda step: (True, np.float32(0.5)),
    "higher first, lower later": OURS.PolynomialDecay(0.6, 0.1, 0, 6, frequency=2),
}


@pytest.mark.parametrize("rule", slow_but(["each kernel", "global"], RULES))
@pytest.mark.parametrize("case", LOWER)
def test_it_is_refused_and_nothing_is_undone(case, rule):
    schedule, known_at = LOWER[case]
    model = sparse_by_half(schedule, RULES[rule])
    before = sos.masks(model)
    with pytest.raises(ValueError, match=REFUSED):
        fit(model)
    assert int(model.optimizer.iterations) == known_at
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, before[path])


@pytest.mark.parametrize("rule", slow_but(["each kernel", "global"], RULES))
@pytest.mark.parametrize("case", NOT_LOWER)
def test_no_false_alarm(case, rule):
    fit(sparse_by_half(NOT_LOWER[case], RULES[rule]))


def test_kernels_that_exchange_zeros_under_one_threshold_undo_nothing():
    model = sparse_by_half(OURS.ConstantSparsity(0.5, 0), RULES["global"])
    kernel = model.layers[0].layer.kernel
    kernel.assign(10 * kernel.numpy())  # its zeros move to the other kernel
    fit(model)
    assert sos.report(model).sparsity == 0.5


def test_a_schedule_that_begins_after_the_run_undoes_nothing():
    model = sparse_by_half(OURS.PolynomialDecay(0.0, 0.9, 7, 20))
    fit(model)
    assert sos.report(model).sparsity == 0.5
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=REFUSED):
        fit(model, epochs=2)


def test_a_run_that_goes_on_is_no_start():
    model = sparse_by_half(lambda step: (step > 6, 0.1))
    model.optimizer.iterations.assign(6)
    fit(model)  # the user's schedule lowers it, and has not started over
    assert sos.report(model).sparsity == pytest.approx(0.1, abs=0.01)


def test_a_second_run_with_one_callback_is_no_start():
    model = sparse_by_half(lambda step: (step > 6, 0.1))
    updater = sos.UpdateSparsity()
    for _ in range(2):
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[updater])
    assert sos.report(model).sparsity == pytest.approx(0.1, abs=0.01)


def test_a_new_model_with_zeros_of_its_own_starts_as_it_likes():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, kernel_initializer="zeros")])
    model = sos.sparsify(model, RULES["each kernel"](OURS.PolynomialDecay(0.0, 0.9, 0, 6)))
    model.compile("sgd", "mse", run_eagerly=True)
    fit(model)


def test_the_error_names_layers_sparsities_and_the_schedule():
    model = sparse_by_half(OURS.PolynomialDecay(0.25, 0.9, 0, 6))
    message = r"50.00% zeros in a, dense.*, and 25.00% at the first update of PolynomialDecay\("
    with pytest.raises(ValueError, match=message):
        fit(model)


@pytest.mark.parametrize(("count", "said"), [(4, "in 0, 1, 2, 3, and"), (6, "3 and 2 more, and")])
def test_the_error_names_four_layers_and_how_many_more(count, said):
    dense = [layers.Dense(4, name=str(index)) for index in range(count)]
    model = keras.Sequential([keras.Input((4,)), *dense])
    model = sos.sparsify(model, RULES["each kernel"](OURS.PolynomialDecay(0.0, 0.9, 0, 6)))
    for wrapper in sos.sparse_layers(model).values():
        wrapper.update(0, 0.5, [wrapper])
    with pytest.raises(ValueError, match=said):
        sos.UpdateSparsity().update(model, 0)


def test_a_custom_loop_that_starts_over():
    model = sparse_by_half(OURS.PolynomialDecay(0.0, 0.9, 0, 6))
    before = sos.report(model).sparsity
    with pytest.raises(ValueError, match=r"`model` is sparse already.*sos\.freeze"):
        sos.UpdateSparsity().update(model, 0)
    assert sos.report(model).sparsity == before
    updater = sos.UpdateSparsity()
    updater.update(model, 6)
    with pytest.raises(ValueError, match="`model` is sparse already"):
        updater.update(model, 0)
