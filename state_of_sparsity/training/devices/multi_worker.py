"""`MultiWorkerMirroredStrategy` in a form that Keras 3's `fit` and `evaluate` can use."""

import json
import os

from state_of_sparsity import extras

with extras.explained():
    import tensorflow as tf


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """Synchronous training on several processes, each of which runs the same program.

    Keras 3 hands whole structures to `reduce`, and reduces scalars along axis 0; TensorFlow takes
    one value at a time, and refuses (keras issue 20585). Both are put right here.
    """

    def reduce(self, reduce_op, value, axis=None):
        """Reduces each value of a structure over all replicas of all workers."""
        return tf.nest.map_structure(lambda v: self._reduce_one(reduce_op, v, axis), value)

    def _reduce_one(self, reduce_op, value, axis):
        local = self.experimental_local_results(value)[0]
        is_scalar = local.shape.rank == 0
        return super().reduce(reduce_op, value, axis=None if is_scalar else axis)


def cluster_from_environment():
    """Returns the workers' addresses and the index of this process, from `TF_CONFIG`.

    Returns:
        `(addresses, index)`, a chief counting as the first worker; `([], 0)` where `TF_CONFIG` is
        not set.

    Raises:
        ValueError: if `TF_CONFIG` cannot be used.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return [], 0
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        chiefs, workers = cluster.get("chief", []), cluster.get("worker", [])
        own = {"chief": 0, "worker": len(chiefs)}[task["type"]] + int(task["index"])
        if {*cluster} <= {"chief", "worker"} and 0 <= own < len(chiefs) + len(workers):
            return [*chiefs, *workers], own
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise ValueError(
        "`TF_CONFIG` must describe a cluster of workers and the place of this process in it, as in "
        '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", '
        f'"index": 0}}}}. Received: {text!r}. launch/multi_worker.sh sets it.'
    )
