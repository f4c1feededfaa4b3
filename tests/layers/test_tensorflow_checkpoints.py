"""`tf.train.Checkpoint` and Orbax: all that a sparse layer keeps is saved, and comes back."""

import importlib.util
import re

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.conformance import every_technique, sparse_model

if keras.backend.backend() != "tensorflow":
    pytest.skip("checkpoints of TensorFlow", allow_module_level=True)
import tensorflow as tf

without_orbax = pytest.mark.skipif(
    importlib.util.find_spec("orbax") is None, reason="orbax-checkpoint is not installed"
)
HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
X = np.random.default_rng(0).normal(size=(8, 5, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def drop(layer):
    weight = sos.schedules.Ramp(0.01, begin_step=2, end_step=30)
    return sos.VariationalDropout(layer, weight, initial_log_sigma2=-1.0)


def disturb(model):
    for number, variable in enumerate(model.variables):
        value = variable.numpy()
        flipped = ~value if value.dtype == bool else value + value.dtype.type(number + 1)
        variable.assign(flipped)


def state_of(model):
    """Returns weights and the seeds of techniques, not those that Keras keeps for dropout."""
    inside = {} if not isinstance(model, keras.Model) else sos.sparse_layers(model)
    return (
        model.variables
        if not inside
        else [
            *model.weights,
            *(seed.state for wrapper in inside.values() for seed in wrapper._seed_generators),
        ]
    )


def check_equal(found, expected):
    for variable, other in zip(state_of(found), state_of(expected), strict=True):
        np.testing.assert_array_equal(variable.numpy(), other.numpy(), err_msg=other.path)


def check_round_trip(make, folder):
    saved, other = make(), make()
    disturb(saved)
    path = tf.train.Checkpoint(model=saved).save(folder / "checkpoint")
    tf.train.Checkpoint(model=other).restore(path).assert_consumed()
    check_equal(other, saved)


@every_technique
def test_every_technique(name, tmp_path):
    check_round_trip(lambda: sparse_model(name), tmp_path)


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 2, name="attention")
        self.pair = (layers.Dense(6, name="wide"), layers.Dense(6, name="narrow"))

    def build(self, shape):
        self.attention.build(shape, shape)
        self.pair[0].build(shape)
        self.pair[1].build(shape)

    def call(self, x):
        return self.pair[1](self.pair[0](self.attention(x, x)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = Block(name="first"), Block(name="second")
        self.recurrent = layers.Bidirectional(layers.GRU(3))

    def call(self, x):
        return self.recurrent(self.second(self.first(x)))


def subclassed():
    model = Subclassed()
    model(X)
    return model


def nested():
    inner = keras.Sequential([keras.Input((5, 6)), layers.Dense(4), layers.Dense(6)])
    outer = keras.Sequential([keras.Input((5, 6)), inner, layers.Dense(2)])
    inputs = keras.Input((5, 6))
    return keras.Model(inputs, outer(inner(inputs)))


@pytest.mark.parametrize("rule", [prune, drop])
@pytest.mark.parametrize("model", [subclassed, nested])
def test_layers_inside_layers_and_models(model, rule, tmp_path):
    check_round_trip(lambda: sos.sparsify(model(), rule), tmp_path)


class Counted(sos.SparseWrapper):
    """A user's technique, which keeps state of its own where no attribute leads to it."""

    def __init__(self, layer):
        super().__init__(layer)
        self.noise = keras.random.SeedGenerator(3)
        self.counts = [self.add_weight(name="count", shape=()) for _ in range(2)]
        self.mask = self.variables = "names that a technique may use"
        self.build_if_possible()

    variables = sos.SparseWrapper.variables.setter(lambda self, value: None)

    def add_kernel_state(self, kernel):
        return self.add_beside(kernel, "mask", shape=kernel.variable.shape)

    def effective_kernel(self, kernel, training):
        return keras.ops.convert_to_tensor(kernel.variable)


def test_the_state_of_a_technique_of_the_users_own(tmp_path):
    def make():
        inputs = keras.Input((5, 6))
        return keras.Model(inputs, Counted(layers.Dense(3))(inputs))

    check_round_trip(make, tmp_path)


def test_restored_before_it_is_built(tmp_path):
    saved, other = (prune(layers.Dense(3)) for _ in range(2))
    saved(X)
    disturb(saved)
    path = tf.train.Checkpoint(layer=saved).save(tmp_path / "checkpoint")
    status = tf.train.Checkpoint(layer=other).restore(path)
    other(X)
    status.assert_consumed()
    check_equal(other, saved)


def loop(model, optimizer, first, last):
    updater = sos.UpdateSparsity()
    for step in range(first, last):
        updater.update(model, step)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(X, training=True) ** 2) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)


def decayed(layer):
    schedule = sos.schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=6, frequency=3)
    return sos.MagnitudePruning(layer, schedule)


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        (nested, decayed),
        pytest.param(nested, drop, marks=pytest.mark.slow),
        pytest.param(subclassed, decayed, marks=pytest.mark.slow),
    ],
)
def test_a_loop_resumed_goes_on_as_if_it_had_not_stopped(model, rule, tmp_path):
    def start():
        keras.utils.set_random_seed(0)
        made, optimizer = sos.sparsify(model(), rule), keras.optimizers.Adam(0.1)
        optimizer.build(made.trainable_variables)
        checkpoint = tf.train.Checkpoint(model=made, optimizer=optimizer)
        return made, optimizer, tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=1)

    whole, optimizer, _ = start()
    loop(whole, optimizer, 0, 7)
    stopped, optimizer, manager = start()
    loop(stopped, optimizer, 0, 4)
    manager.save()
    again, optimizer, manager = start()
    assert manager.restore_or_initialize()
    loop(again, optimizer, int(optimizer.iterations), 7)
    check_equal(again, whole)


