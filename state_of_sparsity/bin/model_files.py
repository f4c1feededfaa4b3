"""What a file of a model may name: Keras's safe mode lets pass functions that write files.

Keras refuses lambdas, and a short list of its functions; a layer may name any other, and have it
called with what the file says, while the file is loaded.
"""

import json
import os
import zipfile

# Where models are made of; `keras.config`, `keras.datasets`, `keras.utils`, `keras.visualization`
# and the like change the process, download, or write files.
_PARTS = (
    *("activations", "constraints", "dtype_policies", "initializers", "layers", "losses"),
    *("metrics", "models", "ops", "optimizers", "quantizers", "random", "regularizers"),
)


def check(path: str | os.PathLike):
    """Raises if the file of a model names something of Keras that no model is made of.

    Args:
        path: a `.keras` file, or one of HDF5.

    Raises:
        ValueError: naming it, or if the file is neither.
        OSError: if it cannot be read.
    """
    left = [json.loads(_config(path))]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            _check_object(value)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _config(path):
    if not os.path.isfile(path):  # a pipe would be waited for
        raise ValueError("it is no file" if os.path.exists(path) else "File not found")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    import h5py

    if not h5py.is_hdf5(path):
        raise ValueError("it is neither a `.keras` file nor HDF5")
    with h5py.File(path, "r") as file:
        return file.attrs.get("model_config", "null")


def _check_object(value):
    name, module = value.get("name"), value.get("module")
    if isinstance(name, str) and not name.isprintable():  # reports print it
        raise ValueError(f"it has the name {name!a}")
    for key in ("config", "class_name", "spec_name"):
        name = value.get(key)
        if isinstance(module, str) and isinstance(name, str):
            # Keras joins them, wherever the dots are.
            package, *parts, _ = f"{module}.{name}".split(".")
            parts = parts[1:] if parts[:1] in (["_legacy"], ["src"]) else parts
            if package == "keras" and parts and parts[0] not in _PARTS:
                raise ValueError(f"it names {module}.{name}, of which no model is made")
