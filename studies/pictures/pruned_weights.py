"""Draws the weights of a layer while they are pruned: as frames that move, and as a strip.

    python studies/pictures/pruned_weights.py --output=docs/pictures

Trains LeNet-300-100 on the handwritten digits of scikit-learn, 8x8 pixels, in 20 seconds. Each tile
is one of the first units of the first layer: what it weighs each pixel with. Blue is positive, red
negative, grey is gone.
"""

import argparse
import pathlib

import keras
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import state_of_sparsity as sos
from state_of_sparsity import atomic_write
from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.models.lenet import lenet_300_100

PIXELS = 8  # high and wide
GONE = "0.86"
SHOWN = (0.0, 0.5, 0.8, 0.9, 0.95)  # sparsities of the strip, the nearest frames
FRAMES = 32  # of the animation


def train(data, steps):
    """Returns `[(step, accuracy, weights)]` of the first layer, each just before masks change.

    Accuracy is that on the validation images; masked weights are NaN.

    Args:
        data: a data set of images.
        steps: of training; masks change from a sixteenth to three quarters of it.
    """
    keras.utils.set_random_seed(0)
    every = max(1, steps // FRAMES)
    schedule = sos.schedules.PolynomialDecay(
        0.0, 0.95, begin_step=steps // 16, end_step=steps * 3 // 4, frequency=every
    )
    model = lenet_300_100((PIXELS, PIXELS, 1))
    model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    updater, frames = sos.UpdateSparsity(), []
    batches = data.train(first_step=0)
    for step in range(steps + 1):
        if step % every == 0:
            frames.append((step, _accuracy(model, data), _first_layer(model)))
        updater.update(model, step)
        model.train_on_batch(*next(batches))
    return frames


def tiles(weights, rows, columns, limit):
    """Returns the weights of the first units as one picture, RGB in [0, 1].

    Args:
        weights: array `(pixels, units)`; NaN where a weight is gone.
        rows: of tiles.
        columns: of tiles.
        limit: the magnitude that has the deepest colour.
    """
    colors = colormaps["RdBu"].with_extremes(bad=GONE)
    units = weights[:, : rows * columns].T.reshape(rows, columns, PIXELS, PIXELS)
    spaced = np.full((rows, columns, PIXELS + 1, PIXELS + 1, 3), 1.0)
    # By the root, so that the small weights of the beginning are seen too.
    deep = np.sign(units) * np.sqrt(np.abs(units) / limit)
    spaced[:, :, :PIXELS, :PIXELS] = colors((deep + 1) / 2)[..., :3]
    side = PIXELS + 1
    return spaced.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)[:-1, :-1]


def draw_frames(frames, path):
    """Writes an animation, a frame each update; the last one stays longer."""
    limit, size = _limit(frames), len(frames)
    pictures = []
    for step, accuracy, weights in frames:
        figure = Figure(figsize=(6.4, 3.65), layout="constrained")
        axes = figure.subplots()
        axes.imshow(tiles(weights, 5, 10, limit), interpolation="nearest")
        axes.set_axis_off()
        share = np.isnan(weights).mean()
        text = f"step {step:4d}    {100 * share:4.1f} % gone    accuracy {100 * accuracy:.1f} %"
        axes.set_title(text, fontsize=12, family="monospace")
        pictures.append(_image(figure, dpi=90))
    palette = _palette()
    paletted = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    with atomic_write.atomic_path(path) as temporary:
        paletted[0].save(
            temporary,
            save_all=True,
            append_images=paletted[1:],
            duration=[900, *[220] * (size - 2), 3000],
            loop=0,
            optimize=True,
        )


def draw_strip(frames, path):
    """Writes a few of the frames beside each other."""
    limit = _limit(frames)
    figure = Figure(figsize=(2.2 * len(SHOWN), 2.75), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)
    for axes, wanted in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        nearest = min(frames, key=lambda frame: abs(np.isnan(frame[2]).mean() - wanted))
        axes.imshow(tiles(nearest[2], 5, 5, limit), interpolation="nearest")
        axes.set_axis_off()
        share = np.isnan(nearest[2]).mean()
        text = f"{100 * share:.0f} % gone, step {nearest[0]}\naccuracy {100 * nearest[1]:.1f} %"
        axes.set_title(text, fontsize=10)
    with atomic_write.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _first_layer(model):
    (mask,) = (mask for path, mask in sos.masks(model).items() if path.startswith("hidden_1/"))
    kernel = keras.ops.convert_to_numpy(model.get_layer("hidden_1").layer.kernel)
    return np.where(mask, kernel, np.nan)


def _accuracy(model, data):
    images, labels = data.validation()[0]
    return float(np.mean(np.argmax(model.predict_on_batch(images), axis=-1) == labels))


def _limit(frames):
    """Returns a magnitude that few weights of the last frame are beyond."""
    return float(np.nanquantile(np.abs(frames[-1][2]), 0.8))


def _palette():
    """Returns the colours of all frames, so that nothing flickers: weights', and greys for text."""
    of_weights = colormaps["RdBu"](np.linspace(0, 1, 48))[:, :3]
    greys = np.repeat(np.append(np.linspace(0, 1, 15), float(GONE))[:, None], 3, axis=1)
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * np.concatenate([of_weights, greys])).round().astype(int).ravel())
    return palette


def _image(figure, dpi):
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def main():
    """Reads the arguments, trains, and writes both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the folder")
    parser.add_argument("--steps", type=int, default=800)
    arguments = parser.parse_args()
    frames = train(Digits(batch_size=64), arguments.steps)
    draw_frames(frames, arguments.output / "pruned_weights.gif")
    draw_strip(frames, arguments.output / "pruned_weights.png")


if __name__ == "__main__":
    main()
