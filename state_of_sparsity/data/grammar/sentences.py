"""Draws sentences for the grammar corpus: clauses put together after a dozen patterns."""

import random

from state_of_sparsity.data.grammar import adjectives
from state_of_sparsity.data.grammar.actions import ACTIONS, UNINTENDED, Actions
from state_of_sparsity.data.grammar.clauses import HE, IT, SHE, THEY, Clause, NounPhrase, Sentence
from state_of_sparsity.data.grammar.phrases import PERSONS, Phrases
from state_of_sparsity.data.grammar.verbs import SAYINGS, VERBS

_DONE_BY_PERSONS = tuple(verb for verb in ACTIONS if PERSONS[0] in verb.subjects)
_WISHES = tuple(verb for verb in _DONE_BY_PERSONS if verb.english not in UNINTENDED)
_WITH_A_REASON = ("buy", "need", "look for", "read", "wear")
_FOR_A_REASON = tuple(verb for verb in VERBS if verb.english in _WITH_A_REASON)
_NAMED = tuple(noun for noun in PERSONS if {"he", "she"} & noun.tags)


class Sentences:
    """Draws sentences, the same ones for the same seed.

    Only `random.Random(seed).random` is used, whose numbers Python promises to keep from version
    to version.

    Args:
        seed: seed of the draws, an integer.

    Example:

    >>> from state_of_sparsity.data.grammar.german import german_sentence
    >>> german_sentence(Sentences(seed=0).draw())
    'Ein Bäcker hat Fleisch gekocht, obwohl er hungrig war.'
    """

    def __init__(self, seed: int) -> None:
        self._phrases = Phrases(random.Random(seed).random)
        self._actions = Actions(self._phrases)
        patterns = {
            self._statement: 30,
            self._state: 5,
            self._question: 14,
            self._subject_described: 8,
            self._object_described: 8,
            self._reported: 9,
            self._joined: 8,
            self._at_one_time: 9,
            self._because_of_what_happens: 5,
            self._because_of_a_state: 7,
            self._because_of_a_wish: 7,
            self._because_of_what_it_is: 7,
        }
        self._patterns = [pattern for pattern, share in patterns.items() for _ in range(share)]

    def draw(self):
        """Returns the next `grammar_clauses.Sentence`."""
        return self._phrases.pick(self._patterns)()

    def _statement(self):
        return Sentence(self._actions.draw())

    def _state(self):
        verb = self._phrases.pick(VERBS)
        nouns = verb.objects if verb.objects and self._phrases.chance(0.5) else verb.subjects
        nouns = [noun for noun in nouns if "mass" not in noun.tags]
        if not nouns:
            return self._state()
        subject = self._phrases.subject_of(nouns, pronouns=False)._replace(adjective=None)
        return Sentence(self._being(subject, adjectives.ADJECTIVES[subject.noun.kind]))

    def _being(self, subject, states):
        tense = "past" if self._phrases.chance(0.3) else "present"
        may = getattr(subject, "determiner", "the") in ("the", "my", "our", "this")
        negated = may and self._phrases.chance(0.2)
        state = self._phrases.pick(states)
        return Clause(subject, None, tense=tense, negated=negated, state=state)

    def _question(self):
        clause = self._actions.draw(fronted=False, negated=False, adverb=False)
        return Sentence(clause, question=self._phrases.pick(("", "", "", "why", "when")))

    def _subject_described(self):
        main = self._actions.draw(fronted=False, adverb=False)
        if not isinstance(main.subject, NounPhrase):
            return self._subject_described()
        subject = main.subject._replace(determiner="the", adjective=None)
        subject = subject._replace(relative=self._actions.relative(subject))
        return Sentence(main._replace(subject=subject))

    def _object_described(self):
        main = self._actions.draw(fronted=False, negated=False, adverb=False)
        objects = [phrase for phrase in main.objects if isinstance(phrase, NounPhrase)]
        if not objects or main.place or "place" in objects[-1].noun.tags:
            return self._object_described()
        last = objects[-1]._replace(adjective=None)
        if last.determiner != "a":
            last = last._replace(determiner="the")
        last = last._replace(relative=self._actions.relative(last))
        return Sentence(main._replace(objects=(*main.objects[:-1], last)))

    def _reported(self):
        main = Clause(self._phrases.subject_of(PERSONS), self._phrases.pick(SAYINGS))
        return Sentence(main, connection="that", other=self._actions.draw(fronted=False))

    def _joined(self):
        main = self._actions.draw()
        other = self._actions.draw(tense=main.tense, fronted=False, adverb=False)
        return Sentence(main, connection=self._phrases.pick(("and", "and", "but")), other=other)

    def _at_one_time(self):
        first = self._phrases.chance(0.4)
        other = self._actions.draw(
            verbs=ACTIONS, tense="present", fronted=False, negated=False, adverb=False
        )
        main = self._actions.draw(
            verbs=ACTIONS, tense="present", fronted=not first, negated=False, adverb=not first
        )
        if not main.fronted:
            main = main._replace(adverb=None)
        connection = self._phrases.pick(("when", "while"))
        return Sentence(main, connection=connection, other=other, other_first=first)

    def _because_of_what_happens(self):
        main = Clause(
            self._phrases.subject_of(PERSONS),
            None,
            state=self._phrases.pick(adjectives.MOODS),
        )
        other = self._actions.draw(verbs=ACTIONS, fronted=False, adverb=False)
        first = self._phrases.chance(0.3)
        return Sentence(main, connection="because", other=other, other_first=first)

    def _because_of_a_state(self):
        main, pronoun = self._somebody_acting()
        states = adjectives.NEEDS.get(main.verb.english, adjectives.STATES)
        state = self._phrases.pick(states)
        tense = "past" if main.tense == "past" else "present"
        other = Clause(pronoun, None, tense=tense, state=state)
        connection = self._phrases.pick(("because", "although"))
        return Sentence(main, connection=connection, other=other)

    def _because_of_a_wish(self):
        main, pronoun = self._somebody_acting()
        other = self._actions.draw(
            subject=pronoun,
            verbs=_WISHES,
            tense="past" if main.tense == "past" else self._phrases.pick(("want", "must", "can")),
            fronted=False,
            adverb=False,
        )
        connection = self._phrases.pick(("because", "although"))
        return Sentence(main, connection=connection, other=other)

    def _somebody_acting(self):
        """Returns a clause and the pronoun that stands for its subject."""
        subject = self._phrases.subject_of(_NAMED)
        main = self._actions.draw(
            subject=subject,
            verbs=[verb for verb in _DONE_BY_PERSONS if self._may(subject, verb)],
            tense=self._phrases.pick(("present", "present", "past")),
            negated=False,
        )
        if not isinstance(subject, NounPhrase):
            return main, subject
        if subject.plural:
            return main, THEY
        return main, HE if "he" in subject.noun.tags else SHE

    def _may(self, subject, verb):
        return not isinstance(subject, NounPhrase) or subject.noun in verb.subjects

    def _because_of_what_it_is(self):
        """Returns a sentence whose "it" or "they" is the object before."""
        verb = self._phrases.pick(_FOR_A_REASON)
        main = self._actions.draw(verbs=(verb,), tense="present", negated=False)
        thing = main.objects[0]
        states = adjectives.REASONS.get(thing.noun.kind)
        if states is None:
            return self._because_of_what_it_is()
        thing = thing._replace(adjective=None)
        pronoun = THEY if thing.plural else IT[thing.noun.gender]
        other = Clause(pronoun, None, state=self._phrases.pick(states))
        main = main._replace(objects=(thing,), place=None)
        return Sentence(main, connection="because", other=other)
