"""Batches for evaluation that several replicas can share evenly."""

import keras

from state_of_sparsity.training.devices.strategy_error import StrategyError


def even_batches(batches, replicas: int):
    """Returns the batches with each cut to a multiple of the replicas, empty ones left out.

    Neither TensorFlow nor JAX shares out a batch unevenly under Keras. A data set whose batch size
    is a multiple of `replicas` loses fewer than `replicas` examples, of its last batch. A
    `tf.data.Dataset` is read through once, to count the batches left.

    Args:
        batches: a `keras.utils.PyDataset`, a `tf.data.Dataset`, or None.
        replicas: how many share a batch.

    Raises:
        StrategyError: for batches of another kind, or none that is large enough.
    """
    if replicas == 1 or batches is None:
        return batches
    if isinstance(batches, keras.utils.PyDataset):
        return _EvenBatches(batches, replicas)
    if hasattr(batches, "element_spec"):
        return _even_dataset(batches, replicas)
    raise StrategyError(
        "`validation()` of a data set must return a keras.utils.PyDataset or a tf.data.Dataset "
        f"for several replicas to share it. Received: {type(batches).__name__}."
    )


class _EvenBatches(keras.utils.PyDataset):
    def __init__(self, batches, replicas):
        super().__init__()
        self._batches, self._replicas = batches, replicas
        self._count = len(batches)
        while self._count and not len(keras.tree.flatten(self[self._count - 1])[0]):
            self._count -= 1
        _check_count(self._count, replicas)

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        batch = self._batches[index]
        # A copy: with views of the data, two workers' metrics varied from run to run.
        return keras.tree.map_structure(lambda x: x[: self._even(len(x))].copy(), batch)

    def _even(self, size):
        return size // self._replicas * self._replicas


def _even_dataset(dataset, replicas):
    import tensorflow as tf

    def cut(*batch):
        return tf.nest.map_structure(lambda x: x[: tf.shape(x)[0] // replicas * replicas], batch)

    def is_filled(*batch):
        return tf.shape(tf.nest.flatten(batch)[0])[0] > 0

    filled = dataset.map(cut).filter(is_filled)
    # Keras warns at the end of data whose number it does not know.
    count = int(filled.reduce(tf.constant(0, tf.int64), lambda count, *_: count + 1))
    _check_count(count, replicas)
    options = tf.data.Options()
    # By file, workers could get different numbers of batches, and wait for each other for ever.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return filled.apply(tf.data.experimental.assert_cardinality(count)).with_options(options)


def _check_count(count, replicas):
    if not count:
        raise StrategyError(
            f"`validation()` of a data set must have batches of at least {replicas} examples, "
            "one for each replica. Received: smaller ones."
        )
