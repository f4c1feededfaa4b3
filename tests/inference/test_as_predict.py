"""What `predict` does that a graph's record of calls does not say: no training, types, copies."""

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from tests.inference.pruned import check_runs_alike, prune

pytest.importorskip("numba", reason="the extra `inference` brings numba")


def compiled(model):
    return sos.inference.compile(prune(model), threads=1, measure=False)


class TrainsByDefault(layers.Layer):
    def call(self, inputs, training=True):
        return inputs * 100 if training else inputs


@pytest.mark.parametrize(
    "call",
    [
        layers.RandomFlip(seed=0),
        lambda x: layers.Dropout(0.5)(x, training=True),
        lambda x: layers.BatchNormalization()(x, training=True),
        TrainsByDefault(),
        lambda x: keras.Sequential([layers.Dropout(0.5)])(x, training=True),
        keras.Sequential([layers.RandomRotation(0.2), layers.RandomZoom(0.2)]),
    ],
)
def test_nothing_runs_in_training(call):
    inputs = keras.Input((6, 6, 2))
    model = keras.Model(inputs, layers.Conv2D(3, 3)(call(layers.Conv2D(2, 1)(inputs))))
    check_runs_alike(model, compiled(model))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x * 2 - 255,
        lambda x: layers.Add()([x, x]),
        layers.LayerNormalization(),
        keras.Sequential([keras.Input((8,)), layers.Lambda(lambda t: t * 2), layers.Dense(8)]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64"])
def test_inputs_become_what_the_model_takes(call, dtype):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layers.Dense(3)(call(inputs)))
    runner, given = compiled(model), (np.arange(16) * 17).reshape(2, 8).astype(dtype)
    expected = model.predict(given, verbose=0)
    np.testing.assert_allclose(runner(given), expected, rtol=1e-4)


def test_a_model_inside_that_takes_another_type_is_asked_itself():
    inner = keras.Sequential([keras.Input((8,)), layers.Lambda(lambda t: t * 2), layers.Dense(2)])
    inputs = keras.Input((8,), dtype="uint8")
    model = keras.Model(inputs, layers.Dense(3)(inner(inputs)))
    given = (np.arange(16) * 17).reshape(2, 8).astype("uint8")
    expected = prune(model).predict(given, verbose=0)
    runner = sos.inference.compile(model, threads=1, measure=False)
    np.testing.assert_allclose(runner(given), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("equation", "inside", "after"),
    [
        ("abc,cde->abde", (5, 4), lambda x: x),
        ("abc,cde->abde", (5, 4), layers.Conv2D(3, (3, 1), padding="same")),
        ("abc,cde->abde", (5, 4), layers.MaxPooling2D((2, 1))),
        ("abcd,cde->abe", (5, 1, 4), layers.Dense(3)),
    ],
)
def test_axes_of_length_one(equation, inside, after):
    inputs = keras.Input(inside)
    shape = (5, 1, 6) if equation.endswith("abde") else (5, 6)
    x = layers.EinsumDense(equation, shape)(inputs)
    other = keras.Input(shape)
    for made in (layers.Add()([x, other]), layers.Add()([other, x]), x):
        model = keras.Model([inputs, other], [after(made), other * 1])
        check_runs_alike(model, compiled(model))


def test_means_that_a_later_layer_reads_as_maps():
    inputs = keras.Input((4, 4, 2))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, padding="same")(inputs))
    x = layers.EinsumDense("ab,bcde->acde", (1, 1, 6))(x)
    model = keras.Model(inputs, layers.Conv2D(3, 3, padding="same")(x))
    check_runs_alike(model, compiled(model))


def test_integers_stay_integers_for_others_who_read_them():
    inputs = keras.Input((2,), dtype="int32")
    outputs = [layers.Dense(3)(layers.Dense(3)(layers.Dense(3)(inputs))), inputs % 2, inputs]
    model = keras.Model(inputs, outputs)
    given = np.array([[16777217, 3]], "int32")
    _, rest, same = compiled(model)(given)
    assert rest.tolist() == [[1, 1]] and same.dtype == np.int32
    assert not np.shares_memory(same, given)


def test_dictionaries_of_inputs_are_refused_with_the_way_out():
    left, right = keras.Input((4,), name="a"), keras.Input((5,), name="b")
    outputs = {"one": layers.Dense(2)(left), "two": layers.Dense(3)(right)}
    model = keras.Model({"a": left, "b": right}, outputs)
    with pytest.raises(ValueError, match=r"dictionary of \['a', 'b'\]. Make it anew: keras.Model"):
        sos.inference.compile(model)
    anew = keras.Model(list(model.inputs), model.outputs)
    check_runs_alike(anew, compiled(anew))
