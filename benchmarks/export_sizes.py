"""What a pruned network weighs in each form that it can be exported to, and whether zeros survive.

A network with random weights, dense and pruned by magnitude in one step, stripped, and written in
every form. Each file is read back: it must predict what the model does, and have every zero. Prints
a table in Markdown: bytes of the dense and the sparse network, of the sparse one compressed by zlib
on top, and milliseconds for one image.
"""

import argparse
import itertools
import os
import pathlib
import statistics
import sys
import tempfile
import time
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from export_forms import FORMS

import state_of_sparsity as sos
from state_of_sparsity.tables import markdown_line

COLUMNS = (
    *("form", "dense", "sparse", "sparse, zlib", "dense / sparse", "zeros kept"),
    *("largest difference", "ms dense", "ms sparse"),
)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=[*NETWORKS], default="mobilenet")
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--forms", help="names, with semicolons between; all if not given")
    parser.add_argument("--rounds", type=int, default=50, help="runs that are timed")
    return parser.parse_args()


def lenet():
    """LeNet-300-100, dense layers alone."""
    sizes = (300, 100, 10)
    return keras.Sequential([keras.Input((784,)), *(keras.layers.Dense(size) for size in sizes)])


def mobilenet():
    """MobileNet at 128 pixels: pointwise and depthwise convolutions, batch normalization."""
    return keras.applications.MobileNet(
        (128, 128, 3), weights=None, classes=10, classifier_activation=None
    )


NETWORKS = {"lenet": lenet, "mobilenet": mobilenet}


def pruned(model, sparsity):
    """Returns a plain copy of a model with so many zeros in every kernel."""
    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0)
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule), copy=True)
    sos.UpdateSparsity().update(sparse, 0)
    return sos.strip(sparse)


def normalize(model, images):
    """Gives normalizations the statistics of images, or outputs would not depend on the inputs."""
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in found:
        layer.momentum = 0.0
    model(images, training=True)


def zeros_kept(kernel, arrays):
    """Returns whether one of the arrays has a zero wherever a kernel has one, and others too.

    Files have the axes of kernels in another order, integers in place of numbers, and kernels times
    the scales of normalization: zeros of all these are zeros.
    """
    turned = [kernel.transpose(order) for order in itertools.permutations(range(kernel.ndim))]
    return any(
        array.any() and not array.reshape(other.shape)[other == 0].any()
        for other in turned
        for array in arrays
        if without_ones(array) == without_ones(other)
    )


def without_ones(array):
    """Returns the lengths of an array's axes but those of length one."""
    return [size for size in array.shape if size != 1]


def examine(form, dense, sparse, images, folder, rounds=0):
    """Writes two models in a form, and reads them back.

    Returns:
        A dictionary with the numbers of a row of the table.
    """
    written = {}
    for name, model in (("dense", dense), ("sparse", sparse)):
        (folder / name).mkdir(exist_ok=True)
        written[name] = FORMS[form](model, images, folder / name)
    exported, outputs = written["sparse"], sparse.predict(images, verbose=0)
    pruned_kernels = [each for each in sparse.get_weights() if each.ndim > 1 and (each == 0).any()]
    kept = [zeros_kept(kernel, exported.arrays) for kernel in pruned_kernels]
    row = {
        "dense": written["dense"].size,
        "sparse": exported.size,
        "zlib": compressed_size(exported.path),
        "kept": sum(kept),
        "kernels": len(kept),
        "difference": float(np.abs(exported.predict(images) - outputs).max()),
        "largest": float(np.abs(outputs).max()),
    }
    if rounds and "save" not in form:  # most of what Keras's `predict` takes is Python
        row |= milliseconds({name: each.predict for name, each in written.items()}, images, rounds)
    return row


def milliseconds(predict, images, rounds):
    """Returns `{name: median}` of the milliseconds for one image, timed in turn."""
    seconds = {name: [] for name in predict}
    for _ in range(rounds):
        for name, each in predict.items():
            begin = time.perf_counter()
            each(images[:1])
            seconds[name].append(time.perf_counter() - begin)
    return {f"ms_{name}": 1000 * statistics.median(found) for name, found in seconds.items()}


def compressed_size(path):
    """Returns the bytes that zlib makes of a file, or of all files in a folder, one by one."""
    files = [file for file in (path, *path.rglob("*")) if file.is_file()]
    return sum(len(zlib.compress(file.read_bytes(), 9)) for file in files)


def cells(form, row):
    """Returns a row as text."""
    return [
        form,
        *(f"{row[name]:,}" for name in ("dense", "sparse", "zlib")),
        f"{row['dense'] / row['sparse']:.1f}",
        f"{row['kept']} of {row['kernels']}",
        f"{row['difference'] / row['largest']:.0e}",
        *(f"{row[name]:.2f}" if name in row else "" for name in ("ms_dense", "ms_sparse")),
    ]


def main():
    options = parse()
    keras.utils.set_random_seed(0)
    dense = NETWORKS[options.network]()
    sparse = pruned(dense, options.sparsity)
    images = np.random.default_rng(0).normal(size=(8, *dense.input_shape[1:])).astype("float32")
    for model in (dense, sparse):
        normalize(model, images)
    forms = options.forms.split(";") if options.forms else FORMS
    print_table(forms, dense, sparse, images, options.rounds)


def print_table(forms, dense, sparse, images, rounds=0):
    """Prints a line for each form as it is written, and what the kernels weigh without one."""
    print(markdown_line(COLUMNS))
    print(markdown_line(["---"] + ["---:"] * (len(COLUMNS) - 1)), flush=True)
    for form in forms:
        with tempfile.TemporaryDirectory() as folder:
            try:
                row = examine(form, dense, sparse, images, pathlib.Path(folder), rounds)
            except ImportError as error:
                print(f"{form} is left out: {error}", file=sys.stderr)
            else:
                print(markdown_line(cells(form, row)), flush=True)
    counted = sos.report(sparse)
    print(
        f"\nKernels alone: {counted.bytes_dense:,} bytes, {counted.bytes_bitmask:,} as a bit a "
        f"weight and the non-zeros, {counted.bytes_csr:,} as compressed sparse rows.\n"
    )


if __name__ == "__main__":
    main()
