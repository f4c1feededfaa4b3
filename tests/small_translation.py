"""Small made-up sentence pairs, in text files and in the records of TensorFlow Datasets."""

import gzip

import numpy as np

COUNTS = {"train": 60, "validation": 7, "test": 9}
LANGUAGES = ("en", "de")
_SOURCE = ("the", "house", "mouse", "sees", "a", "small", "old", "green", "tree", "Übergröße")
_TARGET = ("das", "Haus", "Maus", "sieht", "ein", "klein", "alt", "grün", "Baum", "oversize")


def make_pairs(seed=0, longest=12):
    """Returns `{split: [(source, target), ...]}`; no two sources are equal."""
    rng = np.random.default_rng(seed)
    pairs = {}
    while len(pairs) < sum(COUNTS.values()):
        words = rng.integers(0, len(_SOURCE), rng.integers(1, longest + 1))
        source, target = (" ".join(names[word] for word in words) for names in (_SOURCE, _TARGET))
        pairs[f"{source}."] = f"{target}."
    pairs = iter(pairs.items())
    return {split: [next(pairs) for _ in range(count)] for split, count in COUNTS.items()}


def write_text(folder, pairs):
    """Writes two files a split, those to train on gzipped; returns arguments of `ParallelFiles`."""
    arguments = {"data_dir": str(folder)}
    for split, found in pairs.items():
        for side, language, lines in zip(
            ("source", "target"), LANGUAGES, zip(*found, strict=True), strict=True
        ):
            name = f"{split}.{language}" + ".gz" * (split == "train")
            content = "".join(f"{line}\n" for line in lines).encode()
            (folder / name).write_bytes(gzip.compress(content) if name.endswith("z") else content)
            arguments[f"{split}_{side}"] = name
    return arguments


def write_records(folder, pairs, name="wmt14_translate", config="de-en", version=None):
    """Has TensorFlow Datasets store pairs under a name; a real builder's version if not given."""
    import tensorflow_datasets as tfds

    real = f"{name}/{config}"
    version = version or str(tfds.builder(real, data_dir=folder).version)
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        config=config,
        version=version,
        features=tfds.features.Translation(languages=LANGUAGES[::-1]),
        split_datasets={
            split: [(i, dict(zip(LANGUAGES, pair, strict=True))) for i, pair in enumerate(found)]
            for split, found in pairs.items()
        },
        data_dir=folder,
        disable_shuffling=True,
    )
