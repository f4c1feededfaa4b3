"""Trains on one device and on two replicas, and prints the last metrics of each as JSON."""

import json
import tempfile

import keras

import state_of_sparsity as sos
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.training.devices import strategy_choice
from state_of_sparsity.training.devices.strategy_error import StrategyError
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.train import train
from tests.training.experiments import TECHNIQUES, small_experiment

JAX = keras.backend.backend() == "jax"
SEVERAL = "data_parallel" if JAX else "mirrored"


class OddDigits(Digits):
    """Digits with an odd number of validation examples, the last in a batch of its own."""

    def validation(self):
        batches = super().validation()
        count = 40 if self.even else 41
        batches._images, batches._labels = batches._images[:count], batches._labels[:count]
        batches._batch_size = 20
        return batches

    even = False


def network():
    """Returns a network whose batches are normalized over all replicas together."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="convolution"),
            keras.layers.BatchNormalization(synchronized=not JAX, name="normalization"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.Dense(10, name="logits"),
        ],
        name="network",
    )


# Replicas draw noise of their own for examples, where there is a program for each.
RULES = [
    ("convolution", TECHNIQUES["magnitude_pruning"]),
    ("hidden", TECHNIQUES["variational_dropout" if JAX else "random_pruning"]),
    ("logits", TECHNIQUES["l0_regularization"]),
]


def last_metrics(name, even):
    OddDigits.even = even
    data = OddDigits(batch_size=32)
    strategy = strategy_choice.choose(name)
    experiment = small_experiment("dense", model=network, rules=RULES, data=data)
    model = experiment.build(strategy)
    with tempfile.TemporaryDirectory() as directory:
        run_dir = RunDir(directory)
        run_dir.start("")
        train(experiment, model, run_dir, strategy, verbose=False)
        return json.loads(run_dir.metrics_jsonl.read_text().splitlines()[-1])


def masks_before_training(name):
    """Returns the masks of SNIP, of batches that every replica sees whole."""
    once = sos.schedules.ConstantSparsity(0.8, begin_step=0, end_step=0)
    strategy = strategy_choice.choose(name)
    experiment = small_experiment(
        "dense",
        model=network,
        rules=lambda layer: sos.SaliencyPruning(layer, once),
        observed_batches=2,
    )
    model = experiment.build(strategy)
    with tempfile.TemporaryDirectory() as directory:
        run_dir = RunDir(directory)
        run_dir.start("")
        train(experiment, model, run_dir, strategy, verbose=False)
    return {path: mask.tolist() for path, mask in sos.masks(model).items()}


def refusal(**changes):
    try:
        small_experiment("dense", **changes).build(strategy_choice.choose(SEVERAL))
    except StrategyError as error:
        return str(error)
    return None


def noise_of_each_replica():
    """Returns what variational dropout adds to an output of zero, for each of two replicas."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        dense = keras.layers.Dense(3, kernel_initializer="zeros")
        layer = sos.VariationalDropout(dense, kl_weight=0.0, initial_log_sigma2=0.0)
        layer.build((None, 2))

    @tf.function
    def call():
        return strategy.run(lambda: layer(tf.ones((4, 2)), training=True))

    return [value.numpy().tolist() for value in call().values]


def main():
    found = {}
    if not JAX:
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    # On one device without the last validation example, which two replicas cannot share.
    found["metrics"] = last_metrics("one_device", True), last_metrics(SEVERAL, False)
    found["masks of SNIP"] = [masks_before_training(name) for name in ("one_device", SEVERAL)]
    if not JAX:
        found["steps_per_execution"] = refusal(steps_per_execution=2)
        found["jit_compile"] = refusal(jit_compile=True)
        found["batch_size"] = refusal(data=Digits(batch_size=33))
        found["variational dropout's noise"] = noise_of_each_replica()
    print(json.dumps(found))


main()
