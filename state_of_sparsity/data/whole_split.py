"""A whole split of a TensorFlow Dataset as arrays in memory."""

import pathlib

from state_of_sparsity import extras
from state_of_sparsity.data.known_features import known_features_only


def read_split(dataset, split, data_dir, instead):
    """Returns a split as a dict of numpy arrays, downloaded first where it has to be.

    Args:
        dataset: a name that TFDS knows.
        split: a split of it.
        data_dir: where TFDS keeps its data; `None` for its own place.
        instead: what `data_dir` may hold instead of TFDS's format, in words, for messages.

    Raises:
        ValueError: if TFDS cannot be imported, or cannot read or download the data.
    """
    try:
        with extras.explained():
            import tensorflow_datasets as tfds
    except ImportError as error:
        raise ValueError(
            f"`data_dir` must be a folder with {instead} where TensorFlow Datasets cannot be "
            f"imported. Received: {data_dir!r} ({error})."
        ) from error
    if data_dir is not None and not (pathlib.Path(data_dir).expanduser() / dataset).is_dir():
        print(
            f"{data_dir} has neither {instead} nor `{dataset}` of TensorFlow Datasets, which "
            "downloads it there.",
            flush=True,
        )
    try:
        with known_features_only():
            batch = tfds.load(dataset, split=split, data_dir=data_dir, batch_size=-1)
    except Exception as error:  # TFDS lets through whatever its downloads and files raise
        raise ValueError(
            f"`data_dir` must be a folder with {instead}, or a folder where TensorFlow Datasets "
            f"keeps `{dataset}` or can download it to. "
            f"Received: {data_dir!r}, of which TensorFlow Datasets says: {error}"
        ) from error
    return tfds.as_numpy(batch)
