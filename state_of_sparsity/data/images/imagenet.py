"""ImageNet, and other labelled images that have to be read from files while training."""

import functools
import os
import re
from typing import Any

from state_of_sparsity.arguments import check_integer, check_path
from state_of_sparsity.data.images import image_crops, image_records
from state_of_sparsity.data.images.image_sources import find_source

_DTYPES = ("float32", "bfloat16")
_BATCHES_AHEAD = 2


class ImageNet:
    """Labelled images in files, cropped as in the paper: ImageNet, or a set of its kind.

    Training images are random crops, flipped in half of the cases, test images the centre; both
    are resized to `image_size` and normalized by ImageNet's channel means and deviations. Labels
    are int32 from 0 on.

    A training batch depends on `seed` and its step alone, crops included, and is the same however
    many workers share it. Each worker reads all records, and decodes its own images only. To go on
    at step n of an epoch, the records before it are read again, but not decoded.

    Args:
        data_dir: a folder with TFRecord files `train-*` and `validation-*` as TPU models had them
            (features `image/encoded`, and `image/class/label` from 1 to 1000); or the `data_dir` of
            TensorFlow Datasets, where `dataset` lies or is downloaded to (ImageNet itself is made
            from the publisher's archives: without them, TFDS says where to put them); `None` for
            the place where TFDS keeps its data. `gs://` paths too.
        dataset: the name TFDS has for a set of images with a class for each.
        image_size: side of the square images, in pixels.
        batch_size: examples in a training batch, over all workers; 1 to all that are trained on.
        evaluation_batch_size: examples in a batch of validation and test; the last may be smaller.
        validation_examples: training examples kept for validation, the last ones in the order of
            the files; 0 to all but one. With 0 there is no validation: for final runs of settings
            already chosen.
        seed: seed of the training order and crops, a non-negative integer.
        dtype: of the images, "float32" or "bfloat16".
        shuffle_buffer: encoded images held in memory to draw the next one from; those of ImageNet
            take 0.11 MB each.

    Raises:
        ValueError: if an argument is out of range; at the first use, if the data that it needs
            cannot be read or are too few. Training looks for test data too.

    Example:

    >>> data = ImageNet("data/imagenet", batch_size=16)
    >>> images, labels = next(iter(data.train()))
    >>> tuple(images.shape), tuple(labels.shape)
    ((16, 224, 224, 3), (16,))

    Reference: Russakovsky et al. (2015), "ImageNet Large Scale Visual Recognition Challenge"; the
    crops and constants of Gale, Elsen, Hooker (2019), "The State of Sparsity in Deep Neural
    Networks".
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        dataset: str = "imagenet2012",
        image_size: int = 224,
        batch_size: int = 1024,
        evaluation_batch_size: int = 1000,
        validation_examples: int = 0,
        seed: int = 0,
        dtype: str = "float32",
        shuffle_buffer: int = 4096,
    ) -> None:
        if dtype not in _DTYPES:
            raise ValueError(f"`dtype` must be one of {', '.join(_DTYPES)}. Received: {dtype!r}.")
        check_path("data_dir", data_dir)
        if not isinstance(dataset, str):
            raise ValueError(f"`dataset` must be text. Received: {dataset!r}.")
        check_integer("image_size", image_size, 1)
        check_integer("evaluation_batch_size", evaluation_batch_size, 1)
        check_integer("shuffle_buffer", shuffle_buffer, 1)
        check_integer("validation_examples", validation_examples, 0)
        check_integer("batch_size", batch_size, 1)
        check_integer("seed", seed, 0)
        self.batch_size = batch_size
        self._data_dir, self._dataset = data_dir, dataset
        self._validation_examples = validation_examples
        self._evaluation_batch_size = evaluation_batch_size
        self._image_size, self._dtype, self._seed = image_size, dtype, seed
        self._shuffle_buffer = shuffle_buffer

    @property
    def name(self) -> str:
        """What results call these data: `image_net`, or another set of TFDS's by its name."""
        dataset = re.split("[/:]", self._dataset)[0]
        return "image_net" if dataset == "imagenet2012" else dataset

    @functools.cached_property
    def _source(self):
        """Where the images lie, looked for at the first use: a dry run needs no data."""
        return find_source(self._data_dir, self._dataset)

    @functools.cached_property
    def _parts(self):
        """The shards to train on and those held out."""
        shards = self._source.shards("train")
        available = image_records.examples_in(shards)
        check_integer("validation_examples", self._validation_examples, 0, available - 1)
        self._read_first("train", shards)
        return image_records.split_last(shards, self._validation_examples)

    @functools.cached_property
    def _test_shards(self):
        shards = self._source.shards("test")
        self._read_first("test", shards)
        return shards

    @property
    def examples(self) -> int:
        """How many images are trained on."""
        return image_records.examples_in(self._parts[0])

    @property
    def classes(self) -> int | None:
        """How many classes there are; None for files train-* and validation-*, as these may hold
        a part of ImageNet's 1000.
        """
        return self._source.classes

    def train(self, first_step: int = 0, worker: int = 0, workers: int = 1) -> Any:
        """Returns `(images, labels)` for optimizer steps `first_step`, `first_step + 1`, ..."""
        check_integer("batch_size", self.batch_size, 1, self.examples)
        self.test()  # test data that cannot be read shall not end a long run
        order = image_records.training_order(
            self._parts[0],
            self.batch_size,
            self._seed,
            self._shuffle_buffer,
            first_step,
            worker,
            workers,
        )

        def example(number, record):
            encoded, label = self._source.parse(record)
            seed = (self._seed, number)
            image = image_crops.training_image(encoded, self._image_size, seed)
            return image_crops.normalized(image, self._dtype), label

        return _batches(order, example, self.batch_size // workers, drop_remainder=True)

    def validation(self) -> Any:
        """Returns the validation batches, or None if nothing is held out."""
        return self._evaluation_batches(self._parts[1]) if self._validation_examples else None

    def test(self) -> Any:
        """Returns the test batches: read once, when a run ends."""
        return self._evaluation_batches(self._test_shards)

    def _evaluation_batches(self, shards):
        order = image_records.fixed_order(shards)
        size = self._evaluation_batch_size
        return _batches(order, self._evaluation_example, size, drop_remainder=False)

    def _evaluation_example(self, record):
        encoded, label = self._source.parse(record)
        image = image_crops.evaluation_image(encoded, self._image_size)
        return image_crops.normalized(image, self._dtype), label

    def _read_first(self, part, shards):
        """Reads an example of `shards`: what cannot be read is better known at once."""
        import tensorflow as tf

        try:
            self._evaluation_example(next(iter(image_records.fixed_order(shards[:1]))))
        except tf.errors.OpError as error:
            raise ValueError(
                f"`data_dir` must hold labelled images. Received: one to {part} on, in "
                f"{shards[0].path}, of which TensorFlow says: {' '.join(error.message.split())}"
            ) from error


def _batches(order, example, batch_size, drop_remainder):
    """Returns batches of examples, each made of what `order` yields, in that order."""
    import tensorflow as tf

    examples = order.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return examples.batch(batch_size, drop_remainder).prefetch(_BATCHES_AHEAD)
