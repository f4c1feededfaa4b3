"""TensorFlow Model Optimization (TF-MOT) in the comparison: what it makes sparse, and the digits.

pip install tensorflow tf_keras tensorflow-model-optimization scikit-learn
python studies/comparison/tf_mot.py --output=docs/results/comparison/digits.csv
"""

import argparse
import importlib.metadata
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digits_setting as setting
import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from keras_models import models, sparse_share

prune_low_magnitude = tfmot.sparsity.keras.prune_low_magnitude
strip_pruning = tfmot.sparsity.keras.strip_pruning


def prune(make, x):
    """Prunes a model of some kind to 50 % in a step of training, and strips it."""
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=0, frequency=1)
    sparse = prune_low_magnitude(make(), pruning_schedule=schedule)
    sparse.compile("adam", "mse")
    updates = tfmot.sparsity.keras.UpdatePruningStep()
    sparse.fit(x, np.zeros((len(x), 4)), verbose=0, callbacks=[updates])
    return sparse_share(strip_pruning(sparse))


def forgotten(make, x):
    """Trains without the callback."""
    sparse = prune_low_magnitude(make())
    sparse.compile("adam", "mse")
    sparse.fit(x, np.zeros((len(x), 4)), verbose=0)
    return "trained without a word"


def equal_magnitudes():
    """Prunes a kernel of ones to 50 %: which weights go is anybody's choice, how many is not."""
    layers = [tf_keras.layers.Dense(10, kernel_initializer="ones"), tf_keras.layers.Dense(4)]
    return prune(lambda: tf_keras.Sequential([tf_keras.Input((16,)), *layers]), np.zeros((8, 16)))


def train(data, sparsity, seed):
    """Trains one cell of the comparison."""
    (x, y), test = data
    tf_keras.utils.set_random_seed(seed)
    model = tf_keras.Sequential(
        [
            tf_keras.Input((64,)),
            tf_keras.layers.Dense(300, activation="relu"),
            tf_keras.layers.Dense(100, activation="relu"),
            tf_keras.layers.Dense(10),
        ]
    )
    model.set_weights(setting.first_weights(seed))
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=setting.END_STEP, frequency=setting.FREQUENCY
    )
    sparse = prune_low_magnitude(model, pruning_schedule=schedule)
    rates = tf_keras.optimizers.schedules.CosineDecay(setting.LEARNING_RATE, setting.STEPS)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    sparse.compile(tf_keras.optimizers.Adam(rates), loss, metrics=["accuracy"])
    examples = tf.data.Dataset.from_tensor_slices(setting.batches(x, y, seed))
    start = time.perf_counter()
    sparse.fit(
        examples.batch(setting.BATCH_SIZE),
        epochs=setting.EPOCHS,
        steps_per_epoch=setting.STEPS_AN_EPOCH,
        verbose=0,
        callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
    )
    seconds = time.perf_counter() - start
    stripped = strip_pruning(sparse)
    accuracy = np.mean(np.argmax(stripped.predict(test[0], verbose=0), axis=1) == test[1])
    return stripped.get_weights()[::2], accuracy, seconds


def main():
    """Prints what is found; with a table, trains on the digits and adds a line a run to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", help="CSV file that runs on the digits are added to")
    arguments = parser.parse_args()
    setting.tried("a model of Keras 3", lambda: prune(*models(keras)["Sequential"]))
    made = models(tf_keras)
    for kind, (make, x) in made.items():
        setting.tried(f"tf_keras, {kind}", lambda make=make, x=x: prune(make, x))
    setting.tried("tf_keras, callback forgotten", lambda: forgotten(*made["Sequential"]))
    setting.tried("tf_keras, 50 % of equal weights", equal_magnitudes)
    version = importlib.metadata.version("tensorflow-model-optimization")
    setting.measure(f"TF-MOT {version} on tf_keras", train, arguments.output)


if __name__ == "__main__":
    main()
