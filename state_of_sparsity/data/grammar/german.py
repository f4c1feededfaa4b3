"""The German of the grammar corpus: endings, verb forms and the order of words."""

from state_of_sparsity.data.grammar.clauses import Pronoun
from state_of_sparsity.data.grammar.verbs import AUXILIARIES

# Endings for masculine, feminine, neuter and plural, in that order; "-" for none.
_ORDER = "mfnp"


def _table(nominative, accusative, dative):
    return {
        "nominative": nominative.split(),
        "accusative": accusative.split(),
        "dative": dative.split(),
    }


_DER = _table("der die das die", "den die das die", "dem der dem den")
_DIESER = _table("er e es e", "en e es e", "em er em en")
_EIN = _table("- e - e", "en e - e", "em er em en")
_WEAK = _table("e e e en", "en e e en", "en en en en")
_MIXED = _table("er e es en", "en e es en", "en en en en")
_STRONG = _table("er e es e", "en e es e", "em er em en")
_POSSESSIVES = {"a": "ein", "no": "kein", "my": "mein", "our": "unser", "his": "sein", "her": "ihr"}
_NUMBERS = {"two": "zwei", "three": "drei"}
_CONTRACTIONS = {"in dem": "im", "in das": "ins", "von dem": "vom", "an das": "ans"}
_CONNECTIONS = {
    "and": " und",
    "but": ", aber",
    "because": ", weil",
    "although": ", obwohl",
    "when": ", wenn",
    "while": ", während",
    "that": ", dass",
}
_QUESTIONS = {"": "", "why": "warum", "when": "wann"}
_BE = {
    "present": {"first": "bin", "third": "ist", "plural": "sind"},
    "past": {"first": "war", "third": "war", "plural": "waren"},
}
_HAVE = {"first": "habe", "third": "hat", "plural": "haben"}


def german_sentence(sentence):
    """Returns a sentence in German.

    Args:
        sentence: a `grammar_clauses.Sentence`.
    """
    if sentence.question is not None:
        words = [_QUESTIONS[sentence.question], _clause(sentence.main, "first")]
        text = " ".join(filter(None, words)) + "?"
    elif sentence.connection is None:
        text = _clause(sentence.main, "second") + "."
    else:
        order = "second" if sentence.connection in ("and", "but") else "last"
        other = _clause(sentence.other, order)
        connection = _CONNECTIONS[sentence.connection]
        if sentence.other_first:
            # The clause has the first place, so that the verb follows it.
            main = _clause(sentence.main, "first")
            text = f"{connection.removeprefix(', ')} {other}, {main}."
        else:
            text = f"{_clause(sentence.main, 'second')}{connection} {other}."
    return text[0].upper() + text[1:]


def _clause(clause, order):
    """Returns a clause whose finite verb stands "first", "second" or "last"."""
    finite, rest = _verb(clause)
    subject = german_noun_phrase(clause.subject, "nominative")
    relative = getattr(clause.subject, "relative", None)
    if relative:
        subject += f", {_relative(clause.subject, relative)},"
    middle = _middle(clause, front=clause.fronted and order == "second")
    if order == "last":
        # A prefix that a main clause sets apart is one word with its verb again.
        if clause.verb is not None and clause.tense == "present":
            words = [subject, *middle, rest + finite]
        else:
            words = [subject, *middle, rest, finite]
    elif order == "first":
        words = [finite, subject, *middle, rest]
    elif clause.fronted:
        words = [clause.adverb.german, finite, subject, *middle, rest]
    else:
        words = [subject, finite, *middle, rest]
    # A relative clause of an object comes after the end of the main clause.
    last = clause.objects[-1] if clause.objects else None
    if getattr(last, "relative", None):
        return " ".join(filter(None, words)) + f", {_relative(last, last.relative)}"
    return " ".join(filter(None, words))


def _relative(phrase, relative):
    clause = relative.clause
    finite, rest = _verb(clause)
    case = "nominative"
    if relative.gap == "object":
        case = clause.verb.frame
        subject = [german_noun_phrase(clause.subject, "nominative")]
        middle = _middle(clause._replace(objects=()))
    else:
        subject, middle = [], _middle(clause)
    pronoun = "denen" if phrase.plural and case == "dative" else _article(phrase, case)
    end = [rest + finite] if clause.verb and clause.tense == "present" else [rest, finite]
    return " ".join(filter(None, [pronoun, *subject, *middle, *end]))


