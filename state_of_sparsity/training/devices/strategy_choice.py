"""Which strategy a run trains with: asked for by name, or told from the machine."""

import functools
import os

import keras

from state_of_sparsity.training.devices.strategies import DataParallel, Strategy, TensorFlowStrategy
from state_of_sparsity.training.devices.strategy_error import StrategyError

NAMES = ("auto", "one_device", "mirrored", "multi_worker", "tpu", "data_parallel")


def choose(name="auto", tpu=None):
    """Returns the strategy of that name, made ready; before TensorFlow runs anything.

    "auto" is, on TensorFlow, `multi_worker` where `TF_CONFIG` names several workers, `tpu` where
    `tpu` or the environment's `TPU_NAME` is given, `mirrored` with several GPUs; on JAX
    `data_parallel` with several devices; else `one_device`.

    Args:
        name: one of `NAMES`.
        tpu: name or address of a TPU, "local" on a TPU machine itself.

    Raises:
        StrategyError: if the strategy is unknown or cannot be had here.
    """
    if name not in NAMES:
        raise StrategyError(f"`strategy` must be one of {', '.join(NAMES)}. Received: {name!r}.")
    backend = keras.backend.backend()
    if tpu and name not in ("auto", "tpu"):
        raise StrategyError(
            f"`tpu` must be left out with the strategy '{name}'. Received: {tpu!r}."
        )
    tpu = tpu or os.environ.get("TPU_NAME")
    name = _automatic(backend, tpu) if name == "auto" else name
    if name == "one_device":
        return Strategy()
    needed = "jax" if name == "data_parallel" else "tensorflow"
    if backend != needed:
        instead = {"jax": "data_parallel", "tensorflow": "mirrored"}.get(backend, "one_device")
        raise StrategyError(
            f"`strategy` '{name}' needs the {needed} backend. Received: the {backend} backend. Use "
            f"--strategy={instead}, or set KERAS_BACKEND={needed}."
        )
    return {
        "data_parallel": DataParallel,
        "mirrored": _mirrored,
        "multi_worker": _multi_worker,
        "tpu": functools.partial(_tpu, tpu),
    }[name]()


def _automatic(backend, tpu):
    if backend == "jax":
        return "data_parallel" if len(keras.distribution.list_devices()) > 1 else "one_device"
    if backend != "tensorflow":
        return "one_device"
    import tensorflow as tf

    if len(_cluster()[0]) > 1:
        return "multi_worker"
    if tpu:
        return "tpu"
    return "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "one_device"


def _cluster():
    from state_of_sparsity.training.devices import multi_worker

    try:
        return multi_worker.cluster_from_environment()
    except ValueError as error:
        raise StrategyError(str(error)) from error


@functools.cache  # a second one in a process would take messages of the first for its own
def _mirrored():
    import tensorflow as tf

    return TensorFlowStrategy("mirrored", tf.distribute.MirroredStrategy())


@functools.cache
def _multi_worker():
    from state_of_sparsity.training.devices import multi_worker

    addresses, index = _cluster()
    if not addresses:
        raise StrategyError(
            "`strategy` 'multi_worker' needs the environment variable TF_CONFIG, which names the "
            "workers. launch/multi_worker.sh sets it."
        )
    strategy = multi_worker.MultiWorkerStrategy()
    return TensorFlowStrategy("multi_worker", strategy, len(addresses), index)


@functools.cache
def _tpu(tpu):
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=tpu or "local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise StrategyError(
            f"`strategy` 'tpu' found no TPU called {tpu or 'local'!r} ({_first_line(error)}). Name "
            "it with --tpu=NAME, 'local' on a TPU machine itself, and see launch/tpu_vm.sh."
        ) from error
    return TensorFlowStrategy("tpu", tf.distribute.TPUStrategy(resolver))


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]
