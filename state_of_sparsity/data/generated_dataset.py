"""A `tf.data.Dataset` of what a generator makes."""

import keras

_BATCHES_AHEAD = 2


def generated_dataset(generate, static_batch):
    """Returns batches as a `tf.data.Dataset`, which ends as soon as it is let go of.

    What Keras makes of a generator is tuned by `tf.data`, in a thread that sleeps for up to a
    minute and is waited for at the end of `fit`: a minute in which nothing happens.

    Args:
        generate: called for an iterator over batches, tuples of arrays; called once more at first,
            for the shapes of a batch.
        static_batch: whether all batches have as many examples as the first one, and the data set
            shall say so.
    """
    import tensorflow as tf

    def specification(x):
        return tf.TensorSpec(x.shape if static_batch else (None, *x.shape[1:]), x.dtype)

    first = next(iter(generate()))
    signature = keras.tree.map_structure(specification, first)
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return untuned(dataset.prefetch(_BATCHES_AHEAD))


def untuned(dataset):
    """Returns a `tf.data.Dataset` without the thread that tunes it, for one that asks for none."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
