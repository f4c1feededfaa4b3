"""What a sentence of the grammar corpus says, before it is put in words of either language."""

import typing

from state_of_sparsity.data.grammar.adjectives import Adjective
from state_of_sparsity.data.grammar.nouns import Noun
from state_of_sparsity.data.grammar.verbs import Verb


class Pronoun(typing.NamedTuple):
    """A personal pronoun.

    Attributes:
        english: as a subject.
        english_object: as an object.
        german: nominative, accusative and dative by these names.
        person: "first" or "third" of the singular, or "plural".
    """

    english: str
    english_object: str
    german: dict[str, str]
    person: str


def _pronoun(english, english_object, german, person="third"):
    cases = ("nominative", "accusative", "dative")
    return Pronoun(english, english_object, dict(zip(cases, german.split(), strict=True)), person)


I = _pronoun("I", "me", "ich mich mir", "first")  # noqa: E741
WE = _pronoun("we", "us", "wir uns uns", "plural")
HE = _pronoun("he", "him", "er ihn ihm")
SHE = _pronoun("she", "her", "sie sie ihr")
THEY = _pronoun("they", "them", "sie sie ihnen", "plural")
# The German "it" depends on the gender of what it stands for.
IT = {
    "m": _pronoun("it", "it", "er ihn ihm"),
    "f": _pronoun("it", "it", "sie sie ihr"),
    "n": _pronoun("it", "it", "es es ihm"),
}


class NounPhrase(typing.NamedTuple):
    """A noun with what belongs to it.

    Attributes:
        noun: the `Noun`.
        determiner: "the", "a", "my", "our", "his", "her", "this", "two", "three" or "many"; "" for
            none.
        adjective: an `Adjective` or None.
        plural: whether more than one is meant.
        relative: a `Relative` clause or None.
    """

    noun: Noun
    determiner: str = "the"
    adjective: Adjective | None = None
    plural: bool = False
    relative: typing.Any = None

    @property
    def person(self):
        """The form its verb takes, "third" or "plural"."""
        return "plural" if self.plural else "third"

    @property
    def indefinite(self):
        """Whether German says "kein" with it where English says "not"."""
        return self.determiner in ("a", "")


class Adverb(typing.NamedTuple):
    """When or how often something happens.

    Attributes:
        english: the English adverb.
        german: the German one.
        often: whether it says how often: English then has it before the verb, else at the end.
    """

    english: str
    german: str
    often: bool = False


class Clause(typing.NamedTuple):
    """Somebody does something, or is of some sort.

    Attributes:
        subject: a `NounPhrase` or `Pronoun`.
        verb: the `Verb`, None for "be".
        objects: its objects in the order of both languages, none, one or two.
        place: the `NounPhrase` of a place where it happens, None for none.
        adverb: an `Adverb` or None.
        fronted: whether the adverb comes first.
        tense: "present", "past", or a key of `grammar_verbs.AUXILIARIES`.
        negated: whether it is not so.
        state: the `Adjective` after "be".
    """

    subject: typing.Any
    verb: Verb | None
    objects: tuple = ()
    place: NounPhrase | None = None
    adverb: Adverb | None = None
    fronted: bool = False
    tense: str = "present"
    negated: bool = False
    state: Adjective | None = None


class Relative(typing.NamedTuple):
    """A relative clause.

    Attributes:
        clause: the clause with the noun it describes in its place.
        gap: "subject" or "object", what the noun is in it.
    """

    clause: Clause
    gap: str


class Sentence(typing.NamedTuple):
    """A main clause with, perhaps, another clause.

    Attributes:
        main: the main `Clause`.
        question: None for a statement, "" for one of yes and no, or "why", "when".
        connection: None, "and", "but", "because", "although", "when", "while" or "that".
        other: the other `Clause`; None without a connection.
        other_first: whether the other clause comes before the main one.
    """

    main: Clause
    question: str | None = None
    connection: str | None = None
    other: Clause | None = None
    other_first: bool = False
