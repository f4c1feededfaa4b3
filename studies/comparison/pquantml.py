"""PQuantML in the comparison: what it makes sparse, what it returns, and the digits.

Its package is `pquant-ml`; `pquant` is about trading. None of its methods drops the smallest
weights by a hard threshold: PDP, whose mask is soft and by magnitude, is the nearest.

    pip install "pquant-ml[tensorflow]" scikit-learn
    python studies/comparison/pquantml.py --output=docs/results/comparison/digits.csv
"""

import argparse
import importlib.metadata
import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import digits_setting as setting
import keras
import numpy as np
import pquant
import tensorflow as tf
from keras_models import models
from pquant.core.keras.train import PQuantCallback

PRUNING_EPOCHS = setting.END_STEP // setting.STEPS_AN_EPOCH


def configured(sparsity, epochs, fine_tuning_epochs, quantize=False):
    """Returns PDP's configuration: sparsity grows linearly over epochs, then masks are fixed."""
    config = pquant.pdp_config()
    config.pruning_parameters.sparsity = sparsity
    config.pruning_parameters.epsilon = 1 / epochs
    config.quantization_parameters.enable_quantization = quantize
    config.training_parameters.pretraining_epochs = 0
    config.training_parameters.epochs = epochs
    config.training_parameters.fine_tuning_epochs = fine_tuning_epochs
    return config


def prune(make, x, quantize=False):
    """Prunes a model of some kind to 50 % in two epochs."""
    config = configured(0.5, 1, 1, quantize)
    model = pquant.add_compression_layers(make(), config)
    model.compile("adam", "mse")
    callback = PQuantCallback(config, log_ebops=False)
    targets = np.zeros((len(x), 4))
    model.fit(x, targets, epochs=callback.total_epochs, verbose=0, callbacks=[callback])
    return model


def zeros(model):
    """Says of each weight of each layer that can be a kernel what share of it is zero."""
    found = []
    for layer in model._flatten_layers(include_self=False):
        kernels = [w for w in layer._trainable_variables if len(w.shape) > 1 and w.shape[0] > 2]
        for kernel in kernels:
            share = np.mean(np.asarray(kernel) == 0)
            found.append(f"{share:.2f} of {type(layer).__name__} {tuple(kernel.shape)}")
    return ", ".join(found)


def forgotten(make, x):
    """Trains without the callback."""
    model = pquant.add_compression_layers(make(), configured(0.5, 1, 1))
    model.compile("adam", "mse")
    model.fit(x, np.zeros((len(x), 4)), verbose=0)
    return f"trained without a word, {zeros(model)}"


def what_is_returned(make, x):
    """Says of which classes the finished model is, and whether its file loads."""
    model = prune(make, x, quantize=True)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        same = np.allclose(model.predict(x, verbose=0), loaded.predict(x, verbose=0), atol=1e-5)
    classes = sorted({type(layer).__name__ for layer in model.layers})
    return f"{classes}, file loads where pquant is imported: {same}"


def train(data, sparsity, seed):
    """Trains one cell of the comparison."""
    (x, y), test = data
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(
        (64,)
    )  # a Functional model: of a Sequential one the first layer stays dense
    hidden = keras.layers.Dense(300, activation="relu")(inputs)
    hidden = keras.layers.Dense(100, activation="relu")(hidden)
    dense = keras.Model(inputs, keras.layers.Dense(10)(hidden))
    dense.set_weights(setting.first_weights(seed))
    config = configured(sparsity, PRUNING_EPOCHS, setting.EPOCHS - PRUNING_EPOCHS)
    model = pquant.add_compression_layers(dense, config)
    rates = keras.optimizers.schedules.CosineDecay(setting.LEARNING_RATE, setting.STEPS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rates), loss, metrics=["accuracy"])
    examples = tf.data.Dataset.from_tensor_slices(setting.batches(x, y, seed))
    callback = PQuantCallback(config, log_ebops=False)
    start = time.perf_counter()
    model.fit(
        examples.batch(setting.BATCH_SIZE),
        epochs=setting.EPOCHS,
        steps_per_epoch=setting.STEPS_AN_EPOCH,
        verbose=0,
        callbacks=[callback],
    )
    seconds = time.perf_counter() - start
    accuracy = np.mean(np.argmax(model.predict(test[0], verbose=0), axis=1) == test[1])
    kernels = [np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")]
    return kernels, accuracy, seconds


def main():
    """Prints what is found; with a table, trains on the digits and adds a line a run to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", help="CSV file that runs on the digits are added to")
    arguments = parser.parse_args()
    made = models(keras)
    for kind, (make, x) in made.items():
        setting.tried(kind, lambda make=make, x=x: zeros(prune(make, x)))
    setting.tried("callback forgotten", lambda: forgotten(*made["Sequential"]))
    setting.tried("returned", lambda: what_is_returned(*made["convolutional"]))
    version = importlib.metadata.version("pquant-ml")
    setting.measure(f"PQuantML {version}, PDP", train, arguments.output)


if __name__ == "__main__":
    main()
