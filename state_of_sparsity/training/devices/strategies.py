"""Where a run trains: on one device, or on several, of one machine or of several."""

import contextlib
from collections.abc import Iterator

import keras

from state_of_sparsity.data.generated_dataset import generated_dataset
from state_of_sparsity.training.devices.even_batches import even_batches
from state_of_sparsity.training.devices.strategy_error import StrategyError


class Strategy:
    """Trains on one device of one process; what it says holds for the others too.

    Every worker runs the same program. The chief alone writes files.

    Args:
        name: what the user calls it.
        replicas: copies of the model that train, over all workers.
        workers: processes that train together.
        worker: the index of this process among them.
    """

    def __init__(self, name="one_device", replicas=1, workers=1, worker=0):
        self.name, self.replicas = name, replicas
        self.workers, self.worker = workers, worker

    @property
    def is_chief(self):
        """Whether this process writes the run's files."""
        return self.worker == 0

    def scope(self):
        """Returns the context in which models are made and trained."""
        return contextlib.nullcontext()

    def batches(self, data, first_step):
        """Returns the training batches of a data set as `fit` takes them, from a step on."""
        batches = data.train(first_step)
        if keras.backend.backend() != "tensorflow" or not isinstance(batches, Iterator):
            return batches
        return generated_dataset(lambda: data.train(first_step), static_batch=False)

    def evaluation_batches(self, batches):
        """Returns batches in a form that all replicas can share."""
        return even_batches(batches, self.replicas)

    def check_agreement(self, **values):
        """Raises an error unless all workers have the same integers; waits for them."""

    def wait_for_all(self):
        """Returns when all workers have come here."""

    # What is raised here when another worker has ended.
    peer_errors = ()

    def check(self, batch_size, steps_per_execution, jit_compile):
        """Refuses what Keras cannot run on the replicas.

        Args:
            batch_size: examples in a step, over all replicas.
            steps_per_execution: as for `compile`.
            jit_compile: as for `compile`.

        Raises:
            StrategyError: saying what to use instead.
        """
        if batch_size % self.replicas:
            raise StrategyError(
                f"`batch_size` must be a multiple of the {self.replicas} replicas of the strategy "
                f"'{self.name}', which share each batch. Received: {batch_size}. "
                "In a gin file that is BATCH_SIZE, or TOKENS / MAXIMUM_LENGTH for translation."
            )

    def jit_compile(self, asked):
        """Returns `jit_compile` for `compile`: what was asked, where Keras decides well."""
        return asked

    def __str__(self):
        replicas = f"{self.replicas} replica{'s'[: self.replicas != 1]}"
        place = f" in {self.workers} processes, this one is {self.worker}"
        return f"{self.name}: {replicas}{place if self.workers > 1 else ''}"


class TensorFlowStrategy(Strategy):
    """Trains under a strategy of `tf.distribute`.

    Args:
        name: what the user calls it.
        strategy: the `tf.distribute.Strategy`.
        workers: processes that train together.
        worker: the index of this process among them.
    """

    def __init__(self, name, strategy, workers=1, worker=0):
        super().__init__(name, strategy.num_replicas_in_sync, workers, worker)
        self._strategy = strategy

    def scope(self):
        """Returns the strategy's scope."""
        return self._strategy.scope()

    def batches(self, data, first_step):
        """Returns a distributed data set, each replica's part of a batch in the batch's order."""
        import tensorflow as tf

        def own_part():
            if self.workers == 1:
                return data.train(first_step)
            return data.train(first_step, worker=self.worker, workers=self.workers)

        def dataset(context):
            batches = own_part()
            if not isinstance(batches, tf.data.Dataset):
                batches = generated_dataset(own_part, static_batch=True)
            return _shared_out(batches, self.replicas // self.workers)

        return self._strategy.distribute_datasets_from_function(dataset)

    def check(self, batch_size, steps_per_execution, jit_compile):
        """Also refuses several steps in one execution, and XLA asked for, on several replicas."""
        super().check(batch_size, steps_per_execution, jit_compile)
        if self.replicas == 1:
            return
        if steps_per_execution > 1:
            raise StrategyError(
                "`steps_per_execution` must be 1 on several replicas, as Keras fails otherwise "
                f"(keras issue 19246). Received: {steps_per_execution}, with the strategy "
                f"'{self.name}'. Use --gin_binding='STEPS_PER_EXECUTION = 1', or "
                "--strategy=one_device."
            )
        if jit_compile is True:
            raise StrategyError(
                "`jit_compile` must be False or 'auto' on several replicas, as Keras fails "
                f"otherwise (keras issue 19005). Received: True, with the strategy '{self.name}'."
            )

    def jit_compile(self, asked):
        """Returns False on several replicas: "auto" would be True on GPUs, where Keras fails."""
        return asked if self.replicas == 1 else False

    @property
    def peer_errors(self):
        """What TensorFlow raises here when another worker has ended."""
        if self.workers == 1:
            return ()
        from tensorflow import errors

        kinds = errors.UnavailableError, errors.InternalError, errors.AbortedError
        return (*kinds, errors.CancelledError, errors.DeadlineExceededError)

    def wait_for_all(self):
        """Returns when all workers have come here."""
        self.check_agreement(place=0)
        # Who leaves at once may take its part of that with it, before others have it: so all meet
        # again, and whoever has left by then knew that all had come.
        with contextlib.suppress(*self.peer_errors):
            self.check_agreement(place=0)

    def check_agreement(self, **values):
        """Raises an error unless all workers have the same values; waits for them."""
        if self.workers == 1:
            return
        import tensorflow as tf

        for name, value in values.items():
            own = tf.constant([value, -value], tf.int64)
            most, negative_least = self._gather_maximum(own)
            if most != -negative_least:
                raise StrategyError(
                    f"`{name}` must be the same in all workers. Received: {value} here, and from "
                    f"{-negative_least} to {most} over all {self.workers}. Give every worker the "
                    "same command and the same `run_dir`, on storage that they share."
                )

    def _gather_maximum(self, own):
        import tensorflow as tf

        @tf.function  # TensorFlow warns of doing this eagerly
        def gather():
            return self._strategy.gather(self._strategy.run(lambda: own[None]), axis=0)

        return gather().numpy().max(axis=0).tolist()


class DataParallel(Strategy):
    """Trains on all devices that JAX sees, each with a part of every batch."""

    def __init__(self):
        self._distribution = keras.distribution.DataParallel(auto_shard_dataset=False)
        super().__init__("data_parallel", len(keras.distribution.list_devices()))

    def scope(self):
        """Returns the distribution's scope."""
        return self._distribution.scope()


def _shared_out(batches, parts):
    """Returns a `tf.data.Dataset` with `parts` equal batches, one after the other, for each."""
    import tensorflow as tf

    def cut(x):
        size = tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
        parted = tf.reshape(x, tf.concat([[parts, size // parts], tf.shape(x)[1:]], axis=0))
        static = None if x.shape[0] is None else x.shape[0] // parts
        return tf.ensure_shape(parted, [parts, static, *x.shape[1:]])

    def shares(*batch):
        return tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(cut, batch))

    return batches.flat_map(shares)