def _verb(clause):
    """Returns the finite verb and what stands at the end of the main clause."""
    person, verb, tense = clause.subject.person, clause.verb, clause.tense
    if verb is None:
        return _BE[tense][person], ""
    if tense == "present":
        return _present(verb, person), verb.prefix
    if tense == "past":
        forms = _BE["present"] if verb.auxiliary == "sein" else _HAVE
        return forms[person], verb.participle
    _, _, first, third, plural = AUXILIARIES[tense]
    finite = {"first": first, "third": third, "plural": plural}[person]
    return finite, verb.prefix + verb.infinitive


def _present(verb, person):
    if person == "third":
        return verb.german_third
    if person == "plural":
        return verb.infinitive
    stem = verb.infinitive.removesuffix("n")
    return stem if stem.endswith("e") else stem + "e"


def _middle(clause, front=False):
    """Returns what stands between the two parts of the verb, subject and front left out."""
    pronouns, phrases = [], []
    # With "kein" the object says that it is not so, else "nicht" does.
    kein = clause.negated and any(
        not isinstance(phrase, Pronoun) and phrase.indefinite for phrase in clause.objects
    )
    # A relative clause lacks the object that its pronoun stands for.
    for phrase, (preposition, case) in zip(clause.objects, _frame(clause.verb), strict=False):
        if preposition:
            phrases.append(_prepositional(preposition, phrase, case))
        elif isinstance(phrase, Pronoun):
            pronouns.append(phrase.german[case])
        else:
            phrases.append(german_noun_phrase(phrase, case, no=kein and phrase.indefinite))
    adverb = [clause.adverb.german] if clause.adverb and not front else []
    place = [_prepositional("in", clause.place, "dative")] if clause.place else []
    state = [clause.state.german] if clause.state else []
    negation = ["nicht"] if clause.negated and not kein else []
    if clause.verb is not None and " " in clause.verb.frame:
        return [*pronouns, *adverb, *negation, *phrases, *place]
    return [*pronouns, *adverb, *phrases, *negation, *place, *state]


def _frame(verb):
    """Returns `(preposition or "", case)` for each object."""
    if verb is None or verb.frame == "none":
        return []
    if verb.frame == "both":
        return [("", "dative"), ("", "accusative")]
    preposition, _, case = verb.frame.rpartition(" ")
    return [(preposition, case)]


def _prepositional(preposition, phrase, case):
    words = f"{preposition} {german_noun_phrase(phrase, case)}"
    if getattr(phrase, "determiner", None) == "the":
        for long, short in _CONTRACTIONS.items():
            if words.startswith(long + " "):
                return short + words[len(long) :]
    return words


def _article(phrase, case):
    return _DER[case][_column(phrase)]


def _column(phrase):
    return _ORDER.index("p" if phrase.plural else phrase.noun.gender)


def german_noun_phrase(phrase, case, no=False):
    """Returns a noun phrase or pronoun in German, without its relative clause.

    Args:
        phrase: a `NounPhrase` or `Pronoun` of `grammar_clauses`.
        case: "nominative", "accusative" or "dative".
        no: whether "kein" takes the place of "ein" or of no article.

    Example:

    >>> from state_of_sparsity.data.grammar.clauses import NounPhrase
    >>> from state_of_sparsity.data.grammar.nouns import NOUNS
    >>> german_noun_phrase(NounPhrase(NOUNS["dog"], "my"), "accusative")
    'meinen Hund'
    """
    if isinstance(phrase, Pronoun):
        return phrase.german[case]
    column = _column(phrase)
    determiner, endings = _determiner("no" if no else phrase.determiner, case, column)
    words = [determiner] if determiner else []
    if phrase.adjective:
        words.append(phrase.adjective.stem + endings[case][column])
    words.append(_noun(phrase, case))
    return " ".join(words)


def _determiner(determiner, case, column):
    """Returns the German determiner and the endings of an adjective after it."""

    def with_ending(stem, endings):
        return stem + endings[case][column].removeprefix("-")

    if determiner == "the":
        return with_ending("", _DER), _WEAK
    if determiner == "this":
        return with_ending("dies", _DIESER), _WEAK
    if determiner in _POSSESSIVES:
        return with_ending(_POSSESSIVES[determiner], _EIN), _MIXED
    if determiner == "many":
        return with_ending("viel", _DIESER), _STRONG
    return _NUMBERS.get(determiner, ""), _STRONG


def _noun(phrase, case):
    noun = phrase.noun
    if phrase.plural:
        # The dative plural ends in -n, but for plurals in -s.
        ends = noun.german_plural[-1] in "ns"
        return noun.german_plural + ("n" if case == "dative" and not ends else "")
    return noun.german_plural if noun.weak and case != "nominative" else noun.german
