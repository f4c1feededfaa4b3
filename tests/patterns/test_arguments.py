"""What does not go with a pattern is refused before training, and said by its name."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.patterns import Block, NOfM, Pattern, PerOutput

HALF = sos.schedules.ConstantSparsity(0.5, 0)
TWO_OF_FOUR = NOfM(2, 4)


def pruned(layer=None, schedule=HALF, **options):
    return sos.MagnitudePruning(layer or layers.Dense(4), schedule, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NOfM(0, 4), "`n` must be at least 1"),
        (lambda: NOfM(4, 4), "`n` must be below `m`.*n=4, m=4"),
        (lambda: NOfM(2.0, 4), "`n` must be an integer"),
        (lambda: NOfM(2, "4"), "`m` must be an integer"),
        (lambda: Block((4,)), r"`shape` must be two integers.*\(4,\)"),
        (lambda: Block(4), "`shape` must be two integers.*4"),
        (lambda: Block((4, 0)), "`shape` must be two integers"),
        (lambda: Block("41"), "`shape` must be two integers"),
        (lambda: pruned(pattern="2:4"), "`pattern` must be None or one of sos.patterns.*'2:4'"),
        (lambda: pruned(pattern=PerOutput), r"`pattern`.*sos.patterns.NOfM\(2, 4\)"),
        (
            lambda: sos.FixedMask(layers.Dense(4), np.eye(4), pattern="2:4"),
            "`pattern` must be None or one of sos.patterns",
        ),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "Received" in str(caught.value) or "Received" in message


@pytest.mark.parametrize("kind", ["GlobalThreshold", "ErdosRenyiKernel"])
def test_no_distribution_with_n_of_m(kind):
    share = getattr(sos.distributions, kind)("all")
    with pytest.raises(ValueError, match="`distribution` must be None with the pattern 2:4"):
        pruned(pattern=TWO_OF_FOUR, distribution=share)
    for pattern in (Block((2, 2)), PerOutput()):
        assert pruned(pattern=pattern, distribution=share).distribution == share


@pytest.mark.parametrize(
    ("schedule", "received"),
    [
        (sos.schedules.ConstantSparsity(0.51, 0), "target_sparsity=0.51"),
        (sos.schedules.PolynomialDecay(0.0, 0.9, 0, 10), "final_sparsity=0.9"),
        (sos.schedules.PolynomialDecay(0.9, 0.5, 0, 10), "initial_sparsity=0.9"),
    ],
)
def test_a_schedule_that_asks_for_more(schedule, received):
    with pytest.raises(ValueError, match=f"`schedule` must ask.*at most 0.5.*2:4.*{received}"):
        pruned(schedule=schedule, pattern=TWO_OF_FOUR)
    assert pruned(schedule=schedule, pattern=PerOutput()).pattern == PerOutput()


def test_three_digits_of_a_fraction_are_enough():
    schedule = sos.schedules.ConstantSparsity(0.667, 0)
    model = sos.sparsify(network(300), lambda layer: pruned(layer, schedule, pattern=NOfM(1, 3)))
    sos.UpdateSparsity().update(model, 0)
    assert sos.report(model).sparsity == pytest.approx(2 / 3)


class Lookup(layers.Layer):
    def build(self, shape):
        self.cube = self.add_weight(shape=(2, 3, 4), name="cube")

    def call(self, inputs):
        return inputs


def built(layer, *shape):
    layer.build((None, *shape))
    return layer


@pytest.mark.parametrize("pattern", [TWO_OF_FOUR, Block((2, 2)), PerOutput()], ids=str)
def test_a_kernel_of_axes_that_are_not_known(pattern):
    with pytest.raises(ValueError, match=r"`pattern` does not fit.*cube.*\(2, 3, 4\).*Lookup"):
        pruned(built(Lookup(name="lookup"), 5), pattern=pattern)


@pytest.mark.parametrize(
    ("layer", "shape", "pattern", "message"),
    [
        (layers.Conv2D(8, 3), (8, 8, 2), TWO_OF_FOUR, "sums over 2 at a time, of which 2 stay"),
        (layers.Dense(6), (1,), NOfM(1, 4), "sums over 1 at a time, of which 1 stay"),
        (layers.Dense(6), (5,), Block((8, 8)), "5 rows and 6 columns, a single block"),
    ],
)
def test_a_kernel_in_which_nothing_could_go(layer, shape, pattern, message):
    plain = keras.Sequential([keras.Input(shape), layer])
    with pytest.raises(ValueError, match=rf"`pattern` does not fit the kernel.*{message}.*rule"):
        sos.sparsify(plain, lambda layer: pruned(layer, pattern=pattern))
    unbuilt = pruned(type(layer).from_config(layer.get_config()), pattern=pattern)
    with pytest.raises(ValueError, match="`pattern` does not fit"):
        unbuilt.build((None, *shape))


def network(inputs=8):
    return keras.Sequential([keras.Input((inputs,)), layers.Dense(4, name="dense")])


def fit(schedule, **options):
    model = sos.sparsify(network(), lambda layer: pruned(layer, schedule, **options))
    model.compile("sgd", "mse")
    before = model.get_layer("dense").layer.kernel.numpy()
    x, y = np.ones((8, 8), "float32"), np.ones((8, 4), "float32")
    try:
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[sos.UpdateSparsity()])
    except ValueError:
        np.testing.assert_array_equal(model.get_layer("dense").layer.kernel.numpy(), before)
        raise
    return model


def test_a_callable_is_asked_before_the_first_step():
    with pytest.raises(ValueError, match=r"`schedule` must ask.*at most 0.5.*0.75 at step 4"):
        fit(lambda step: (step == 4, 0.75), pattern=TWO_OF_FOUR)
    with pytest.raises(ValueError, match=r"`schedule` must ask.*at most 0.5.*0.75 for 'dense'"):
        fit(lambda step: (step in (0, 4), 0.5 if step else 0.75), pattern=TWO_OF_FOUR)


def test_a_schedule_that_ends_too_early_is_warned_of():
    with pytest.warns(UserWarning, match="pattern 2:4 is not reached.*must end.*0.5.*0.4 at step"):
        model = fit(sos.schedules.ConstantSparsity(0.4, 0, frequency=1), pattern=TWO_OF_FOUR)
    assert sos.report(model).sparsity == 0.25  # 3:4, on the way
    short = sos.schedules.PolynomialDecay(0.0, 0.5, 0, 100, frequency=2)
    with pytest.warns(UserWarning, match="does not reach its final value") as caught:
        fit(short, pattern=TWO_OF_FOUR)
    assert not [each for each in caught if "pattern" in str(each.message)]
    assert sos.report(fit(lambda step: (True, 0.5), pattern=TWO_OF_FOUR)).sparsity == 0.5


def test_patterns_are_equal_by_what_they_say():
    assert NOfM(2, 4) == NOfM(2, 4) != NOfM(1, 4)
    assert Block((4, 1)) == Block([4, 1]) != Block((1, 4))
    assert PerOutput() == PerOutput() != NOfM(2, 4)
    assert len({NOfM(2, 4), NOfM(2, 4), PerOutput()}) == 2
    for pattern in (NOfM(1, 4), Block((4, 1)), PerOutput()):
        config = keras.saving.serialize_keras_object(pattern)
        assert keras.saving.deserialize_keras_object(config) == pattern
        assert eval(repr(pattern)) == pattern


@keras.saving.register_keras_serializable(package="tests")
class Halves(Pattern):
    """Returns what is no mask."""

    def keep(self, kernel, scores, zeros):
        return np.full(scores.shape, 0.5)

    def get_config(self):
        return {}


def test_a_mask_must_be_one():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    layer = sos.MagnitudePruning(keras.layers.Dense(2), schedule, pattern=Halves())
    model = keras.Sequential([keras.Input((4,)), layer])
    with pytest.raises(ValueError, match="`keep` of the pattern Halves must return a boolean"):
        sos.UpdateSparsity().update(model, 0)


class FirstRow(Pattern):
    """A pattern of a user's own: the first row stays."""

    def keep(self, kernel, scores, zeros):
        matrices = self.matrices(kernel)
        mask = np.zeros(matrices.sizes, bool)
        mask[:, 0] = True
        return matrices.back(mask)

    def get_config(self):
        return {}


def test_a_pattern_of_ones_own():
    model = fit(HALF, pattern=FirstRow())
    (mask,) = sos.masks(model).values()
    assert mask[0].all() and not mask[1:].any()
