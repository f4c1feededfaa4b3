"""Whether a data set is there and fits the model, known before training begins."""

from state_of_sparsity.optimizers.learning_rate import schedule_of
from state_of_sparsity.user_warnings import warn


def open_data(data, model):
    """Has a data set look for what training reads, and compares its classes with the model's.

    Some data sets are opened at their first use, so that a dry run needs no data. Warns where the
    learning rate counts epochs of another number of examples.

    Args:
        data: a data set as `state_of_sparsity.data` describes.
        model: the built Keras model, compiled or not.

    Raises:
        ValueError: if data cannot be found or read, the model has another number of classes, or
            it takes inputs of other names.
    """
    batches, _ = data.train(), data.validation()
    _check_names(batches, model)
    classes, shape = getattr(data, "classes", None), getattr(model, "output_shape", None)
    outputs = shape[-1] if isinstance(shape, tuple) else None
    # A label beyond the outputs is an error on a CPU, and a loss of NaN on a GPU.
    if isinstance(outputs, int) and classes is not None and outputs != classes:
        raise ValueError(
            f"`classes` must be {classes:,}, as many as the data have. Received: a model with "
            f"{outputs:,} outputs. In a gin file that is CLASSES."
        )
    optimizer = getattr(model, "optimizer", None)
    rate = None if optimizer is None else schedule_of(optimizer)
    counted, there = getattr(rate, "examples", None), getattr(data, "examples", None)
    # Without classes, the files may hold a part of the data, and steps are tried out on it.
    if classes is not None and None not in (counted, there) and counted != there:
        warn(
            f"The learning rate counts epochs of {counted:,} examples, the data have {there:,} to "
            "train on. Unless this is a trial, give that number: in a gin file that is EXAMPLES."
        )


def _check_names(batches, model):
    """Raises where batches have inputs that the model does not take: Keras leaves those out."""
    spec = getattr(batches, "element_spec", None)
    inputs = spec[0] if isinstance(spec, tuple) and spec else None
    if not isinstance(inputs, dict) or not getattr(model, "inputs", None):
        return
    taken = {each.name for each in model.inputs}
    if set(inputs) != taken:
        raise ValueError(
            f"`model` must take what the data give: {', '.join(sorted(inputs))}. Received: a model "
            f"of {', '.join(sorted(taken))}. In a gin file of translation that is PACKED, which "
            "data and model must have alike."
        )
