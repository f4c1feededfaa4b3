"""`UpdateSparsity` in training: the update for step t is there when t steps are done."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

ROWS = 24
X = np.random.default_rng(0).normal(size=(ROWS, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(ROWS, 4)).astype("float32")
SIZE = 24  # weights of the one kernel


def staircase(step):
    """Due at every step, and every sparsity tells its step: `step` zeros of `SIZE`."""
    return True, min(step, SIZE - 1) / SIZE


def network(schedule=staircase):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    return sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))


def zeros(model):
    (mask,) = sos.masks(model).values()
    return int(np.count_nonzero(~mask))


class Watch(keras.callbacks.Callback):
    """Notes the zeros at every moment at which another callback may look."""

    def __init__(self):
        super().__init__()
        self.at_batch_end, self.at_test_begin, self.at_epoch_end, self.at_train_end = [], [], [], []

    def on_train_batch_end(self, batch, logs=None):
        self.at_batch_end.append((int(self.model.optimizer.iterations), zeros(self.model)))

    def on_test_begin(self, logs=None):
        self.at_test_begin.append(zeros(self.model))

    def on_epoch_end(self, epoch, logs=None):
        self.at_epoch_end.append(zeros(self.model))

    def on_train_end(self, logs=None):
        self.at_train_end.append(zeros(self.model))


class MaskedForward(keras.layers.Layer):
    """Records, inside the training step, how many outputs are zero: the masks it runs with."""

    def build(self, shape):
        self.seen = self.add_weight(shape=(64,), initializer="zeros", trainable=False)
        self.calls = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, kernel, training=False):
        if training:
            count = keras.ops.cast(keras.ops.sum(keras.ops.equal(kernel, 0.0)), "float32")
            slot = keras.ops.one_hot(self.calls, 64)
            self.seen.assign(self.seen + slot * count)
            self.calls.assign(self.calls + 1)
        return kernel


def fit(model, watch=None, *, batch=4, optimizer="sgd", compile_with=None, updater=None, **kwargs):
    # Eager steps where the mode does not matter: a few take less time than to trace one.
    model.compile(optimizer, "mse", **(compile_with or {"run_eagerly": True}))
    callbacks = [updater or sos.UpdateSparsity()] + ([watch] if watch else [])
    return model.fit(X, Y, batch_size=batch, verbose=0, callbacks=callbacks, **kwargs)


def test_every_update_runs_when_its_steps_are_done():
    model, watch = network(), Watch()
    graph = {"run_eagerly": False}
    fit(model, watch, epochs=2, validation_data=(X, Y), compile_with=graph)
    assert watch.at_batch_end == [(step, step) for step in range(1, 13)]
    # validation, checkpoints and what follows see the update of the last step, the run's included
    assert watch.at_test_begin == watch.at_epoch_end == [6, 12]
    assert watch.at_train_end == [12] and zeros(model) == 12


@pytest.mark.parametrize("jit", [False, True])
def test_the_training_step_runs_with_the_masks_of_its_step(jit):
    inputs = keras.Input((6,))
    wrapper = sos.MagnitudePruning(layers.Dense(4, use_bias=False, name="dense"), staircase)
    identity = keras.ops.eye(6)
    probe = MaskedForward(name="probe")

    class Probed(layers.Layer):
        def __init__(self):
            super().__init__()
            self.wrapper, self.probe = wrapper, probe

        def call(self, x, training=False):
            self.probe(self.wrapper(identity), training=training)
            return self.wrapper(x)

    model = keras.Model(inputs, Probed()(inputs))
    probe.calls.assign(0)
    probe.seen.assign(np.zeros(64))
    fit(model, epochs=2, compile_with={"jit_compile": jit})
    np.testing.assert_array_equal(probe.seen.numpy()[:12], np.arange(12))


@pytest.mark.parametrize(
    "schedule",
    [
        sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0),
        sos.schedules.ConstantSparsity(0.5, begin_step=6, end_step=6),
        sos.schedules.ConstantSparsity(0.5, begin_step=3, frequency=2),
        sos.schedules.PolynomialDecay(0.0, 0.75, begin_step=2, end_step=6, frequency=2),
        sos.schedules.PolynomialDecay(0.25, 0.75, begin_step=0, end_step=5, frequency=1),
    ],
)
def test_the_record_of_a_run_is_that_of_its_schedule(schedule):
    model, watch = network(schedule), Watch()
    fit(model, watch)
    expected, present = [], 0
    for step in range(7):
        due, sparsity = schedule(step)
        present = round(sparsity * SIZE) if due else present
        expected.append((step, present))
    assert watch.at_batch_end == expected[1:]


def test_the_first_step_already_runs_with_the_update_of_step_0():
    model = network(sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=0))
    dense = model.layers[0].layer
    before = dense.kernel.numpy()
    fit(model, steps_per_epoch=1)
    moved = dense.kernel.numpy() != before
    np.testing.assert_array_equal(moved, sos.masks(model)["dense/kernel"])


@pytest.mark.parametrize("per_execution", [2, 4, 5, 6, 100])
def test_steps_per_execution(per_execution):
    # 6 batches an epoch: 2 divides, 4 and 5 leave a remainder, 100 is more than an epoch
    model, watch = network(), Watch()
    compile_with = {"steps_per_execution": per_execution, "run_eagerly": False}
    fit(model, watch, epochs=2, compile_with=compile_with, validation_data=(X, Y))
    assert [seen for _, seen in watch.at_batch_end] == [step for step, _ in watch.at_batch_end]
    assert watch.at_batch_end[-1] == (12, 12)
    assert watch.at_test_begin == [6, 12]


def test_steps_per_execution_takes_the_latest_due_step():
    due = {2: 0.25, 3: 0.5, 9: 0.75}
    model, watch = network(lambda step: (step in due, due.get(step, 0.0))), Watch()
    fit(model, watch, epochs=2, compile_with={"steps_per_execution": 3})
    assert watch.at_batch_end == [(3, 12), (6, 12), (9, 18), (12, 18)]


@pytest.mark.parametrize("every", [2, 3, 5])
def test_gradient_accumulation_counts_optimizer_steps(every):
    model, watch = network(), Watch()
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=every)
    fit(model, watch, batch=2, epochs=2, optimizer=optimizer)  # 24 batches
    iterations = [step for step, _ in watch.at_batch_end]
    assert iterations[-1] == 24 // every
    assert [seen for _, seen in watch.at_batch_end] == iterations


class Overflowing(keras.losses.Loss):
    """A loss whose gradients are infinite in some batches: the steps are skipped."""

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_pred), axis=-1) * y_true[:, 0]


def test_skipped_float16_steps_do_not_count():
    keras.config.set_dtype_policy("mixed_float16")
    model, watch = network(), Watch()
    keras.config.set_dtype_policy("float32")
    bad_batches = {1, 2, 5, 9}
    targets = np.ones((ROWS * 2, 4), "float32")
    for batch in bad_batches:
        targets[4 * batch : 4 * batch + 4] = np.inf
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)), Overflowing())
    model.fit(
        np.concatenate([X, X]),
        targets,
        batch_size=4,
        shuffle=False,
        verbose=0,
        callbacks=[sos.UpdateSparsity(), watch],
    )
    steps = np.cumsum([batch not in bad_batches for batch in range(12)]).tolist()
    inner = model.optimizer.inner_optimizer
    assert int(inner.iterations) == steps[-1] == 8
    assert [seen for _, seen in watch.at_batch_end] == steps


def test_train_on_batch_and_custom_loops_with_update():
    model = network()
    model.compile("sgd", "mse")
    updater = sos.UpdateSparsity()
    for step in range(5):
        updater.update(model, step)
        assert zeros(model) == step
        model.train_on_batch(X, Y)
    updater.update(model, 5)
    assert zeros(model) == 5


def test_a_custom_loop_in_a_graph():
    import tensorflow as tf

    model = network()
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(X, training=True) - Y))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return gradients[0]

    updater = sos.UpdateSparsity()
    for step in range(6):
        updater.update(model, int(optimizer.iterations))
        gradient = train_step().numpy()
        assert np.count_nonzero(gradient == 0) == step
    assert train_step.experimental_get_tracing_count() == 1


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_of_unknown_length():
    def batches():
        for _ in range(5):
            yield X[:4], Y[:4]

    model, watch = network(), Watch()
    model.compile("sgd", "mse")
    model.fit(batches(), shuffle=False, verbose=0, callbacks=[sos.UpdateSparsity(), watch])
    assert watch.at_batch_end == [(step, step) for step in range(1, 6)]


@pytest.mark.filterwarnings("ignore:No gate of sos.L0")
def test_a_learned_technique_follows_its_ramp():
    ramp = sos.schedules.Ramp(1.0, begin_step=2, end_step=6)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model = sos.sparsify(model, lambda layer: sos.L0Regularization(layer, ramp, seed=0))
    weights = []

    class Weights(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found = [v for v in self.model.non_trainable_variables if v.name == "penalty_weight"]
            weights.append(float(found[0]))

    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[sos.UpdateSparsity(), Weights()])
    assert weights == [ramp(step) for step in range(1, 7)] == [0, 0, 0.25, 0.5, 0.75, 1.0]


def test_the_schedule_is_asked_once_a_step_in_training():
    asked = []

    def schedule(step):
        asked.append(step)
        return step % 3 == 0, 0.5

    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(4)(layers.Dense(5)(layers.Dense(5)(inputs))))
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    fit(model, epochs=2)
    assert set(asked) == set(range(13))
    assert len(asked) <= 2 * 13  # once, and once more where an update was due


def test_one_callback_object_serves_several_runs_and_models():
    updater = sos.UpdateSparsity()
    first, second = network(), network()
    fit(first, updater=updater)
    fit(second, updater=updater, epochs=2)
    assert (zeros(first), zeros(second)) == (6, 12)
    first.fit(X, Y, batch_size=4, verbose=0, callbacks=[updater])  # the optimizer counts on
    assert zeros(first) == 12


def test_sparsity_log_counts_every_kernel():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=6)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="a"), layers.Dense(4)])
    model = sos.sparsify(model, [("^a$", lambda layer: sos.MagnitudePruning(layer, schedule))])
    model.compile("sgd", "mse")
    history = model.fit(
        X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[sos.UpdateSparsity(), sos.SparsityLog()]
    )
    assert history.history["sparsity"] == [0.0, 12 / 40, 12 / 40]


def test_a_model_made_sparse_after_its_schedules_end_gets_the_final_sparsity():
    for schedule in (
        sos.schedules.ConstantSparsity(0.75, begin_step=0),
        sos.schedules.PolynomialDecay(0.0, 0.75, begin_step=1, end_step=3, frequency=1),
    ):
        plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        optimizer = keras.optimizers.SGD()
        plain.compile(optimizer, "mse")
        plain.fit(np.ones((40, 4)), np.ones((40, 4)), batch_size=8, verbose=0)
        sparse = sos.sparsify(plain, lambda layer, s=schedule: sos.MagnitudePruning(layer, s))
        sparse.compile(optimizer, "mse")
        sparse.fit(np.ones((8, 4)), np.ones((8, 4)), verbose=0, callbacks=[sos.UpdateSparsity()])
        assert int(optimizer.iterations) == 6
        assert sos.report(sparse).sparsity == 0.75


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_training_step_may_take_several_of_the_optimizers():
    class Twice(keras.Sequential):
        def train_step(self, *arguments):
            super().train_step(*arguments)
            return super().train_step(*arguments)

    if keras.backend.backend() != "tensorflow":
        pytest.skip("the training step of JAX returns a state, not logs")
    model = Twice([keras.Input((8,)), keras.layers.Dense(16, name="dense")])
    schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=20, frequency=3)
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    sparse.compile("sgd", "mse")
    batches = ((np.ones((4, 8)), np.ones((4, 16))) for _ in range(10))
    sparse.fit(batches, shuffle=False, verbose=0, callbacks=[sos.UpdateSparsity()])
    assert int(sparse.optimizer.iterations) >= 20
    assert sos.report(sparse).sparsity == pytest.approx(0.9, abs=0.01)
