"""Which part of an image is looked at: random crops to train on, the centre to evaluate on."""

CROP_PADDING = 32
MEAN = tuple(255 * level for level in (0.485, 0.456, 0.406))
STANDARD_DEVIATION = tuple(255 * level for level in (0.229, 0.224, 0.225))


def training_image(encoded, image_size, seed):
    """Returns a random crop of an encoded image, resized, and flipped in half of the cases.

    Only the crop is decoded. Colours stay as they are. The same seed gives the same image. Resizing
    is TensorFlow 2's bicubic; the study ran TensorFlow 1's, whose grid lies half a pixel off.

    Args:
        encoded: a JPEG, PNG, GIF or BMP file, a scalar string.
        image_size: side of the result, in pixels.
        seed: two int64, shape `(2,)`.

    Returns:
        A float32 tensor of shape `(image_size, image_size, 3)`, about 0 to 255: bicubic resizing
        overshoots.

    Reference: Szegedy et al. (2014), "Going Deeper with Convolutions", section 6.
    """
    import tensorflow as tf

    window_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    crop = decode_window(encoded, lambda shape: training_window(shape, image_size, window_seed))
    return tf.image.stateless_random_flip_left_right(_resized(crop, image_size), flip_seed)


def evaluation_image(encoded, image_size):
    """Returns the central square of an encoded image, resized.

    Args:
        encoded: as for `training_image`.
        image_size: side of the result, in pixels.

    Returns:
        As for `training_image`.
    """
    crop = decode_window(encoded, lambda shape: evaluation_window(shape, image_size))
    return _resized(crop, image_size)


def training_window(shape, image_size, seed):
    """Returns a random window of an image.

    Its area is 0.1 to 1 of the image's (0.08 to 1 is asked for, of which 0.1 must be covered), its
    width 3/4 to 4/3 of its height. Where 10 attempts at such a window fail, or it is the whole
    image, the window is that of evaluation.

    Args:
        shape: height, width and channels of the image, an int32 tensor of shape `(3,)`.
        image_size: side that the window will be resized to, in pixels.
        seed: two integers, shape `(2,)`.

    Returns:
        Top, left, height and width in pixels, an int32 tensor of shape `(4,)`.
    """
    import tensorflow as tf

    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=seed,
        min_object_covered=0.1,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=10,
    )
    window = tf.concat([begin[:2], size[:2]], axis=0)
    is_whole = tf.reduce_all(size[:2] == shape[:2])
    return tf.where(is_whole, evaluation_window(shape, image_size), window)


def evaluation_window(shape, image_size):
    """Returns the central square of side `image_size / (image_size + 32)` of the shorter side.

    Args:
        shape: height, width and channels of the image, an int32 tensor of shape `(3,)`.
        image_size: side that the window will be resized to, in pixels.

    Returns:
        Top, left, height and width in pixels, an int32 tensor of shape `(4,)`.
    """
    import tensorflow as tf

    height, width = shape[0], shape[1]
    side = image_size * tf.minimum(height, width) // (image_size + CROP_PADDING)
    side = tf.maximum(side, 1)
    return tf.stack([(height - side + 1) // 2, (width - side + 1) // 2, side, side])


def decode_window(encoded, window_of):
    """Decodes one window of an image: nothing else of a JPEG, all of other formats and then cut.

    Args:
        encoded: as for `training_image`.
        window_of: takes the image's shape `(height, width, channels)`, an int32 tensor, and returns
            the window's top, left, height and width.

    Returns:
        A uint8 tensor of shape `(height, width, 3)`.
    """
    import tensorflow as tf

    def from_jpeg():
        window = window_of(tf.io.extract_jpeg_shape(encoded))
        return tf.image.decode_and_crop_jpeg(encoded, window, channels=3)

    def from_other_format():
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        top, left, height, width = tf.unstack(window_of(tf.shape(image)))
        return image[top : top + height, left : left + width]

    return tf.cond(tf.io.is_jpeg(encoded), from_jpeg, from_other_format)


def normalized(image, dtype):
    """Returns an image of levels 0 to 255 with the means of ImageNet's channels at 0, scaled to 1.

    Args:
        image: a float32 tensor of shape `(height, width, 3)`: red, green, blue.
        dtype: what the result is rounded to.
    """
    import tensorflow as tf

    height, width, _ = image.shape
    # Row by row: broadcasting along an axis of 3 takes more than twice as long.
    rows = tf.reshape(image, (height, 3 * width))
    rows = (rows - tf.constant(width * MEAN)) / tf.constant(width * STANDARD_DEVIATION)
    return tf.cast(tf.reshape(rows, image.shape), dtype)


def _resized(image, image_size):
    import tensorflow as tf

    image = tf.image.resize(image, (image_size, image_size), method="bicubic")
    return tf.ensure_shape(image, (image_size, image_size, 3))
