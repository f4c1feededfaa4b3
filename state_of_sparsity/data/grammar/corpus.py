"""English and German sentences from a grammar of our own: a corpus with nothing to download."""

import re
from collections.abc import Iterator

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.data.grammar.english import english_sentence
from state_of_sparsity.data.grammar.german import german_sentence
from state_of_sparsity.data.grammar.sentences import Sentences
from state_of_sparsity.data.grammar.splits import split_of

LEAST, MOST = 2_000, 200_000
_NOT_TRAINED_ON = ("validation", "test")


class GrammarCorpus:
    """Sentence pairs, English and German, that a grammar makes up.

    The German has three genders, three cases and both numbers with their endings of articles and
    adjectives, the verb in the second place of a main clause and at the end of others, separable
    verbs, the perfect, modal verbs, negation, questions and relative clauses. One English sentence
    always has the same German one, and none comes twice.

    What validation and test ask for is not in training. Half of their sentences have two words
    together that no sentence of training has so: a noun and the verb whose subject it is, or a noun
    and its adjective. The other half have two patterns together that no sentence of training has,
    as an adverb in front and a clause with "although". `splits.py` says which. Every word in each
    of its forms is in training.

    Args:
        sentences: training pairs, 2000 to 200 000.
        validation_examples: pairs of validation, and of the test, 2 to a quarter of `sentences`.
        seed: seed of the draws, an integer. What is held out does not depend on it.

    Raises:
        ValueError: if an argument is out of range.

    Example:

    >>> corpus = GrammarCorpus(sentences=2000, validation_examples=20)
    >>> corpus.splits
    ['train', 'validation', 'test']
    >>> english, german = next(corpus.pairs("train"))
    >>> len(list(corpus.pairs("test")))
    20
    """

    name = "grammar_corpus"

    def __init__(
        self, sentences: int = 20_000, validation_examples: int = 500, seed: int = 0
    ) -> None:
        check_integer("sentences", sentences, LEAST, MOST)
        check_integer("validation_examples", validation_examples, 2, sentences // 4)
        check_integer("seed", seed, 0)
        self._sentences, self._seed = sentences, seed
        self._validation_examples = validation_examples
        self._pairs: dict[str, list[tuple[str, str]]] | None = None

    @property
    def splits(self) -> list[str]:
        """The names of the splits there are."""
        return ["train", *_NOT_TRAINED_ON]

    def pairs(self, split: str) -> Iterator[tuple[str, str]]:
        """Yields `(english, german)`, the sentences of a split, always in the same order.

        Args:
            split: "train", "validation" or "test".

        Raises:
            ValueError: if there is no such split.
        """
        if split not in self.splits:
            raise ValueError(
                f"`split` must be one of {self.splits}. Received: split={split!r}. Take one of "
                "these."
            )
        if self._pairs is None:
            self._pairs = self._draw()
        yield from self._pairs[split]

    def _draw(self):
        """Draws all splits: `{split: list of pairs}`."""
        sentences, seen, train = Sentences(self._seed), set(), []
        waiting = {split: [] for split in _NOT_TRAINED_ON}
        while len(train) < self._sentences:
            split, pair, structure = _next_pair(sentences, seen)
            if split == "train":
                train.append(pair)
            else:
                waiting[split].append((pair, structure))
        known = {form for pair in train for form in _forms(pair)}
        pairs = {"train": train}
        for split in _NOT_TRAINED_ON:
            pairs[split] = self._chosen(sentences, seen, split, waiting[split], known)
        return pairs

    def _chosen(self, sentences, seen, split, waiting, known):
        """Returns the pairs of a split: those waiting first, then new ones as long as needed."""
        half = self._validation_examples // 2
        room = {True: half, False: self._validation_examples - half}
        chosen = []
        waiting = iter(waiting)
        while any(room.values()):
            drawn = next(waiting, None)
            if drawn is None:
                other, *drawn = _next_pair(sentences, seen)
                if other != split:
                    continue
            pair, structure = drawn
            if room[structure] and known.issuperset(_forms(pair)):
                room[structure] -= 1
                chosen.append(pair)
        return chosen


def _next_pair(sentences, seen):
    """Returns the next new sentence: its split, the pair, and whether its structure is held out."""
    while True:
        sentence = sentences.draw()
        split, structure = split_of(sentence)
        if split is None:
            continue
        english = english_sentence(sentence)
        if english not in seen:
            seen.add(english)
            return split, (english, german_sentence(sentence)), structure


def _forms(pair):
    """Returns the forms of words in a pair, each with its language."""
    return [(side, form) for side in (0, 1) for form in re.findall(r"\w+", pair[side])]
