"""TensorFlow alone: what `tf.train.Checkpoint` saves of a sparse layer, and what it traces."""

import re

import keras


def save_in_checkpoints(layer, variable):
    """Makes TensorFlow's checkpoints hold a variable that Keras knows of and no attribute holds.

    TensorFlow follows attributes alone: without this its checkpoints leave out, in silence, masks
    and gates kept in a dict, and the seeds of noise. What Keras itself saves does not change. With
    another backend than TensorFlow there is nothing to do.

    Args:
        layer: the Keras layer that the variable belongs to.
        variable: a Keras variable.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    if "_checkpointed_state" not in vars(layer):
        layer._checkpointed_state = tf.Module()  # which Keras does not look into
    # Keras's numbers, in `forward_gru_2_kernel_mask`, depend on what the process made before.
    name = re.sub(r"_\d+(?=_|$)", "", variable.name)
    repeat = 1
    while hasattr(layer._checkpointed_state, f"{name}_{repeat}"):
        repeat += 1
    setattr(layer._checkpointed_state, f"{name}_{repeat}", variable)


def save_wrappers_in_checkpoints(model, wrappers: dict):
    """Makes TensorFlow's checkpoints of a model hold the state of its sparse layers.

    Keras shows it no layer in a list or dict of a subclassed model, though the weights of those
    come back with their optimizer.

    Args:
        model: a Keras model.
        wrappers: its sparse layers by their paths.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    held = tf.Module()
    for path, wrapper in wrappers.items():
        if hasattr(wrapper, "_checkpointed_state"):
            setattr(held, re.sub(r"\W", "_", path), wrapper._checkpointed_state)
    model._checkpointed_sparsity = held


def in_a_function() -> bool:
    """Returns whether a `tf.function` is being traced: variables made in it have no value yet."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.executing_eagerly()
