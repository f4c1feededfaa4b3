import re

import pytest

from state_of_sparsity.data.grammar import actions
from state_of_sparsity.data.grammar.adjectives import ADJECTIVES
from state_of_sparsity.data.grammar.clauses import (
    HE,
    IT,
    SHE,
    THEY,
    WE,
    Clause,
    I,
    NounPhrase,
    Relative,
    Sentence,
)
from state_of_sparsity.data.grammar.english import english_noun_phrase, english_sentence
from state_of_sparsity.data.grammar.german import german_noun_phrase, german_sentence
from state_of_sparsity.data.grammar.nouns import NOUNS
from state_of_sparsity.data.grammar.sentences import Sentences
from state_of_sparsity.data.grammar.verbs import SAYINGS, VERBS

CASES = ("nominative", "accusative", "dative")
ADJECTIVE = {word.english: word for words in ADJECTIVES.values() for word in words}
ADVERB = {word.english: word for words in actions.ADVERBS.values() for word in words}
VERB = {verb.english: verb for verb in reversed(VERBS)} | {v.english: v for v in SAYINGS}


def phrase(text, **more):
    """Returns the `NounPhrase` of an English one."""
    words = text.split()
    plurals = {noun.english_plural: noun for noun in NOUNS.values()}
    plural = words[-1] not in NOUNS
    noun = plurals[words[-1]] if plural else NOUNS[words[-1]]
    adjective = ADJECTIVE[words[-2]] if len(words) > 1 and words[-2] in ADJECTIVE else None
    determiner = {"an": "a", "these": "this"}.get(words[0], words[0])
    if words[0] in (words[-1], adjective and adjective.english):
        determiner = ""
    return NounPhrase(noun, determiner, adjective, plural, **more)


def clause(subject, verb=None, *objects, **more):
    def made(part):
        return phrase(part) if isinstance(part, str) else part

    for key, words in (("state", ADJECTIVE), ("adverb", ADVERB)):
        if key in more:
            more[key] = words[more[key]]
    if "place" in more:
        more["place"] = phrase(more["place"])
    verb = VERB[verb] if verb else None
    return Clause(made(subject), verb, tuple(made(part) for part in objects), **more)


PHRASES = """
the old man | der alte Mann | den alten Mann | dem alten Mann
the old woman | die alte Frau | die alte Frau | der alten Frau
the small child | das kleine Kind | das kleine Kind | dem kleinen Kind
the old men | die alten Männer | die alten Männer | den alten Männern
an old man | ein alter Mann | einen alten Mann | einem alten Mann
an old woman | eine alte Frau | eine alte Frau | einer alten Frau
a small child | ein kleines Kind | ein kleines Kind | einem kleinen Kind
old men | alte Männer | alte Männer | alten Männern
my new key | mein neuer Schlüssel | meinen neuen Schlüssel | meinem neuen Schlüssel
our cat | unsere Katze | unsere Katze | unserer Katze
his old house | sein altes Haus | sein altes Haus | seinem alten Haus
her red bags | ihre roten Taschen | ihre roten Taschen | ihren roten Taschen
this black coat | dieser schwarze Mantel | diesen schwarzen Mantel | diesem schwarzen Mantel
this lamp | diese Lampe | diese Lampe | dieser Lampe
this big book | dieses große Buch | dieses große Buch | diesem großen Buch
these big cars | diese großen Autos | diese großen Autos | diesen großen Autos
two clever sons | zwei kluge Söhne | zwei kluge Söhne | zwei klugen Söhnen
many sad girls | viele traurige Mädchen | viele traurige Mädchen | vielen traurigen Mädchen
hot coffee | heißer Kaffee | heißen Kaffee | heißem Kaffee
warm soup | warme Suppe | warme Suppe | warmer Suppe
cold water | kaltes Wasser | kaltes Wasser | kaltem Wasser
the boy | der Junge | den Jungen | dem Jungen
a neighbor | ein Nachbar | einen Nachbarn | einem Nachbarn
the boys | die Jungen | die Jungen | den Jungen
an expensive hat | ein teurer Hut | einen teuren Hut | einem teuren Hut
a dark room | ein dunkles Zimmer | ein dunkles Zimmer | einem dunklen Zimmer
a tired uncle | ein müder Onkel | einen müden Onkel | einem müden Onkel
"""


@pytest.mark.parametrize("line", PHRASES.strip().split("\n"))
def test_agreement(line):
    english, *german = line.split(" | ")
    made = phrase(english)
    assert english_noun_phrase(made) == english
    assert [german_noun_phrase(made, case) for case in CASES] == german


