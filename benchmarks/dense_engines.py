"""Engines that compute a model's outputs on a processor, as functions of a batch.

Each takes a Keras model, an example of its batches, how many threads compute, and a folder for
files. One whose package is missing raises ImportError. What Keras's backend is told about threads
it is told before it computes, by `set_threads`.
"""

import contextlib
import io
import os
import warnings


def set_threads(threads):
    """Has TensorFlow compute with so many threads; call it before anything else."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def keras_graph(model, batch, threads, folder):
    """Keras on TensorFlow, as one graph for batches of one shape."""
    import tensorflow as tf

    signature = tf.TensorSpec(batch.shape, tf.float32)
    graph = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature])
    return lambda inputs: graph(inputs).numpy()


def onnx_runtime(model, batch, threads, folder):
    """ONNX Runtime, on Keras's export to ONNX."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        exported(model, batch, folder), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda inputs: session.run(None, {name: inputs})[0]


def openvino(model, batch, threads, folder):
    """OpenVINO, for latency, on the same file; in float32, as the others."""
    import openvino

    core = openvino.Core()
    read = core.read_model(exported(model, batch, folder))
    read.reshape(list(batch.shape))
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(read, "CPU", settings)
    return lambda inputs: compiled(inputs)[0]


def exported(model, batch, folder):
    """Returns the path of a model as an ONNX file, written once."""
    import keras
    import tf2onnx  # noqa: F401 - what Keras needs for it, asked for before it begins

    path = folder / f"{len(batch)}.onnx"
    if not path.exists():
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            signature = [keras.InputSpec(shape=batch.shape, dtype="float32")]
            model.export(path, format="onnx", verbose=False, input_signature=signature)
    return str(path)


ENGINES = {"Keras": keras_graph, "ONNX Runtime": onnx_runtime, "OpenVINO": openvino}
