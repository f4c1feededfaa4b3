"""Whether a data set is there and fits the model, known before training begins."""


def open_data(data, model):
    """Has a data set look for what training reads, and compares its classes with the model's.

    Some data sets are opened at their first use, so that a dry run needs no data.

    Args:
        data: a data set as `state_of_sparsity.data` describes.
        model: the built Keras model.

    Raises:
        ValueError: if data cannot be found or read, or the model has another number of classes.
    """
    data.train(), data.validation()
    classes, shape = getattr(data, "classes", None), getattr(model, "output_shape", None)
    outputs = shape[-1] if isinstance(shape, tuple) else None
    # A label beyond the outputs is an error on a CPU, and a loss of NaN on a GPU.
    if isinstance(outputs, int) and classes is not None and outputs != classes:
        raise ValueError(
            f"`classes` must be {classes:,}, as many as the data have. Received: a model with "
            f"{outputs:,} outputs. In a gin file that is CLASSES."
        )
