"""`save_compressed`: a `.keras` file in which zeros take next to no room."""

import io
import os
import shutil
import zipfile

import keras

from state_of_sparsity import atomic_write, output_path, zip_years
from state_of_sparsity.surgery.model_check import check_model
from state_of_sparsity.surgery.plain_copy import plain_copy
from state_of_sparsity.surgery.structure import sparse_layers

# Keras refuses to read what is larger than the first and shrank more than the second says, as an
# archive made to fill memory (`keras/src/saving/saving_lib.py`, `_reject_zip_extract_bomb`).
_REFUSED_BYTES, _REFUSED_RATIO = 1 << 28, 100


def save_compressed(model: keras.Model, path: str | os.PathLike) -> int:
    """Saves a plain model as a compressed `.keras` file, for inference.

    A `.keras` file is a zip archive, in which Keras stores weights as they are: zeros take four
    bytes each. Here it is deflated, and `keras.saving.load_model` reads it as any other, without
    this package. The state of the optimizer and what `compile` was told are left out.

    Args:
        model: a built model without sparse layers, such as `sos.strip` returns.
        path: the file to write, ending in `.keras`. It is written in one step.

    Returns:
        The bytes that the file has on disk.

    Raises:
        ValueError: if the model has sparse layers or no weights yet, the path cannot be written or
            ends otherwise, or Keras would not read the file (more than 256 MiB of which less than
            a hundredth is left).

    Example:

    >>> bytes_on_disk = sos.save_compressed(sos.strip(sparse), "model.keras")
    >>> model = keras.saving.load_model("model.keras")
    """
    check_model(model, "save_compressed")
    wrappers = list(sparse_layers(model))
    if wrappers:
        raise ValueError(
            f"`model` must be plain. Received: '{model.name}', which has {len(wrappers)} sparse "
            f"layers, '{wrappers[0]}' first: they keep the weights that they leave out. Save "
            "sos.strip(model), or model.save(path) to train on."
        )
    if not os.fspath(path).endswith(".keras"):
        raise ValueError(
            f"`path` must end in '.keras'. Received: {os.fspath(path)!r}. Other formats are not "
            "archives of Keras's: docs/how_to/ says how to export to them."
        )
    path = output_path.check_file("path", path)
    for_inference = plain_copy(model) if model.compiled else model
    with atomic_write.atomic_path(path) as temporary, zip_years.any_year():
        for_inference.save(temporary)
        temporary.write_bytes(_deflated(temporary))
    return path.stat().st_size


def _deflated(path):
    """Returns the bytes of an archive with the same files as the one at `path`, each deflated."""
    deflated = io.BytesIO()
    with (
        zipfile.ZipFile(path) as stored_archive,
        zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in stored_archive.namelist():
            # The size is not known before it is written, and may be more than 2 GiB.
            source = stored_archive.open(name)
            with source, archive.open(name, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)
        for file in archive.infolist():
            if file.file_size > max(_REFUSED_BYTES, _REFUSED_RATIO * file.compress_size):
                raise ValueError(
                    f"`model` is too sparse for a compressed file: Keras refuses to read files of "
                    f"more than {_REFUSED_BYTES:,} bytes that shrank more than "
                    f"{_REFUSED_RATIO} times. Received: {file.file_size:,} bytes of weights, "
                    f"{file.compress_size:,} compressed. Use model.save(path), and compress the "
                    "file where it is kept."
                )
    return deflated.getvalue()
