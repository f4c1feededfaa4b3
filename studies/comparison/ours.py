"""state_of_sparsity in the comparison: what it makes sparse, and the digits.

python studies/comparison/ours.py --output=docs/results/comparison/digits.csv
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digits_setting as setting
import keras
import numpy as np
import tensorflow as tf
from keras_models import models, sparse_share

import state_of_sparsity as sos


def prune(make, x):
    """Prunes a model of some kind to 50 % in a step of training, and strips it."""
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    sparse = sos.sparsify(make(), lambda layer: sos.MagnitudePruning(layer, schedule))
    sparse.compile("adam", "mse")
    sparse.fit(x, np.zeros((len(x), 4)), verbose=0, callbacks=[sos.UpdateSparsity()])
    return sparse_share(sos.strip(sparse))


def equal_magnitudes():
    """Prunes a kernel of ones to 50 %: which weights go is anybody's choice, how many is not."""
    layers = [keras.layers.Dense(10, kernel_initializer="ones"), keras.layers.Dense(4)]
    return prune(lambda: keras.Sequential([keras.Input((16,)), *layers]), np.zeros((8, 16)))


def train(data, sparsity, seed):
    """Trains one cell of the comparison."""
    (x, y), test = data
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(300, activation="relu"),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.set_weights(setting.first_weights(seed))
    schedule = sos.schedules.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=setting.END_STEP, frequency=setting.FREQUENCY
    )
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    rates = keras.optimizers.schedules.CosineDecay(setting.LEARNING_RATE, setting.STEPS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    sparse.compile(keras.optimizers.Adam(rates), loss, metrics=["accuracy"])
    examples = tf.data.Dataset.from_tensor_slices(setting.batches(x, y, seed))
    start = time.perf_counter()
    sparse.fit(
        examples.batch(setting.BATCH_SIZE),
        epochs=setting.EPOCHS,
        steps_per_epoch=setting.STEPS_AN_EPOCH,
        verbose=0,
        callbacks=[sos.UpdateSparsity()],
    )
    seconds = time.perf_counter() - start
    stripped = sos.strip(sparse)
    accuracy = np.mean(np.argmax(stripped.predict(test[0], verbose=0), axis=1) == test[1])
    return stripped.get_weights()[::2], accuracy, seconds


def forgotten(make, x):
    """Trains without the callback."""
    schedule = sos.schedules.ConstantSparsity(0.5, begin_step=0)
    sparse = sos.sparsify(make(), lambda layer: sos.MagnitudePruning(layer, schedule))
    sparse.compile("adam", "mse")
    sparse.fit(x, np.zeros((len(x), 4)), verbose=0)
    return "trained without a word"


def main():
    """Prints what is found; with a table, trains on the digits and adds a line a run to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", help="CSV file that runs on the digits are added to")
    arguments = parser.parse_args()
    made = models(keras)
    for kind, (make, x) in made.items():
        setting.tried(kind, lambda make=make, x=x: prune(make, x))
    setting.tried("callback forgotten", lambda: forgotten(*made["Sequential"]))
    setting.tried("50 % of equal weights", equal_magnitudes)
    setting.measure(f"state_of_sparsity {sos.__version__}", train, arguments.output)


if __name__ == "__main__":
    main()
