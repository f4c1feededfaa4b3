"""What `compile` refuses, what it measures, and what a runner takes and gives back."""

import concurrent.futures
import importlib
import time

import keras
import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `inference` brings it")

import state_of_sparsity as sos
from state_of_sparsity.inference import chosen, machine_code, measurement
from tests.inference.pruned import check_runs_alike, kinds, prune


def small_model(**settings):
    layers = [
        *(keras.Input((8, 8, 2)), keras.layers.Conv2D(40, 3, activation="relu", name="first")),
        *(keras.layers.Flatten(), keras.layers.Dense(3, name="head")),
    ]
    return prune(keras.Sequential(layers, **settings), sparsity=0.75)


def test_threads_share_the_work_and_may_come_late():
    """Many runs, so that helpers still look at the steps of one when the next begins."""
    model = small_model()
    runner = sos.inference.compile(model, threads=3, measure=False)
    check_runs_alike(model, runner, batch=2)
    images = np.random.default_rng(0).normal(size=(4, 2, 8, 8, 2)).astype("float32")
    expected = [runner(batch) for batch in images]
    for _ in range(200):
        for batch, outputs in zip(images, expected, strict=True):
            np.testing.assert_array_equal(runner(batch), outputs)
    with concurrent.futures.ThreadPoolExecutor(4) as users:
        for outputs, found in zip(expected, users.map(runner, images), strict=True):
            np.testing.assert_array_equal(found, outputs)


@pytest.mark.parametrize("batch", [1, 2, 17])
def test_batches_of_any_size(batch):
    model = small_model()
    runner = sos.inference.compile(model, threads=1, measure=False)
    check_runs_alike(model, runner, batch)
    check_runs_alike(model, runner, batch + 1)


def test_weights_are_copied():
    model = small_model()
    images = np.ones((2, 8, 8, 2), "float32")
    runner = sos.inference.compile(model, threads=1, measure=False)
    before = runner(images)
    for weight in model.weights:
        weight.assign(weight * 2)
    np.testing.assert_array_equal(runner(images), before)


def test_several_inputs_and_outputs_and_one_that_is_not_touched():
    inputs = [keras.Input((4,), name="left"), keras.Input((4,), name="right")]
    left, right = (keras.layers.Dense(5)(each) for each in inputs)
    total = keras.layers.Add()([left, right])
    model = prune(keras.Model(inputs, [total, inputs[0], total * 2]))
    runner = sos.inference.compile(model, threads=1, measure=False)
    check_runs_alike(model, runner)
    arrays = np.float32([[[1, 2, 3, 4]], [[5, 6, 7, 8]]])
    by_name = runner({"right": arrays[1], "left": arrays[0]})
    np.testing.assert_array_equal(by_name[0], runner(list(arrays))[0])
    np.testing.assert_array_equal(by_name[1], arrays[0])
    with pytest.raises(ValueError, match=r"names \['left', 'right'\]. Received: \['left'\]"):
        runner({"left": arrays[0]})
    with pytest.raises(ValueError, match=r"\('batch', 4\), \('batch', 4\). Received: \[\(1, 4\)\]"):
        runner(arrays[0])


def test_a_batch_that_is_not_the_first_axis_is_refused_not_computed_wrong():
    """Keras does not tell such a shape from that of a batch."""
    inputs = keras.Input((3, 4))
    merged = keras.ops.reshape(inputs, (-1, 4))
    model = prune(keras.Model(inputs, keras.layers.Dense(2)(merged)))
    runner = sos.inference.compile(model, threads=1, measure=False)
    with pytest.raises(ValueError, match=r"batch of 2, and inputs of the shape \(6, 4\)"):
        runner(np.ones((2, 3, 4), "float32"))
    turned = keras.ops.transpose(inputs, (1, 0, 2))
    model = prune(keras.Model(inputs, keras.layers.Dense(2)(turned)))
    check_runs_alike(model, sos.inference.compile(model, threads=1, measure=False))


def test_without_a_place_for_what_is_compiled_each_process_compiles(monkeypatch):
    def njit(nogil, cache=False):
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return lambda function: ("compiled", function)

    monkeypatch.setattr(machine_code.numba, "njit", njit)
    assert machine_code.machine_code(zeros) == ("compiled", zeros)


def test_code_is_kept_under_a_name_that_changes_with_any_file_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_code.numba, "njit", lambda **_: lambda function: function)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "code_of_test.py").write_text("def function():\n    return 1\n")
    names = set()
    for beside in ("x = 1", "x = 2"):
        (tmp_path / "beside.py").write_text(beside)
        module = importlib.reload(importlib.import_module("code_of_test"))
        names.add(machine_code.machine_code(module.function).__qualname__)
    assert len(names) == 2 and all(name.startswith("function_") for name in names)


