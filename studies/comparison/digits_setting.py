"""The one setting in which tools are compared: LeNet-300-100 on the digits of scikit-learn.

Every tool gets the same images, the same order of batches, the same first weights, and Adam with
the same cosine of learning rates. numpy and scikit-learn alone are imported here, so that it runs
beside any tool.
"""

import csv
import itertools
import pathlib
import time

import numpy as np
from sklearn.datasets import load_digits

BATCH_SIZE = 64
EPOCHS = 63
STEPS_AN_EPOCH = 16  # 1077 training images: the rest of an epoch is left out
STEPS = EPOCHS * STEPS_AN_EPOCH
LEARNING_RATE = 0.01
END_STEP, FREQUENCY = 400, 50
UNITS = (64, 300, 100, 10)
SPARSITIES = (0.9, 0.95)
SEEDS = (0, 1, 2)


def digits():
    """Returns `(x_train, y_train), (x_test, y_test)`, as `data.images.Digits` splits them."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    order = np.random.default_rng(0).permutation(len(images))
    test, _, train = np.split(order, [360, 720])
    return (images[train], labels[train]), (images[test], labels[test])


def batches(x, y, seed):
    """Returns all training examples of a run in their order, `STEPS * BATCH_SIZE` of them."""
    generator = np.random.default_rng(seed)
    count = STEPS_AN_EPOCH * BATCH_SIZE
    order = np.concatenate([generator.permutation(len(x))[:count] for _ in range(EPOCHS)])
    return x[order], y[order]


def first_weights(seed):
    """Returns kernel and bias of each layer: Glorot's uniform distribution, and zeros."""
    generator = np.random.default_rng(100 + seed)
    weights = []
    for inputs, outputs in itertools.pairwise(UNITS):
        limit = np.sqrt(6 / (inputs + outputs))
        kernel = generator.uniform(-limit, limit, (inputs, outputs)).astype("float32")
        weights += [kernel, np.zeros(outputs, "float32")]
    return weights


def cubic(step, final):
    """Returns the sparsity at a step: `final * (1 - (1 - step / END_STEP)^3)`."""
    return final * (1 - (1 - min(step, END_STEP) / END_STEP) ** 3)


def measure(tool, run, output):
    """Trains every cell of the comparison with one tool, and prints a line for each.

    Args:
        tool: its name and version.
        run: a callable `(data, sparsity, seed) -> (kernels, accuracy, seconds)`.
        output: a CSV file to which lines are added; without one nothing is trained.
    """
    if not output:
        return
    data = digits()
    rows = []
    for sparsity in SPARSITIES:
        for seed in SEEDS:
            processor = time.process_time()
            kernels, accuracy, seconds = run(data, sparsity, seed)
            rows.append(
                {
                    "tool": tool,
                    "sparsity asked for": sparsity,
                    "seed": seed,
                    "zeros": sum(int(np.sum(kernel == 0)) for kernel in kernels),
                    "weights": sum(kernel.size for kernel in kernels),
                    "test accuracy": round(float(accuracy), 4),
                    "seconds of training": round(seconds, 1),
                    "processor seconds": round(time.process_time() - processor, 1),
                }
            )
            print(*(f"{name}: {value}" for name, value in rows[-1].items()), sep="  ", flush=True)
    path = pathlib.Path(output)
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def tried(what, function):
    """Prints what `function` returns, or the beginning of its error."""
    try:
        found = function()
    except Exception as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
    print(f"{what}: {found}"[:300], flush=True)
