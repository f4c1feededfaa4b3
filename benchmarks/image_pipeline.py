"""Images a second that a core makes ready for training: ours against decoding whole images.

All pipelines read the same records in the same order and give images of the same size. Ours decodes
nothing but the crop; the others decode the whole image, and then cut out the same crop, or none.
A core's images a second are those of a second of processor time, over all threads.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LAUNCH = pathlib.Path(__file__).parents[1] / "launch"
OURS = "decodes the crop"
WARM_UP = 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", help="as for ImageNet (default: made-up images)")
    parser.add_argument("--made_up_images", type=int, default=512, help="how many, if so")
    parser.add_argument("--made_up_size", default="375,500", help="their sides, in pixels")
    parser.add_argument("--image_size", type=int, default=224, help="side of the results")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--batches", type=int, default=4, help="read by each in a round")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--output", help="JSON file")
    return parser.parse_args()


def write_made_up_images(folder, images, size):
    """Writes made-up images as TFRecord files to a new folder."""
    sys.path.append(str(LAUNCH))
    import make_image_records

    sizes = tuple(map(int, size.split(",")))
    counts = {"train": images, "validation": make_image_records.FILES}
    splits = {
        split: make_image_records.with_progress(
            make_image_records.make_images(split, count, 10, sizes, seed=0), count, split
        )
        for split, count in counts.items()
    }
    make_image_records.write_tfrecords(folder, splits)


def cut_from_the_whole(encoded, image_size, seed):
    """Returns the crop that ours takes, of an image decoded as a whole."""
    import tensorflow as tf

    from state_of_sparsity.data.images import image_crops

    window_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    window = image_crops.training_window(tf.shape(image), image_size, window_seed)
    top, left, height, width = tf.unstack(window)
    crop = image[top : top + height, left : left + width]
    crop = tf.image.resize(crop, (image_size, image_size), method="bicubic")
    return tf.image.stateless_random_flip_left_right(crop, flip_seed)


def whole(encoded, image_size, seed):
    """Returns the whole image, resized; takes a seed as the others do."""
    import tensorflow as tf

    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.image.resize(image, (image_size, image_size), method="bicubic")


def pipelines(data_dir, image_size, batch_size):
    """Returns `{name: tf.data.Dataset}` of training batches, from the first step on."""
    import tensorflow as tf

    from state_of_sparsity.data.images import image_crops, image_records
    from state_of_sparsity.data.images.image_sources import find_source
    from state_of_sparsity.data.images.imagenet import ImageNet

    data = ImageNet(
        data_dir, image_size=image_size, batch_size=batch_size, shuffle_buffer=batch_size
    )
    source = find_source(data_dir, "imagenet2012")
    order = image_records.training_order(
        source.shards("train"), batch_size, seed=0, shuffle_buffer=batch_size
    )

    def with_images_by(make_image):
        def example(number, record):
            encoded, label = source.parse(record)
            image = make_image(encoded, image_size, (0, number))
            return image_crops.normalized(image, "float32"), label

        examples = order.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return examples.batch(batch_size, drop_remainder=True).prefetch(2)

    return {
        OURS: data.train(),
        "decodes all, cuts out the crop": with_images_by(cut_from_the_whole),
        "decodes all, resizes all": with_images_by(whole),
    }


def reader(dataset, batches, processor_seconds):
    """Returns an action that reads batches in one thread, and notes the processor time it takes."""
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    dataset = dataset.take(batches).with_options(options)

    def read():
        start = time.process_time()
        for images, _ in dataset:
            images.numpy()
        processor_seconds.append(time.process_time() - start)

    return read


def measured(datasets, options):
    """Returns medians of images a second, and ratios of the processor times to ours."""
    from interleaved import paired_ratio, seconds_in_rounds

    processor = {name: [] for name in datasets}
    actions = {
        name: reader(dataset, options.batches, processor[name])
        for name, dataset in datasets.items()
    }
    seconds = seconds_in_rounds(actions, options.rounds, warm_up=WARM_UP, label="pipelines")
    processor = {name: values[WARM_UP:] for name, values in processor.items()}
    images = options.batches * options.batch_size
    return {
        "images_per_s_of_a_core": {n: images / statistics.median(v) for n, v in processor.items()},
        "images_per_s": {n: images / statistics.median(v) for n, v in seconds.items()},
        "ratios": {n: paired_ratio(v, processor[OURS]) for n, v in processor.items() if n != OURS},
        "processor_s": processor,
        "seconds": seconds,
    }


def main():
    options = parse()
    import results

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data_dir or os.path.join(temporary, "made_up")
        if not options.data_dir:
            write_made_up_images(folder, options.made_up_images, options.made_up_size)
        datasets = pipelines(folder, options.image_size, options.batch_size)
        found = measured(datasets, options)
    results.write(options.output, "image_pipeline", vars(options), **found)
    per_core = found["images_per_s_of_a_core"]
    results.print_table(
        ["pipeline", "images/s of a core", "ms of a core an image", "images/s"],
        [
            [name, f"{rate:.0f}", f"{1e3 / rate:.2f}", f"{found['images_per_s'][name]:.0f}"]
            for name, rate in per_core.items()
        ],
    )
    for name, ratio in found["ratios"].items():
        print(f"processor time, {name} / {OURS}: {ratio}")


if __name__ == "__main__":
    main()