def test_no_takes_the_place_of_the_article():
    assert german_noun_phrase(phrase("an old dog"), "accusative", no=True) == "keinen alten Hund"
    assert german_noun_phrase(phrase("red apples"), "accusative", no=True) == "keine roten Äpfel"
    assert german_noun_phrase(phrase("cold milk"), "accusative", no=True) == "keine kalte Milch"


def statement(*arguments, **more):
    return Sentence(clause(*arguments, **more))


def question(word, *arguments, **more):
    return Sentence(clause(*arguments, **more), question=word)


def described(text, gap, *arguments, **more):
    return phrase(text)._replace(relative=Relative(clause(*arguments, **more), gap))


def joined(main, connection, other, first=False):
    return Sentence(main, connection=connection, other=other, other_first=first)


OPENING = clause("the woman", "open", "the window")
SLEEPING = clause("the dog", "sleep")
SENTENCES = [
    # the verb second
    (
        statement("the old man", "see", "the dog"),
        "The old man sees the dog.",
        "Der alte Mann sieht den Hund.",
    ),
    (
        statement("the old man", "see", "the dog", adverb="today", fronted=True),
        "Today the old man sees the dog.",
        "Heute sieht der alte Mann den Hund.",
    ),
    (
        statement("the men", "buy", "bread", adverb="often"),
        "The men often buy bread.",
        "Die Männer kaufen oft Brot.",
    ),
    (
        statement(I, "feed", "the cat", adverb="every day"),
        "I feed the cat every day.",
        "Ich füttere jeden Tag die Katze.",
    ),
    # separable verbs
    (Sentence(OPENING), "The woman opens the window.", "Die Frau macht das Fenster auf."),
    (
        statement("the woman", "open", "the window", tense="past"),
        "The woman opened the window.",
        "Die Frau hat das Fenster aufgemacht.",
    ),
    (
        statement("the woman", "open", "the window", tense="must"),
        "The woman must open the window.",
        "Die Frau muss das Fenster aufmachen.",
    ),
    (
        joined(clause("the man", "say"), "that", OPENING),
        "The man says that the woman opens the window.",
        "Der Mann sagt, dass die Frau das Fenster aufmacht.",
    ),
    (
        statement(SHE, "pick up", THEY, tense="want"),
        "She wants to pick them up.",
        "Sie will sie abholen.",
    ),
    # other clauses
    (
        joined(OPENING, "because", clause(SHE, state="tired")),
        "The woman opens the window because she is tired.",
        "Die Frau macht das Fenster auf, weil sie müde ist.",
    ),
    (
        joined(clause("the cats", "play"), "when", SLEEPING, first=True),
        "When the dog sleeps, the cats play.",
        "Wenn der Hund schläft, spielen die Katzen.",
    ),
    (
        joined(SLEEPING, "although", clause(HE, "help", "the child", tense="past")),
        "The dog sleeps although he helped the child.",
        "Der Hund schläft, obwohl er dem Kind geholfen hat.",
    ),
    (
        joined(SLEEPING, "but", OPENING),
        "The dog sleeps, but the woman opens the window.",
        "Der Hund schläft, aber die Frau macht das Fenster auf.",
    ),
    *(
        (
            joined(clause("the man", "buy", thing), "because", clause(IT[gender], state="new")),
            f"The man buys {thing} because it is new.",
            f"Der Mann kauft {german}, weil {pronoun} neu ist.",
        )
        for thing, gender, german, pronoun in (
            ("the table", "m", "den Tisch", "er"),
            ("the lamp", "f", "die Lampe", "sie"),
            ("the book", "n", "das Buch", "es"),
        )
    ),
    # cases that verbs and prepositions want
    (
        statement("my friends", "thank", "the doctor"),
        "My friends thank the doctor.",
        "Meine Freunde danken dem Arzt.",
    ),
    (
        statement("the man", "give", "the child", "an apple"),
        "The man gives the child an apple.",
        "Der Mann gibt dem Kind einen Apfel.",
    ),
    (
        statement(WE, "wait for", "the boy", tense="future", adverb="tomorrow", fronted=True),
        "Tomorrow we will wait for the boy.",
        "Morgen werden wir auf den Jungen warten.",
    ),
    (
        statement("the cat", "sleep", place="the garden"),
        "The cat sleeps in the garden.",
        "Die Katze schläft im Garten.",
    ),
    (
        statement("the girls", "go into", "the house", tense="past"),
        "The girls went into the house.",
        "Die Mädchen sind ins Haus gegangen.",
    ),
    (
        statement(HE, "speak with", "three bakers"),
        "He speaks with three bakers.",
        "Er spricht mit drei Bäckern.",
    ),
    # negation
    (
        statement("the man", "see", "the dog", negated=True),
        "The man does not see the dog.",
        "Der Mann sieht den Hund nicht.",
    ),
    (
        statement("the man", "buy", "a car", negated=True),
        "The man does not buy a car.",
        "Der Mann kauft kein Auto.",
    ),
    (
        statement("the woman", "close", "the door", negated=True),
        "The woman does not close the door.",
        "Die Frau macht die Tür nicht zu.",
    ),
    (
        statement(I, "wait for", HE, negated=True, tense="can"),
        "I cannot wait for him.",
        "Ich kann nicht auf ihn warten.",
    ),
    (
        statement("the houses", state="old", negated=True, tense="past"),
        "The houses were not old.",
        "Die Häuser waren nicht alt.",
    ),
    # questions
    (
        question("", "the man", "see", "the dog"),
        "Does the man see the dog?",
        "Sieht der Mann den Hund?",
    ),
    (
        question("why", "the man", "call", WE, tense="past"),
        "Why did the man call us?",
        "Warum hat der Mann uns angerufen?",
    ),
    # relative clauses
    (
        statement(described("the man", "subject", "the man", "feed", "the dog"), "sleep"),
        "The man who feeds the dog sleeps.",
        "Der Mann, der den Hund füttert, schläft.",
    ),
    (
        statement("the girl", "turn off", described("a lamp", "object", I, "find", "a lamp")),
        "The girl turns off a lamp that I find.",
        "Das Mädchen schaltet eine Lampe aus, die ich finde.",
    ),
    (
        statement(described("the boys", "object", SHE, "help", "the boys"), "laugh"),
        "The boys whom she helps laugh.",
        "Die Jungen, denen sie hilft, lachen.",
    ),
]


