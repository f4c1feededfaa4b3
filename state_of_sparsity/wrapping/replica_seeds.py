"""Seeds of noise that has to differ between the replicas of a model that train together."""

import keras
from keras import ops

_STRIDE = 0x61C88647  # odd, so that no two replicas meet


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
        # Far from the seeds of other layers, which are often small and follow one another.
        own = ops.cast(replica.replica_id_in_sync_group, seed.dtype) * _STRIDE
        return seed + ops.stack([own, 0])
