"""Draws noun phrases for the grammar corpus: who or what, how many, of what sort."""

from collections.abc import Callable

from state_of_sparsity.data.grammar.adjectives import ADJECTIVES
from state_of_sparsity.data.grammar.clauses import HE, SHE, THEY, WE, I, NounPhrase
from state_of_sparsity.data.grammar.nouns import nouns_with

PERSONS = nouns_with("person")
# Of these one does not say whose they are.
_NOBODYS = ("man", "woman", "farmer", "guest", "boy", "girl", "bear", "mouse", "bird", "duck")
_FAMILY = ("the", "the", "my", "my", "our")
_ONE = ("the", "the", "the", "the", "a", "my", "our", "this")
_ONE_OBJECT = ("the", "the", "the", "a", "a", "a", "my", "this")
_SEVERAL = ("the", "the", "my", "this", "two", "three", "many")
_SEVERAL_OBJECTS = ("the", "the", "", "", "my", "this", "two", "three", "many")


class Phrases:
    """Draws noun phrases and pronouns.

    Args:
        random: returns a number in [0, 1), another one each time.

    Example:

    >>> from state_of_sparsity.data.grammar.nouns import NOUNS
    >>> phrase = Phrases(lambda: 0.5).subject_of((NOUNS["dog"],), pronouns=False)
    >>> phrase.determiner, phrase.noun.english
    ('a', 'dog')
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random

    def pick(self, options):
        """Returns one of some options."""
        return options[int(self._random() * len(options))]

    def chance(self, share):
        """Returns True in a share of the calls, in [0, 1]."""
        return self._random() < share

    def subject_of(self, nouns, pronouns=True):
        """Returns a `NounPhrase` of one of some nouns, or a `Pronoun`, as a subject.

        Args:
            nouns: the nouns to choose from.
            pronouns: whether it may be a pronoun, which stands for persons only.
        """
        if pronouns and "person" in nouns[0].tags and self.chance(0.25):
            return self.pick((I, WE, HE, SHE, THEY, HE, SHE))
        noun = self.pick(nouns)
        plural = noun.german_plural is not None and self.chance(0.25)
        return self._phrase(noun, plural, _SEVERAL if plural else _ONE)

    def object_of(self, nouns, subject, definite=False):
        """Returns a `NounPhrase` of one of some nouns, as an object, not the subject again.

        Args:
            nouns: the nouns to choose from.
            subject: the `NounPhrase` or `Pronoun` that does something to it.
            definite: whether it must be one that "not" can be said of without "a".
        """
        subject_noun = getattr(subject, "noun", None)
        noun = self.pick(nouns)
        while noun is subject_noun and len(nouns) > 1:
            noun = self.pick(nouns)
        plural = noun.german_plural is not None and self.chance(0.25)
        owner = _owner(subject)
        if owner and self.chance(0.2) and _owned(noun):
            return self._phrase(noun, plural, (owner,))
        determiners = _SEVERAL_OBJECTS if plural else _ONE_OBJECT
        if definite:
            determiners = ("the", "the", "my", "this")
        if "person" in noun.tags:
            # "He helps men" would need a reason.
            determiners = [word for word in determiners if word]
        return self._phrase(noun, plural, determiners)

    def place(self, nouns):
        """Returns a `NounPhrase` of one of some places."""
        return self._phrase(self.pick(nouns), False, ("the", "the", "the", "a", "this"), 0.25)

    def _phrase(self, noun, plural, determiners, described=0.35):
        determiner = self.pick(determiners)
        if "family" in noun.tags and determiner not in ("my", "our", "his", "her"):
            determiner = self.pick(_FAMILY)
        elif "mass" in noun.tags and determiner not in ("his", "her"):
            determiner = "" if self.chance(0.6) else self.pick(("the", "the", "this"))
        elif determiner in ("my", "our") and not _owned(noun):
            determiner = "the"
        adjective = self.pick(ADJECTIVES[noun.kind]) if self.chance(described) else None
        if adjective and adjective.english.startswith(noun.english):
            adjective = None  # no "friendly friend"
        return NounPhrase(noun, determiner, adjective, plural)


def _owned(noun):
    return noun.english not in _NOBODYS and "place" not in noun.tags and noun.kind != "fixture"


def _owner(subject):
    """Returns the determiner for what belongs to a subject, None where there is no sure one."""
    if subject in (HE, SHE):
        return "his" if subject is HE else "her"
    if subject in (I, WE):
        return "my" if subject is I else "our"
    if subject is THEY or subject.plural:
        return None
    if "he" in subject.noun.tags:
        return "his"
    return "her" if "she" in subject.noun.tags else None