def test_variables_have_paths_of_their_own_as_without_the_wrappers():
    def paths(model):
        assert len({variable.path for variable in model.weights}) == len(model.weights)
        names = [re.sub(r"_\d+(?=[/_]|$)", "", variable.path) for variable in model.weights]
        return [name for name in names if "mask" not in name]

    plain = paths(subclassed())
    rules = [("wide|narrow|attention|bidirectional", prune)]
    assert paths(sos.sparsify(subclassed(), prune)) == plain
    assert paths(sos.sparsify(subclassed(), rules)) == plain
    inputs = keras.Input((6,))
    wrapped = keras.Model(inputs, prune(layers.Dense(3, name="dense"))(inputs))
    assert paths(wrapped) == ["dense/kernel", "dense/bias"]


@without_orbax
@pytest.mark.filterwarnings("ignore:`schedule` does not reach")
@pytest.mark.parametrize("name", ["magnitude", "fixed mask", "variational dropout, ramp", "l0"])
def test_orbax(name, tmp_path):
    check_orbax(lambda: sparse_model(name), tmp_path)


@without_orbax
@pytest.mark.filterwarnings("ignore:`schedule` does not reach")
@pytest.mark.parametrize("rule", [prune, drop])
@pytest.mark.parametrize("model", [subclassed, nested])
def test_orbax_with_layers_inside_layers(model, rule, tmp_path):
    rules = [("wide|narrow|attention|bidirectional|dense", rule)]
    check_orbax(lambda: sos.sparsify(model(), rules), tmp_path)


def check_orbax(make, folder):
    def start():
        keras.utils.clear_session()  # Orbax tells variables by their names, numbers included
        made = make()
        made.compile("adam", "mse")
        made.optimizer.build(made.trainable_variables)
        return made

    saved, other = start(), start()
    x = X[:2] if isinstance(saved, Subclassed) else np.ones((2, *saved.input_shape[1:]))
    callback = keras.callbacks.OrbaxCheckpoint(str(folder), save_on_background=False)
    update = [sos.UpdateSparsity()]
    saved.fit(x, np.zeros(saved(x).shape), verbose=0, callbacks=[*update, callback])
    other.load_weights(str(folder))
    check_equal(other, saved)
    check_equal(other.optimizer, saved.optimizer)


def test_layers_in_lists_and_dicts(tmp_path):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [keras.layers.Dense(4, name="a"), keras.layers.Dense(4, name="b")]
            self.heads = {"h": keras.layers.Dense(2, name="h")}

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.heads["h"](x)

    def made():
        model = Net()
        model(np.ones((2, 4), "float32"))
        half = sos.schedules.ConstantSparsity(0.5, begin_step=0)
        return sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, half))

    saved, restored = made(), made()
    sos.UpdateSparsity().update(saved, 0)
    path = tf.train.Checkpoint(model=saved).save(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=restored).restore(path).assert_existing_objects_matched()
    for name, mask in sos.masks(saved).items():
        np.testing.assert_array_equal(sos.masks(restored)[name], mask)
