"""Seeds of noise that has to differ between the replicas of a model that train together."""

import keras
from keras import ops


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that gives each replica seeds of its own.

    Replicas hold equal states, and would draw equal noise for different examples. (With JAX there
    is one program for all devices, and nothing to do.)
    """

    def next(self, ordered=True):
        """Returns the next seed of this replica."""
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return seed
        return seed + ops.stack([ops.cast(replica.replica_id_in_sync_group, seed.dtype), 0])