@pytest.mark.parametrize(("sentence", "english", "german"), SENTENCES)
def test_sentences(sentence, english, german):
    assert english_sentence(sentence) == english
    assert german_sentence(sentence) == german


def test_animals_eat_with_another_word():
    eating = [verb for verb in VERBS if verb.english == "eat"]
    words = {noun.german: verb.infinitive for verb in eating for noun in verb.subjects}
    assert (words["Mann"], words["Hund"]) == ("essen", "fressen")
    assert all(not set(a.subjects) & set(b.subjects) for a in eating for b in eating if a is not b)


def test_where_the_parts_of_verbs_stand():
    sentences = Sentences(seed=1)
    prefixes = 0
    for _ in range(3000):
        sentence = sentences.draw()
        main, german = sentence.main, german_sentence(sentence)
        if sentence.connection is not None or any(
            getattr(part, "relative", None) for part in (main.subject, *main.objects)
        ):
            continue
        words = re.findall(r"\w+", german)
        if main.verb is None:
            assert words[-1] == main.state.german
        elif main.tense == "present" and main.verb.prefix:
            prefixes += 1
            assert words[-1] == main.verb.prefix
        elif main.tense == "past":
            assert words[-1] == main.verb.participle
        elif main.tense != "present":
            assert words[-1] == main.verb.prefix + main.verb.infinitive
    assert prefixes > 100


def test_the_verb_of_another_clause_stands_last():
    sentences = Sentences(seed=2)
    seen = set()
    for _ in range(3000):
        sentence = sentences.draw()
        if sentence.connection in (None, "and", "but"):
            continue
        clauses = re.split(r", |\.", german_sentence(sentence))
        last = clauses[0 if sentence.other_first else 1].split()[-1]
        other = sentence.other
        if other.verb is not None and other.tense == "present":
            assert last.startswith(other.verb.prefix)
            assert last.endswith(("t", "e", "n", "isst", "weiß")), last
        else:
            finite = "bin ist sind war waren habe hat haben werde wird werden kann können muss"
            assert last in f"{finite} müssen will wollen".split(), last
        seen.add((sentence.connection, sentence.other_first))
    assert len(seen) == 8


def test_tables_say_each_thing_once():
    assert len({noun.german for noun in NOUNS.values()}) == len(NOUNS)
    keys = [(verb.english, noun) for verb in VERBS for noun in verb.subjects if not verb.objects]
    assert len(keys) == len(set(keys))
    for verb in VERBS:
        assert verb.subjects, verb.english
        assert bool(verb.objects) == (verb.frame != "none"), verb.english
        assert verb.participle.startswith(verb.prefix)
    for noun in NOUNS.values():
        assert noun.kind in ADJECTIVES
        assert noun.german[0].isupper()
