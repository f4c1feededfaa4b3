"""One training step at a time, by the function that `fit` itself calls."""

import itertools

import keras


def training_step(model, batch):
    """Returns a callable that trains one step on `batch` and returns when it is done.

    Args:
        model: a compiled Keras 3 model. With JAX its variables are used up, as in `fit`.
        batch: `(inputs, targets)`, arrays.

    Raises:
        ValueError: if the backend is neither TensorFlow nor JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return tensorflow_step(model, batch)
    if backend == "jax":
        return _jax_step(model, batch)
    raise ValueError(f"`KERAS_BACKEND` must be tensorflow or jax. Received: {backend}.")


def tensorflow_step(model, batch):
    """Returns a callable that trains one step of a model of `keras` or `tf_keras`."""
    import tensorflow as tf

    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    model.make_train_function()
    return lambda: float(model.train_function(batches)["loss"])


def _jax_step(model, batch):
    import jax

    inputs, targets = batch
    # Compiles, and creates the variables of the optimizer and the metrics.
    model.fit(inputs, targets, batch_size=len(inputs), verbose=0)
    batches = itertools.repeat(jax.device_put(batch))
    state = tuple(
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )

    def step():
        nonlocal state
        # The state that goes in is donated, so that the model's own variables are gone.
        logs, state = model.train_function(state, batches)
        jax.block_until_ready(state)
        return float(logs["loss"])

    return step
