"""Translation: sentence pairs from text to batches, with one vocabulary for both languages."""

import functools
import itertools
import os
import pathlib
import sys
import time
from typing import Any

import keras
import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.arguments import check_flag, check_integer, check_path
from state_of_sparsity.data.generated_dataset import untuned
from state_of_sparsity.data.text import length_buckets, packing, tokenized_pairs
from state_of_sparsity.data.text.data_digests import DataDigests
from state_of_sparsity.data.text.length_buckets import LengthBuckets
from state_of_sparsity.data.text.packing import PackedRows
from state_of_sparsity.data.text.vocabulary import LEAST_SIZE, Vocabulary

# What a folder's vocabulary is called.
FILE = "vocabulary.model"
# What the digests of vocabulary and sentences are called.
DIGESTS = "data_digests.json"
_BATCHES_AHEAD = 4


class Translation:
    """Sentence pairs, as ids of subwords, for a network that translates.

    A batch is `(inputs, targets)`: the inputs a dict of `source` and `target`, the targets again
    the `target` ids, all int32 of shape `(n, length)`. Sentences end in 1 and are followed by 0,
    which is padding: the network shifts `target` to the right before it reads it, and the loss must
    leave out where targets are 0.

    Training pairs with an empty side, or a side that is too long, are left out. Validation and test
    keep every pair, so that line i stays line i, and cut off what is too long.

    Without `packed`, a training batch has pairs of about one length, and there is a small fixed set
    of shapes, `(tokens // length, length)` nearly; with it, all batches have the shape
    `(batch_size, maximum_length)`, a row has several pairs one after the other, and the inputs also
    say, as `source_segments`, `source_positions`, `target_segments` and `target_positions`, which
    pair of its row an id belongs to (from 1; 0 for padding) and its place in its sentence (from 0).
    Attention must stay within a segment, and so must the shift to the right.

    The batch of a step depends on `seed` and the step alone. In each epoch every pair is seen once,
    but for what fills no last batch: fewer than `batch_size` of the longest pairs, or of the rows,
    in general others each time. The text is read and tokenized at the first use, and kept in memory
    in 2 bytes an id.

    The vocabulary is that of `directory` where there is one; else that of the file `vocabulary`;
    else one is learned from the training text. `keep`, which a run calls after its first step,
    saves it to `directory`, where an interrupted run, evaluation and decoding find it again, with
    digests of it and of the text: with others the run does not go on.

    Args:
        text: where the sentences come from: `ParallelFiles`, `ParallelRecords`, or anything with
            `splits`, the names of what there is of "train", "validation" and "test", and
            `pairs(split)`, which yields the sentences `(source, target)` in a fixed order.
        vocabulary: file of a `Vocabulary` made before; None to learn one.
        directory: folder that keeps the vocabulary, as `vocabulary.model`; None to keep it nowhere.
            Give a run's own, lest two runs share a vocabulary by mistake.
        vocabulary_size: the most subwords a vocabulary may have, at least 260. A small text has
            fewer: see `vocabulary.size`.
        tokens: the most ids that each side of a batch may have, over all workers, padding counted.
        maximum_length: the most ids of a sentence, its end counted; 2 to `tokens`.
        packed: whether to put several pairs in a row.
        seed: seed of the training order, a non-negative integer.

    Attributes:
        batch_size: `tokens // maximum_length`: the rows of a training batch if `packed`, else pairs
            in a batch of the longest ones. All others have a multiple of it.
        maximum_length: as given.

    Raises:
        ValueError: if an argument is out of range; at the first use, if text or vocabulary cannot
            be read, there are too few pairs, or the vocabulary is not that of `directory`'s run;
            when training begins, if the texts are not those of that run.

    Example:

    >>> from state_of_sparsity.data.text.parallel_text import ParallelFiles
    >>> text = ParallelFiles(
    ...     train_source="train.en.gz", train_target="train.de.gz", data_dir="data/multi30k"
    ... )
    >>> data = Translation(text, directory="runs/one", vocabulary_size=8000)
    >>> inputs, targets = next(iter(data.train()))
    >>> sorted(inputs), inputs["source"].shape == inputs["target"].shape == targets.shape
    (['source', 'target'], True)
    >>> data.vocabulary.decode(data.vocabulary.encode("A man in a blue shirt."))
    'A man in a blue shirt.'

    Reference: the batches of Vaswani et al. (2017), "Attention Is All You Need", section 5.1; those
    of Gale, Elsen, Hooker (2019), "The State of Sparsity in Deep Neural Networks", are packed.
    """

    def __init__(
        self,
        text: Any,
        vocabulary: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        vocabulary_size: int = 32_000,
        tokens: int = 2048,
        maximum_length: int = 256,
        packed: bool = False,
        seed: int = 0,
    ) -> None:
        if isinstance(text, type) or not hasattr(text, "pairs"):  # `splits` may look for files
            raise ValueError(
                "`text` must be where sentences come from, such as ParallelFiles(...), with () "
                f"behind in a gin file. Received: {text!r}."
            )
        check_path("vocabulary", vocabulary)
        check_path("directory", directory)
        check_flag("packed", packed)
        check_integer("vocabulary_size", vocabulary_size, LEAST_SIZE)
        check_integer("tokens", tokens, 2)
        check_integer("maximum_length", maximum_length, 2, tokens)
        check_integer("seed", seed, 0)
        self._text, self._given, self._vocabulary_size = text, vocabulary, vocabulary_size
        directory = None if directory is None else pathlib.Path(directory).expanduser()
        self._saved = None if directory is None else directory / FILE
        self._kept: Any = None if directory is None else DataDigests(directory / DIGESTS)
        self._digests = {}
        self._tokens, self.maximum_length = tokens, maximum_length
        self._packed, self._seed = packed, seed
        self.batch_size = tokens // maximum_length

    @property
    def name(self) -> str:
        """What results call these data: the text's own name, if it has one."""
        return getattr(self._text, "name", "translation")

    def text(self, split: str) -> Any:
        """Yields `(source, target)`, the sentences of "train", "validation" or "test" in order."""
        return self._text.pairs(split)

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """The `Vocabulary`, loaded from its file or learned."""
        path = self._saved if self._saved is not None and self._saved.exists() else self._given
        vocabulary = self._learned() if path is None else self._loaded(path)
        if self._kept is not None:
            self._kept.check({"vocabulary": vocabulary.digest()})
        return vocabulary

    def _learned(self):
        started = time.monotonic()
        _say(f"learning a vocabulary of up to {self._vocabulary_size:,} subwords")
        sentences = itertools.chain.from_iterable(self.text("train"))
        vocabulary = Vocabulary.learn(sentences, self._vocabulary_size)
        _say(f"{vocabulary.size:,} subwords learned", started)
        return vocabulary

    def _loaded(self, path):
        vocabulary = Vocabulary.load(path)
        if vocabulary.size > self._vocabulary_size:
            raise ValueError(
                f"`vocabulary_size` must be at least {vocabulary.size}, what the file of the "
                f"vocabulary has. Received: {self._vocabulary_size} and {path}. Give no file to "
                "have a smaller vocabulary learned."
            )
        return vocabulary

    @property
    def examples_per_step(self) -> Any:
        """Pairs in a training batch, on average."""
        return self._plan.examples / self._plan.batches_per_epoch

    def train(self, first_step: int = 0, worker: int = 0, workers: int = 1) -> Any:
        """Returns a `tf.data.Dataset` of `(inputs, targets)` from step `first_step` on."""
        with extras.explained():
            import tensorflow as tf

        # Read now: test data that cannot be read shall not end a long run.
        self.test(), self.validation()
        plan = self._plan
        if self._kept is not None:
            self._kept.check(self._digests)
        shape = (self.batch_size // workers, self.maximum_length) if self._packed else (None, None)
        ids = tf.TensorSpec(shape, "int32")
        names = packing.INPUTS if self._packed else length_buckets.INPUTS
        batches = functools.partial(self._batches, plan, first_step, worker, workers)
        signature = dict.fromkeys(names, ids), ids
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        return untuned(dataset.prefetch(_BATCHES_AHEAD))

    def keep(self) -> None:
        """Saves the vocabulary, and digests of it and of all text read, to `directory`."""
        if self._saved is None:
            return
        if not self._saved.exists():
            self.vocabulary.save(self._saved)
        self._kept.keep({"vocabulary": self.vocabulary.digest(), **self._digests})

    def validation(self) -> Any:
        """Returns batches of the validation split in line order; None if there is no such split.

        All have one length; the last may have fewer pairs.
        """
        return self._validation

    def test(self) -> Any:
        """Returns what `validation` does, of the test split."""
        return self._test

    def _batches(self, plan, step, worker, workers):
        epoch, skip = divmod(step, plan.batches_per_epoch)
        while True:
            order = plan.epoch(np.random.default_rng([self._seed, epoch]))
            for batch in order[skip:]:
                yield plan.arrays(batch, worker, workers)
            epoch, skip = epoch + 1, 0

    @functools.cached_property
    def _plan(self):
        """Which training pairs make a batch."""
        _say("reading and tokenizing the training text")
        pairs = self._tokenized("train", tokenized_pairs.for_training)
        if self._packed:
            # No epoch draws from this seed.
            generator = np.random.default_rng([self._seed, 0, 1])
            plan = PackedRows(pairs, self._tokens, self.maximum_length, generator)
        else:
            plan = LengthBuckets(pairs, self._tokens, self.maximum_length)
        if not len(pairs):
            raise ValueError(
                "The training text must have pairs of sentences of at most `maximum_length` ids, "
                f"{self.maximum_length}. Received: none, but for those left out, which were said."
            )
        if not plan.batches_per_epoch:
            raise ValueError(
                "`tokens` must be so few that the training text fills a batch. Received: "
                f"{self._tokens}, with `maximum_length` {self.maximum_length}, for {len(pairs):,} "
                "pairs."
            )
        return plan

    @functools.cached_property
    def _validation(self):
        return self._evaluation_batches("validation")

    @functools.cached_property
    def _test(self):
        return self._evaluation_batches("test")

    def _evaluation_batches(self, split):
        if split not in self._text.splits:
            return None
        pairs = self._tokenized(split, tokenized_pairs.for_evaluation)
        if not len(pairs):
            raise ValueError(f"The {split} text must have sentences. Received: none.")
        longest = max(pairs.source.lengths.max(), pairs.target.lengths.max())
        length = next(x for x in length_buckets.bucket_lengths(self.maximum_length) if x >= longest)
        arrays = packing.one_a_row if self._packed else length_buckets.padded
        examples = length_buckets.bucket_examples(length, self._tokens, self.batch_size)
        return _EvaluationBatches(pairs, arrays, length, examples)

    def _tokenized(self, split, tokenize):
        vocabulary, started = self.vocabulary, time.monotonic()
        pairs = tokenize(self.text(split), vocabulary, self.maximum_length)
        self._digests[f"{split} text"] = pairs.digest()
        changes = [f"{count:,} {what}" for what, count in pairs.changed.items() if count]
        _say("; ".join([f"{len(pairs):,} pairs of {split} text read", *changes]), started)
        return pairs


class _EvaluationBatches(keras.utils.PyDataset):
    """Batches of pairs in their order; the last one may be smaller."""

    def __init__(self, pairs, arrays, length, examples):
        super().__init__()
        self._pairs, self._arrays = pairs, arrays
        self._length, self._examples = length, examples

    def __len__(self):
        return -(-len(self._pairs) // self._examples)

    def __getitem__(self, index):
        first = index * self._examples
        chosen = np.arange(first, min(first + self._examples, len(self._pairs)))
        return self._arrays(self._pairs, chosen, self._length)


def _say(text, started=None):
    took = "" if started is None else f" ({time.monotonic() - started:.1f} s)"
    print(f"translation: {text}{took}", file=sys.stderr, flush=True)
