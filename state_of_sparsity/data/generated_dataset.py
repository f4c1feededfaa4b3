"""A `tf.data.Dataset` of what a generator makes."""

import itertools

import keras

_BATCHES_AHEAD = 2


def generated_dataset(generate, static_batch):
    """Returns batches as a `tf.data.Dataset`, which ends as soon as it is let go of.

    What Keras makes of a generator is tuned by `tf.data`, in a thread that sleeps for up to a
    minute and is waited for at the end of `fit`: a minute in which nothing happens.

    Args:
        generate: called for an iterator over batches, tuples of arrays, of which the last ones may
            be None; called once more at first, for the shapes of two batches. A dimension in which
            these differ may differ in all.
        static_batch: whether all batches have as many examples as the first one, and the data set
            shall say so.
    """
    import tensorflow as tf

    def batches():
        return map(_without_none, generate())

    def specification(x, y):
        shape = [a if a == b else None for a, b in zip(x.shape, y.shape, strict=True)]
        return tf.TensorSpec(shape if static_batch else [None, *shape[1:]], x.dtype)

    first, *second = itertools.islice(batches(), 2)
    signature = keras.tree.map_structure(specification, first, second[0] if second else first)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return untuned(dataset.prefetch(_BATCHES_AHEAD))


def _without_none(batch):
    # Keras takes `(x, y, None)` for `(x, y)`; TensorFlow has no such tensor.
    while batch[-1] is None:
        batch = batch[:-1]
    return batch


def untuned(dataset):
    """Returns a `tf.data.Dataset` without the thread that tunes it, for one that asks for none."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
