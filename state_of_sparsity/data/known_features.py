"""Features that TensorFlow Datasets reads from a folder, without importing what they name."""

import contextlib


@contextlib.contextmanager
def known_features_only():
    """Has TensorFlow Datasets read data of feature classes alone that it has already.

    A `features.json` names the classes of its features, and TFDS imports the module of a class that
    it does not know: whoever made the folder chose what runs.

    Raises:
        ValueError: in the block, where a folder names another class.

    Example:

    >>> with known_features_only():
    ...     builder = tfds.builder("mnist", data_dir="data")
    """
    import tensorflow_datasets as tfds

    connector = tfds.features.FeatureConnector
    found_by_name = vars(connector)["cls_from_name"]

    def known(_, name):
        if name not in connector._registered_features:
            raise ValueError(
                "`features.json` must name features of TensorFlow Datasets. Received: "
                f"{name!r}, which would be imported. Import its module yourself if you trust it."
            )
        return found_by_name.__get__(None, connector)(name)

    connector.cls_from_name = classmethod(known)
    try:
        yield
    finally:
        connector.cls_from_name = found_by_name
