"""Draws clauses for the grammar corpus: who does what to whom, where and when."""

from state_of_sparsity.data.grammar.clauses import (
    HE,
    SHE,
    THEY,
    WE,
    Adverb,
    Clause,
    I,
    NounPhrase,
    Relative,
)
from state_of_sparsity.data.grammar.phrases import Phrases
from state_of_sparsity.data.grammar.verbs import VERBS

ADVERBS = {
    "present": (
        Adverb("today", "heute"),
        Adverb("now", "jetzt"),
        Adverb("every day", "jeden Tag"),
        Adverb("in the evening", "am Abend"),
        Adverb("in the morning", "am Morgen"),
        Adverb("often", "oft", often=True),
        Adverb("sometimes", "manchmal", often=True),
        Adverb("always", "immer", often=True),
    ),
    "past": (Adverb("yesterday", "gestern"), Adverb("last week", "letzte Woche")),
    "future": (
        Adverb("tomorrow", "morgen"),
        Adverb("soon", "bald"),
        Adverb("next week", "nächste Woche"),
    ),
}
_ANY_TIME = (Adverb("today", "heute"), Adverb("now", "jetzt"))
# Of these one does not say when.
_LASTING = ("love", "know", "need", "belong to", "trust")
# Of these one does not say that somebody must or wants to, nor of those above.
UNINTENDED = (
    "lose",
    "forget",
    "fall asleep",
    "wake up",
    "dream of",
    "think of",
    "find",
    "see",
    "hear",
    "cry",
)
ACTIONS = tuple(verb for verb in VERBS if verb.english not in _LASTING)
_MODALS = ("can", "must", "want")
_TENSES = ("present",) * 6 + ("past",) * 3 + ("future", "can", "must", "want")
_RELATIVE_TENSES = ("present", "present", "present", "past", "past", "can", "want")


class Actions:
    """Draws clauses in which somebody does something.

    Args:
        phrases: the `grammar_phrases.Phrases` to draw their parts from.
    """

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases

    def draw(self, subject=None, verbs=VERBS, tense=None, fronted=None, negated=None, adverb=True):
        """Returns a `Clause`; what is None is drawn too.

        Args:
            subject: a `NounPhrase` or `Pronoun` that may be the subject of all the verbs.
            verbs: the verbs to choose from.
            tense: a tense of `Clause`; verbs that have no English past stay in the present.
            fronted: whether an adverb may come first: False for never.
            negated: False for never.
            adverb: whether there may be an adverb.
        """
        phrases = self._phrases
        verb = phrases.pick(verbs)
        if subject is None:
            subject = phrases.subject_of(verb.subjects)
        tense = self._tense(verb, tense)
        negated = negated is not False and tense != "must" and phrases.chance(0.2)
        negated = negated and _may_be_negated(subject, verb)
        place = None
        if verb.places and not negated and phrases.chance(0.35):
            place = self._place(verb, subject)
        clause = Clause(
            subject,
            verb,
            self._objects(verb, subject, definite=negated and verb.frame != "accusative"),
            place,
            tense=tense,
            negated=negated,
        )
        if negated and any(_counted(phrase) for phrase in clause.objects):
            clause = clause._replace(negated=False)
        if adverb and verb in ACTIONS and phrases.chance(0.4):
            clause = self._with_adverb(clause, fronted)
        return clause

    def relative(self, phrase):
        """Returns a `Relative` clause that describes the noun of a phrase.

        Args:
            phrase: the `NounPhrase`.
        """
        noun, phrases = phrase.noun, self._phrases
        own = [verb for verb in VERBS if noun in verb.subjects]
        done = [v for v in VERBS if noun in v.objects and v.frame in ("accusative", "dative")]
        if own and (not done or phrases.chance(0.55)):
            subject = phrase._replace(determiner="the", adjective=None)
            tense = phrases.pick(_RELATIVE_TENSES)
            clause = self.draw(subject, own, tense, fronted=False, negated=False, adverb=False)
            return Relative(clause, "subject")
        verb = phrases.pick(done)
        others = [other for other in verb.subjects if other is not noun]
        tense = self._tense(verb, phrases.pick(_RELATIVE_TENSES))
        clause = Clause(phrases.subject_of(others), verb, (phrase,), tense=tense)
        return Relative(clause, "object")

    def _tense(self, verb, tense):
        tense = tense or self._phrases.pick(_TENSES)
        if tense == "past":
            return "present" if verb.past is None else tense
        if verb not in ACTIONS or (tense in _MODALS and verb.english in UNINTENDED):
            return "present"
        return tense

    def _place(self, verb, subject):
        places = verb.places
        if isinstance(subject, NounPhrase) and subject.noun.kind == "animal":
            places = [place for place in places if "outdoors" in place.tags]
        return self._phrases.place(places) if places else None

    def _objects(self, verb, subject, definite):
        phrases = self._phrases
        if verb.frame == "none":
            return ()
        if verb.frame == "in accusative":
            return (phrases.place(verb.objects),)
        # The one to whom something is given is a person, as the one who gives it.
        receiver = (self._object(verb.subjects, subject, definite),) if verb.frame == "both" else ()
        thing = self._object(verb.objects, subject, definite or bool(receiver), not receiver)
        return (*receiver, thing)

    def _object(self, nouns, subject, definite, pronouns=True):
        persons = all("person" in noun.tags for noun in nouns)
        if pronouns and persons and self._phrases.chance(0.2):
            others = (HE, SHE, THEY) if subject in (I, WE) else (I, WE, HE, SHE, THEY)
            return self._phrases.pick(others)
        return self._phrases.object_of(nouns, subject, definite)

    def _with_adverb(self, clause, fronted):
        adverb = self._phrases.pick(ADVERBS.get(clause.tense, _ANY_TIME))
        if clause.tense in _MODALS and adverb.often:
            return clause
        first = fronted is not False and self._phrases.chance(0.5) and adverb.english != "always"
        if clause.negated and not first:
            return clause
        return clause._replace(adverb=adverb, fronted=first)


def _may_be_negated(subject, verb):
    # "Many men do not ..." may mean that some do not, or that not many do.
    one_reading = getattr(subject, "determiner", "the") in ("the", "my", "our", "this")
    return one_reading and verb.frame != "both"


def _counted(phrase):
    return getattr(phrase, "determiner", "the") in ("two", "three", "many")
