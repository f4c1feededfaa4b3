import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from state_of_sparsity.data.images import image_crops


def jpeg_of(image, **settings):
    return tf.io.encode_jpeg(image, quality=90, **settings)


def windows(height, width, count=10):
    """Yields top, left, height and width of random windows of at least 5 pixels a side."""
    generator = np.random.default_rng(1)
    for _ in range(count):
        top, left = generator.integers(0, (height - 4, width - 4))
        yield (
            top,
            left,
            generator.integers(5, height - top + 1),
            generator.integers(5, width - left + 1),
        )


def decoded(encoded, window):
    return image_crops.decode_window(encoded, lambda _: tf.constant(window, tf.int32)).numpy()


def cut(image, window):
    top, left, height, width = window
    return image[top : top + height, left : left + width]


@pytest.mark.parametrize("kind", ["colour", "full chroma", "grey", "png"])
def test_a_window_is_cut_from_the_decoded_image(records, kind):
    image = tf.io.decode_jpeg(records["train"][0].jpeg)
    encoded = {
        "colour": lambda: jpeg_of(image),
        "full chroma": lambda: jpeg_of(image, chroma_downsampling=False),
        "grey": lambda: jpeg_of(image[..., :1]),
        "png": lambda: tf.io.encode_png(image),
    }[kind]()
    whole = tf.io.decode_image(encoded, channels=3).numpy()
    # Chroma of half the resolution is interpolated from both sides, but not over an edge.
    inner = slice(1, -1) if kind == "colour" else slice(None)
    for window in windows(*whole.shape[:2]):
        found, expected = decoded(encoded, window), cut(whole, window)
        assert found.shape == expected.shape and found.dtype == np.uint8
        np.testing.assert_array_equal(found[inner, inner], expected[inner, inner])
        assert abs(found.astype(int) - expected).max() < 64


def test_windows_are_told_the_shape_of_the_image(records):
    image = tf.io.decode_jpeg(records["train"][1].jpeg)
    for encoded in (records["train"][1].jpeg, tf.io.encode_png(image)):
        shapes = []
        image_crops.decode_window(encoded, lambda shape, s=shapes: s.append(shape) or [0, 0, 1, 1])
        assert shapes[0].numpy().tolist() == list(image.shape)


def test_four_channels_become_three():
    cmyk = np.random.default_rng(0).integers(0, 256, (16, 20, 4), np.uint8)
    file = io.BytesIO()
    Image.fromarray(cmyk, "CMYK").save(file, "JPEG")
    assert image_crops.evaluation_image(file.getvalue(), 8).shape == (8, 8, 3)
    seed = tf.constant([0, 1], tf.int64)
    assert image_crops.training_image(file.getvalue(), 8, seed).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("shape", "image_size", "window"),
    [
        ((375, 500, 3), 224, (24, 86, 328, 328)),  # 328 = floor(0.875 * 375); odd margins
        ((500, 375, 3), 224, (86, 24, 328, 328)),
        ((256, 256, 3), 224, (16, 16, 224, 224)),
        ((32, 32, 1), 32, (8, 8, 16, 16)),
        ((1, 3, 3), 8, (0, 1, 1, 1)),  # never empty
    ],
)
def test_evaluation_looks_at_the_central_square(shape, image_size, window):
    found = image_crops.evaluation_window(tf.constant(shape), image_size)
    assert tuple(found.numpy()) == window


def cubic(distance):
    """Keys's kernel, a = -1/2."""
    x = abs(distance)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2


def cubic_weights(source, target):
    """Returns the matrix that resizes a column of `source` pixels to `target`."""
    weights = np.zeros((target, source))
    for row in range(target):
        place = (row + 0.5) * source / target - 0.5
        for column in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            if 0 <= column < source:
                weights[row, column] = cubic(place - column)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("image_size", [16, 56])
def test_evaluation_images_are_resized_by_bicubic_interpolation(records, image_size):
    jpeg = jpeg_of(tf.io.decode_jpeg(records["train"][2].jpeg), chroma_downsampling=False)
    whole = tf.io.decode_jpeg(jpeg).numpy()
    window = image_crops.evaluation_window(tf.constant(whole.shape), image_size).numpy()
    weights = cubic_weights(window[2], image_size)
    expected = np.einsum("iy,yxc,jx->ijc", weights, cut(whole, window).astype(float), weights)
    found = image_crops.evaluation_image(jpeg, image_size).numpy()
    assert found.dtype == np.float32
    # TensorFlow looks weights up at 1024 places between pixels.
    np.testing.assert_allclose(found, expected, atol=0.5)


