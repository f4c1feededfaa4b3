"""The files that a stripped model can be exported to: how each is written, run, and read back.

Each is what Keras, TensorFlow or ONNX offer; nothing here knows what is sparse.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import warnings
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Exported:
    """A file, or a folder, and what is in it.

    Args:
        path: where it is.
        predict: takes a batch of images, returns outputs, computed from the file.
        arrays: the arrays of weights that the file holds, as it holds them.
    """

    path: pathlib.Path
    predict: Callable
    arrays: list[np.ndarray]

    @property
    def size(self):
        """Bytes on disk, of all files in a folder."""
        files = [self.path, *self.path.rglob("*")]
        return sum(os.path.getsize(file) for file in files if file.is_file())


def keras_file(model, images, folder):
    """Keras's own file, `model.save`."""
    model.save(folder / "model.keras")
    return _loaded(folder / "model.keras")


def compressed_keras_file(model, images, folder):
    """Keras's own file, deflated: `sos.save_compressed`."""
    import state_of_sparsity as sos

    sos.save_compressed(model, folder / "compressed.keras")
    return _loaded(folder / "compressed.keras")


def keras_int8(model, images, folder):
    """Kernels of dense layers and embeddings as int8: `model.quantize`, and a deflated file."""
    import keras

    import state_of_sparsity as sos

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    with warnings.catch_warnings():  # Keras names each layer that it leaves as it is
        warnings.simplefilter("ignore")
        copy.quantize("int8")
    sos.save_compressed(copy, folder / "int8.keras")
    return _loaded(folder / "int8.keras")


def _loaded(path):
    import keras

    model = keras.saving.load_model(path)
    return Exported(path, lambda images: model.predict(images, verbose=0), model.get_weights())


def saved_model(model, images, folder):
    """TensorFlow's SavedModel, `model.export`."""
    import tensorflow as tf

    model.export(folder / "saved_model", verbose=False)
    loaded = tf.saved_model.load(folder / "saved_model")
    arrays = [variable.numpy() for variable in loaded.variables]
    return Exported(folder / "saved_model", lambda images: loaded.serve(images).numpy(), arrays)


def litert(model, images, folder):
    """LiteRT (once TensorFlow Lite), float32."""
    return _litert(model, folder / "float.tflite")


def litert_sparse(model, images, folder):
    """The same, with the converter's option of a sparse encoding."""
    return _litert(model, folder / "sparse.tflite", optimizations=["EXPERIMENTAL_SPARSITY"])


def litert_dynamic(model, images, folder):
    """LiteRT, weights as int8, activations quantized as they come."""
    return _litert(model, folder / "dynamic.tflite", optimizations=["DEFAULT"])


def litert_int8(model, images, folder):
    """LiteRT, weights and activations as int8, of ranges that `images` have."""
    return _litert(
        model,
        folder / "int8.tflite",
        optimizations=["DEFAULT"],
        representative_dataset=lambda: ([image[None]] for image in images),
    )


def litert_int8_sparse(model, images, folder):
    """The same, with the converter's option of a sparse encoding."""
    return _litert(
        model,
        folder / "int8_sparse.tflite",
        optimizations=["DEFAULT", "EXPERIMENTAL_SPARSITY"],
        representative_dataset=lambda: ([image[None]] for image in images),
    )


def _litert(model, path, optimizations=(), **settings):
    import tensorflow as tf

    chosen = [getattr(tf.lite.Optimize, name) for name in optimizations]
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # of the converter, of statistics that it need not have
        model.export(path, format="litert", verbose=False, optimizations=chosen, **settings)
    content = path.read_bytes()
    return Exported(path, litert_predict(content), _litert_arrays(content))


def litert_predict(content):
    """Returns what a file of LiteRT computes, a function of a batch of images."""
    interpreter = _interpreter(content)
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()

    def predict(images):
        outputs = []
        for image in images:
            interpreter.set_tensor(given["index"], image[None])
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(wanted["index"]))
        return np.concatenate(outputs)

    return predict


def _interpreter(content, **settings):
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will move to another package
        interpreter = tf.lite.Interpreter(model_content=content, **settings)
    interpreter.allocate_tensors()
    return interpreter


def _litert_arrays(content):
    """Returns the weights that the kernels of LiteRT compute with.

    Sparse ones are dense again before they are used, so they are read after a run that keeps what
    it has computed.
    """
    import tensorflow as tf

    interpreter = _interpreter(
        content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=(
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.invoke()
    details = interpreter.get_tensor_details()
    dense = [each for each in details if each["name"] and not each["sparsity_parameters"]]
    return [interpreter.get_tensor(each["index"]) for each in dense if each["shape"].size]


def onnx(model, images, folder):
    """ONNX, run by ONNX Runtime."""
    import onnx
    import onnxruntime

    path = folder / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # tf2onnx, of names of NumPy
        model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    (given,) = session.get_inputs()
    arrays = [onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer]
    return Exported(path, lambda images: session.run(None, {given.name: images})[0], arrays)


# By the name that the table calls it.
FORMS = {
    "`model.save`": keras_file,
    "`sos.save_compressed`": compressed_keras_file,
    '`model.quantize("int8")`, `sos.save_compressed`': keras_int8,
    "SavedModel": saved_model,
    "LiteRT": litert,
    "LiteRT, sparse": litert_sparse,
    "LiteRT, dynamic range": litert_dynamic,
    "LiteRT, int8": litert_int8,
    "LiteRT, int8, sparse": litert_int8_sparse,
    "ONNX": onnx,
}
