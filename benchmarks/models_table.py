"""Which models can be made sparse: those of keras.applications and keras-hub, as a Markdown table.

Each is made with random weights at a small input size, pruned to 80 % by one update, counted, and
stripped: the counts must be exact, and the stripped model must predict the same, bit for bit.
"""

import argparse
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import state_of_sparsity as sos
from state_of_sparsity.tables import markdown_line

SPARSITY = 0.8
SMALLEST = {"InceptionResNetV2": 75, "InceptionV3": 75, "Xception": 71}  # others take 32
COLUMNS = ("model", "kernels pruned", "left alone", "weights of the pruned kernels", "zeros")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", choices=("applications", "keras_hub"), required=True)
    parser.add_argument("--models", help="names, with commas between; all if not given")
    return parser.parse_args()


def application_names():
    """Returns the names of the networks of keras.applications."""
    found = vars(keras.applications).items()
    return sorted(name for name, make in found if name[0].isupper() and callable(make))


def application(name):
    """Returns one of keras.applications with random weights, for small images of 10 classes."""
    size = SMALLEST.get(name, 32)
    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)


def batch(model):
    """Returns one random example of the model's inputs."""
    generator = np.random.default_rng(0)

    def one(tensor):
        shape = (1, *(size or 8 for size in tensor.shape[1:]))
        if "int" not in tensor.dtype:
            return generator.normal(size=shape).astype("float32")
        is_mask = "padding" in tensor.name
        return np.ones(shape, "int32") if is_mask else generator.integers(0, 2, shape)

    return keras.tree.map_structure(one, model.input)


def prune(layer):
    """Returns the layer pruned to 80 %."""
    return sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(SPARSITY, begin_step=0))


def examine(model):
    """Makes a model sparse, updates it once, and strips it; returns a row of the table.

    Raises:
        AssertionError: if a count is not exact or the stripped model predicts something else.
    """
    sparse = sos.sparsify(model, prune)
    sos.UpdateSparsity().update(sparse, 0)
    rows = sos.report(sparse).layers
    pruned = [row for row in rows if row.technique == "MagnitudePruning"]
    for row in pruned:
        assert row.size - row.nonzero == round(SPARSITY * row.size), row.path
    inputs = batch(model)
    outputs = _flat(sparse, inputs)
    stripped = sos.strip(sparse)
    for one, other in zip(outputs, _flat(stripped, inputs), strict=True):
        assert np.array_equal(one, other), "the stripped model predicts something else"
    size = sum(row.size for row in pruned)
    zeros = sum(row.size - row.nonzero for row in pruned)
    return len(pruned), len(rows) - len(pruned), size, zeros


def _flat(model, inputs):
    return [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(model(inputs))]


def main():
    options = parse()
    if options.source == "applications":
        makers = {name: lambda name=name: application(name) for name in application_names()}
    else:
        import hub_models

        makers = hub_models.MODELS
    chosen = options.models.split(",") if options.models else makers
    print(markdown_line(COLUMNS), markdown_line(["---"] * len(COLUMNS)), sep="\n", flush=True)
    for name in chosen:
        cells = [f"{number:,}" for number in examine(makers[name]())]
        print(markdown_line([name, *cells]), flush=True)
        keras.utils.clear_session()
        gc.collect()


if __name__ == "__main__":
    main()