def drawn_windows(shape, count):
    draw = tf.function(lambda seed: image_crops.training_window(shape, 224, seed))
    shape = tf.constant(shape)
    return np.array([draw(tf.constant([7, n], tf.int64)) for n in range(count)])


def stated_windows(height, width, count, generator):
    """Windows again: an aspect, then a height, then a place, until a tenth is covered."""
    while count:
        aspect = generator.uniform(3 / 4, 4 / 3)
        least = round((0.08 * height * width / aspect) ** 0.5)
        greatest = min((height * width / aspect) ** 0.5, width / aspect, height)
        tall = generator.integers(least, int(greatest) + 1)
        wide = round(tall * aspect)
        if tall * wide >= 0.1 * height * width and wide <= width:
            yield (
                generator.integers(0, height - tall + 1),
                generator.integers(0, width - wide + 1),
                tall,
                wide,
            )
            count -= 1


def test_training_windows_are_distributed_as_stated():
    height, width, count = 300, 400, 1000
    found = drawn_windows((height, width, 3), count)
    top, left, tall, wide = found.T
    assert (np.minimum(top, left) >= 0).all()
    assert (top + tall <= height).all() and (left + wide <= width).all()
    area, aspect = tall * wide / (height * width), wide / tall
    assert area.min() >= 0.1 and area.max() > 0.7
    rounding = 1 / tall.min()
    assert 3 / 4 - rounding <= aspect.min() < 0.77 and 1.31 < aspect.max() <= 4 / 3 + rounding
    stated = np.array(list(stated_windows(height, width, count, np.random.default_rng(0))))
    for column, name in enumerate(("top", "left", "height", "width")):
        a, b = found[:, column], stated[:, column]
        error = np.sqrt((a.var() + b.var()) / count)
        assert abs(a.mean() - b.mean()) < 4 * error, name
        assert 0.85 < a.std() / b.std() < 1.18, name  # four standard errors with 1000


def test_where_no_window_is_found_training_looks_at_the_centre():
    tall = tf.constant((1000, 10, 3))  # windows that fit are too small
    window = image_crops.training_window(tall, 224, tf.constant([0, 0], tf.int64)).numpy()
    np.testing.assert_array_equal(window, image_crops.evaluation_window(tall, 224))


def test_half_of_the_training_images_are_flipped():
    pixels = np.random.default_rng(0).integers(0, 256, (400, 20, 3), np.uint8)
    png = tf.io.encode_png(pixels)  # so tall that the window is always the centre
    draw = tf.function(lambda seed: image_crops.training_image(png, 32, seed))
    plain = image_crops.evaluation_image(png, 32).numpy()
    flipped = 0
    for number in range(400):
        image = draw(tf.constant([3, number], tf.int64)).numpy()
        is_flipped = not np.array_equal(image, plain)
        np.testing.assert_array_equal(image, plain[:, ::-1] if is_flipped else plain)
        flipped += is_flipped
    assert abs(flipped - 200) < 40  # four standard deviations


def test_crops_depend_on_both_seeds_and_on_nothing_else(records):
    jpeg = records["train"][3].jpeg
    seeds = [(0, 0), (0, 1), (1, 0), (0, 2**40)]
    images = []
    for seed in seeds:
        twice = []
        for process_seed in (0, 1):
            tf.random.set_seed(process_seed)
            twice.append(image_crops.training_image(jpeg, 8, tf.constant(seed, tf.int64)).numpy())
        np.testing.assert_array_equal(*twice)
        images.append(twice[0].tobytes())
    assert len(set(images)) == len(seeds)


def test_colours_stay_as_they_are():
    plain = np.broadcast_to(np.array([200, 30, 90], np.uint8), (40, 50, 3))
    for number in range(5):
        seed = tf.constant([0, number], tf.int64)
        image = image_crops.training_image(tf.io.encode_png(plain), 16, seed)
        np.testing.assert_allclose(image, plain[:16, :16], atol=1e-3)


def test_normalized_images_have_the_documented_scale():
    image = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype("float32")
    found = image_crops.normalized(tf.constant(image), "float32").numpy()
    mean, deviation = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    np.testing.assert_allclose(found, (image - mean) / deviation, atol=1e-6)
    rounded = image_crops.normalized(tf.constant(image), "bfloat16")
    assert rounded.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(rounded, tf.float32), found, rtol=2**-8, atol=1e-5)