def test_layers_that_keras_computes_faster_are_left_to_it(monkeypatch):
    monkeypatch.setattr(measurement, "_sparse_seconds", lambda product, *_: product.rows.outputs)
    monkeypatch.setattr(measurement, "_keras_seconds", lambda calls, images: 10)
    monkeypatch.setattr(chosen, "median_seconds", lambda *_: [0.001, 0.002])
    model = small_model()
    runner = sos.inference.compile(model, threads=1)
    assert kinds(runner) == ["KerasCalls", "Reshape", "ToChannels", "Product", "FromChannels"]
    check_runs_alike(model, runner)
    assert str(runner) == (
        "layer  sparsity  sparse ms   Keras ms  by\n"
        f"first    {100 * zeros(model, 'first'):.1f} %  40000.000  10000.000  Keras\n"
        f"head     {100 * zeros(model, 'head'):.1f} %   3000.000  10000.000  sparse product\n"
        "whole model, 1 at a time: 1.000 ms with 1 thread, 2.000 ms with Keras\n"
        "A layer's Keras ms is of a call by itself: of a small layer mostly the call."
    )


def zeros(model, name):
    return 1 - np.count_nonzero(model.get_layer(name).get_weights()[0] != 0) / (
        model.get_layer(name).get_weights()[0].size
    )


@pytest.mark.parametrize(("which", "threads"), [(0, 1), (1, 2), (2, None)])
def test_the_whole_model_is_measured_with_one_thread_with_all_and_by_keras(
    monkeypatch, which, threads
):
    medians = [0.002 if each == which else 0.003 for each in range(3)]
    monkeypatch.setattr(chosen, "median_seconds", lambda *_: medians)
    monkeypatch.setattr(measurement, "_ENOUGH_SECONDS", 0.001)
    model = small_model()
    runner = sos.inference.compile(model, batch_size=2, threads=2)
    check_runs_alike(model, runner)
    assert runner._program is None if threads is None else runner._program.memory.threads == threads
    *lines, last, _ = str(runner).splitlines()[1:]
    measured = [f"{1000 * seconds:.3f} ms with" for seconds in medians]
    words = [f"{measured[0]} 1 thread", f"{measured[1]} 2 threads", f"{measured[2]} Keras"]
    assert last == f"whole model, 2 at a time: {', '.join(words)}"
    assert len(lines) == 2 and all(float(cell) > 0 for line in lines for cell in line.split()[3:5])
    assert threads is not None or all(line.endswith("Keras") for line in lines)


def test_each_is_measured():
    runners = [
        lambda inputs: time.sleep(0.003),
        lambda inputs: None,
        lambda inputs: sum(range(10**5)),
    ]
    seconds = chosen.median_seconds(runners, small_model(), 2)
    assert min(seconds) == seconds[1] and seconds[0] >= 0.003


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def built_subclass():
    model = Subclassed()
    model(np.ones((1, 3), "float32"))
    return model


def sparse_model():
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    return sos.sparsify(small_model(), lambda layer: sos.MagnitudePruning(layer, schedule))


def masked_model():
    tokens = keras.Input((4,), dtype="int32")
    return keras.Model(tokens, keras.layers.Embedding(5, 3, mask_zero=True)(tokens))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (sparse_model, r"Strip it first: sos.inference.compile\(sos.strip\(model\)\)"),
        (built_subclass, "must be a Functional or Sequential model .* of the class Subclassed"),
        (lambda: keras.Sequential([keras.layers.Dense(2)]), "weights"),
        (lambda: keras.layers.Dense(2), "must be a Keras model"),
        (
            lambda: keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(2)]),
            r"inputs of known shapes.*\(None, None, 4\)",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((4,)), keras.layers.Dense(2, dtype="mixed_bfloat16", name="low")]
            ),
            "must compute in float32.*'low' with mixed_bfloat16",
        ),
        (masked_model, "must have no masks between layers"),
    ],
    ids=["sparse", "subclassed", "unbuilt", "layer", "shape", "dtype", "mask"],
)
def test_models_that_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        sos.inference.compile(make())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0"),
        ({"threads": 0}, "`threads` must be at least 1. Received: 0"),
        ({"measure": 1}, "`measure` must be True or False. Received: 1"),
    ],
)
def test_arguments_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sos.inference.compile(small_model(), **settings)


def test_progress_is_shown_where_measuring_takes_long(monkeypatch, capsys):
    monkeypatch.setattr(measurement, "_PATIENCE", 1000)
    sos.inference.compile(small_model(), threads=1)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(measurement, "_PATIENCE", 0)
    sos.inference.compile(small_model(), threads=1, measure=False)
    sos.inference.compile(small_model(), threads=1)
    printed = capsys.readouterr().out
    assert printed.count("2/2") == 1 and printed.rstrip().endswith("/layer timed")


def test_layers_that_read_text_are_named():
    text = keras.layers.TextVectorization(output_sequence_length=6, vocabulary=["a", "b"])
    inputs = keras.Input((), dtype="string")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 8)(text(inputs)))
    with pytest.raises(ValueError, match=r"numbers alone.*'text_vectorization'.*reads text"):
        sos.inference.compile(keras.Model(inputs, keras.layers.Dense(2)(hidden)))
