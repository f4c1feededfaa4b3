"""Which sentences of the grammar corpus are held out, by what they combine."""

import functools
import zlib

from state_of_sparsity.data.grammar.clauses import NounPhrase

_ONE_IN = 32
# Patterns that training has each by itself, and never together.
STRUCTURES = {
    ("fronted adverb", "although"): "test",
    ("question", "separable verb"): "test",
    ("negation", "that"): "test",
    ("fronted adverb", "while"): "validation",
    ("question", "dative verb"): "validation",
    ("negation", "relative clause"): "validation",
}


@functools.cache
def split_of_words(first, second):
    """Returns the split that two words belong to together: "train", "validation" or "test".

    A checksum decides, so that the answer depends on nothing else: of 32 combinations one goes to
    the test and one to validation.

    Args:
        first: an English noun.
        second: an English verb that has it as a subject, or an adjective that describes it.

    Example:

    >>> split_of_words("dog", "sleep")
    'train'
    """
    return {0: "test", 1: "validation"}.get(
        zlib.crc32(f"{first} {second}".encode()) % _ONE_IN, "train"
    )


def words_together(sentence):
    """Returns the combinations of words in a sentence that may be held out.

    Args:
        sentence: a `grammar_clauses.Sentence`.

    Returns:
        A set of pairs, in English: a noun and the verb whose subject it is, a noun and an adjective
        that describes it.
    """
    pairs = set()
    for clause in _clauses(sentence):
        subject = clause.subject
        if isinstance(subject, NounPhrase):
            if clause.verb is not None:
                pairs.add((subject.noun.english, clause.verb.english))
            if clause.state is not None:
                pairs.add((subject.noun.english, clause.state.english))
        for phrase in _phrases(clause):
            if phrase.adjective is not None:
                pairs.add((phrase.noun.english, phrase.adjective.english))
    return pairs


def patterns(sentence):
    """Returns the patterns of a sentence, those that `STRUCTURES` combines among others.

    Args:
        sentence: a `grammar_clauses.Sentence`.

    Returns:
        A set of strings.
    """
    found = {sentence.connection} - {None}
    if sentence.question is not None:
        found.add("question")
    for clause in _clauses(sentence):
        verb = clause.verb
        found.add(clause.tense)
        if clause.fronted:
            found.add("fronted adverb")
        if clause.negated:
            found.add("negation")
        if verb is not None and verb.prefix:
            found.add("separable verb")
        if verb is not None and verb.frame == "dative":
            found.add("dative verb")
        if any(phrase.relative for phrase in _phrases(clause)):
            found.add("relative clause")
    return found


def split_of(sentence):
    """Returns the split that a sentence belongs to, and whether its structure says so.

    Args:
        sentence: a `grammar_clauses.Sentence`.

    Returns:
        `(split, structure)`: "train" where nothing is held out, None where one thing is held out
        for the test and another for validation; and whether a structure of it is held out.
    """
    found = patterns(sentence)
    structures = {split for pair, split in STRUCTURES.items() if found.issuperset(pair)}
    words = {split_of_words(*pair) for pair in words_together(sentence)} - {"train"}
    splits = structures | words
    if not splits:
        return "train", False
    return (splits.pop() if len(splits) == 1 else None), bool(structures)


def _clauses(sentence):
    """Yields the clauses of a sentence, relative clauses too."""
    for clause in (sentence.main, sentence.other):
        if clause is not None:
            yield clause
            for phrase in _phrases(clause):
                if phrase.relative:
                    yield phrase.relative.clause


def _phrases(clause):
    """Yields the noun phrases of a clause, without those of its relative clauses."""
    for phrase in (clause.subject, *clause.objects, clause.place):
        if isinstance(phrase, NounPhrase):
            yield phrase
