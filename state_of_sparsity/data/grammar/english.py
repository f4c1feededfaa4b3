"""The English of the grammar corpus: articles, verb forms and the order of words."""

from state_of_sparsity.data.grammar.clauses import Pronoun
from state_of_sparsity.data.grammar.verbs import AUXILIARIES

# What follows a verb but goes before an object of any sort; others, as "up", follow a pronoun.
_PREPOSITIONS = ("for", "at", "to", "of", "with", "into")
_BE = {
    "present": {"first": "am", "third": "is", "plural": "are"},
    "past": {"first": "was", "third": "was", "plural": "were"},
}


def english_sentence(sentence):
    """Returns a sentence in English.

    Args:
        sentence: a `grammar_clauses.Sentence`.
    """
    if sentence.question is not None:
        words = [sentence.question, _question(sentence.main)]
        text = " ".join(filter(None, words)) + "?"
    elif sentence.connection is None:
        text = _statement(sentence.main) + "."
    else:
        main, other = _statement(sentence.main), _statement(sentence.other)
        if sentence.other_first:
            text = f"{sentence.connection} {other}, {main}."
        else:
            comma = "," if sentence.connection == "but" else ""
            text = f"{main}{comma} {sentence.connection} {other}."
    return text[0].upper() + text[1:]


def _statement(clause):
    auxiliary, main = _verb(clause)
    subject = english_noun_phrase(clause.subject)
    relative = getattr(clause.subject, "relative", None)
    if relative:
        subject += f" {_relative(clause.subject, relative)}"
    return _join(clause, subject, auxiliary, main)


def _join(clause, subject, auxiliary, main):
    adverb, often, first = clause.adverb, "", ""
    last = adverb.english if adverb else ""
    if clause.fronted:
        first, last = last, ""
    elif adverb and adverb.often:
        often, last = last, ""
    words = [first, subject, auxiliary, often, main, *_objects(clause), last]
    return " ".join(filter(None, words))


def _question(clause):
    auxiliary, main = _verb(clause, do=True)
    return " ".join([auxiliary, _join(clause, english_noun_phrase(clause.subject), "", main)])


def _relative(phrase, relative):
    clause = relative.clause
    person = "person" in phrase.noun.tags
    auxiliary, main = _verb(clause)
    if relative.gap == "subject":
        return _join(clause, "who" if person else "that", auxiliary, main)
    pronoun = "whom" if person else "that"
    subject = f"{pronoun} {english_noun_phrase(clause.subject)}"
    return _join(clause._replace(objects=()), subject, auxiliary, main)


def _verb(clause, do=False):
    """Returns auxiliary and main verb, with "not" and the forms of "do" where they are due."""
    person, verb, tense = clause.subject.person, clause.verb, clause.tense
    negation = " not" if clause.negated else ""
    if verb is None:
        return _BE[tense][person] + negation, clause.state.english
    does = "does" if person == "third" else "do"
    if tense == "want":
        if do or clause.negated:
            return does + negation, f"want to {verb.base}"
        return "", f"{'wants' if person == 'third' else 'want'} to {verb.base}"
    if tense in AUXILIARIES:
        word = AUXILIARIES[tense][0]
        return ("cannot" if word + negation == "can not" else word + negation), verb.base
    if do or clause.negated:
        return ("did" if tense == "past" else does) + negation, verb.base
    if tense == "past":
        return "", verb.past
    return "", verb.third if person == "third" else verb.base


def _objects(clause):
    """Returns particle, objects and place in their order."""
    particle = clause.verb.particle if clause.verb else ""
    words = []
    for phrase in clause.objects:
        if isinstance(phrase, Pronoun):
            words.append(phrase.english_object)
        else:
            words.append(english_noun_phrase(phrase))
            if phrase.relative:
                words.append(_relative(phrase, phrase.relative))
    after = (
        clause.objects and isinstance(clause.objects[0], Pronoun) and particle not in _PREPOSITIONS
    )
    words = [*words, particle] if after else [particle, *words]
    if clause.place:
        words.append(f"in {english_noun_phrase(clause.place)}")
    return words


def english_noun_phrase(phrase):
    """Returns a noun phrase, or a pronoun as a subject, in English, without its relative clause.

    Args:
        phrase: a `NounPhrase` or `Pronoun` of `grammar_clauses`.

    Example:

    >>> from state_of_sparsity.data.grammar.clauses import NounPhrase
    >>> from state_of_sparsity.data.grammar.nouns import NOUNS
    >>> english_noun_phrase(NounPhrase(NOUNS["apple"], "a"))
    'an apple'
    """
    if isinstance(phrase, Pronoun):
        return phrase.english
    noun = phrase.noun.english_plural if phrase.plural else phrase.noun.english
    words = [phrase.adjective.english, noun] if phrase.adjective else [noun]
    determiner = phrase.determiner
    if determiner == "a" and words[0][0] in "aeiou":
        determiner = "an"
    elif determiner == "this" and phrase.plural:
        determiner = "these"
    return " ".join(filter(None, [determiner, *words]))
