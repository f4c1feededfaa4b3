"""BLEU against numbers counted by hand and a slow, plain statement of `multi-bleu.perl`."""

import collections
import math

import pytest

from state_of_sparsity.analysis.bleu import compound_split_bleu, sacre_bleu, split_compounds


def ngrams(line, n):
    words = line.split()
    return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def multi_bleu(translations, references):
    """What `multi-bleu.perl` prints for tokenized lines: BLEU, precisions, brevity penalty."""
    precisions = []
    for n in (1, 2, 3, 4):
        correct = total = 0
        for translation, reference in zip(translations, references, strict=True):
            found, allowed = ngrams(translation, n), ngrams(reference, n)
            correct += sum(min(count, allowed[ngram]) for ngram, count in found.items())
            total += sum(found.values())
        precisions.append(correct / total if total else 0)
    length, wanted = (sum(len(x.split()) for x in lines) for lines in (translations, references))
    brevity = 1 if length >= wanted else math.exp(1 - wanted / length)
    mean = math.exp(sum(map(math.log, precisions)) / 4) if min(precisions) else 0
    return 100 * brevity * mean, [100 * p for p in precisions], brevity


TRANSLATIONS = ["Die E-Mail ist da.", "Er sagt: das ist gut", "Das ist das Haus, z.B. dieses."]
REFERENCES = [
    "Die E-Mail ist hier.",
    "Sie sagt: das ist sehr gut",
    "Das ist ein Haus, z.B. dieses.",
]
TOKENIZED = [
    "Die E ##AT##-##AT## Mail ist da .",
    "Er sagt : das ist gut",
    "Das ist das Haus , z.B. dieses .",
]
TOKENIZED_REFERENCES = [
    "Die E ##AT##-##AT## Mail ist hier .",
    "Sie sagt : das ist sehr gut",
    "Das ist ein Haus , z.B. dieses .",
]


def test_counted_by_hand():
    """One line: 6 of 7 words, 4 of 6 pairs, 3 of 5 triples, 2 of 4 of four words are right."""
    bleu = compound_split_bleu(TRANSLATIONS[:1], REFERENCES[:1])
    assert bleu.precisions == pytest.approx([100 * 6 / 7, 100 * 4 / 6, 100 * 3 / 5, 100 * 2 / 4])
    assert bleu.score == pytest.approx(100 * (6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** 0.25)
    assert bleu.brevity_penalty == 1


def test_the_compound_split_score_is_that_of_multi_bleu():
    bleu = compound_split_bleu(TRANSLATIONS, REFERENCES)
    score, precisions, brevity = multi_bleu(TOKENIZED, TOKENIZED_REFERENCES)
    assert 0 < score < 100 and brevity < 1
    assert bleu.score == pytest.approx(score)
    assert bleu.precisions == pytest.approx(precisions)
    assert bleu.brevity_penalty == pytest.approx(brevity)


def test_references_that_are_tokenized():
    tokenized = [line.replace(" ##AT##-##AT## ", "-") for line in TOKENIZED_REFERENCES]
    expected = compound_split_bleu(TRANSLATIONS, REFERENCES)
    assert compound_split_bleu(TRANSLATIONS, tokenized, tokenized_references=True) == expected
    # Tokenized once more, what was escaped would be escaped again.
    both = ["sagt &quot; ja &quot; und geht"], ['sagt "ja" und geht']
    assert compound_split_bleu(both[1], both[0], tokenized_references=True).score == pytest.approx(
        100
    )
    assert compound_split_bleu(both[1], both[0]).score < 100


def test_quotes_of_unicode_are_those_of_ascii():
    assert compound_split_bleu(
        ["er sagt “ja” zu ihr"], ['er sagt "ja" zu ihr']
    ).score == pytest.approx(100)


def test_compared_as_it_is_written():
    assert compound_split_bleu(["das ist gut so"], ["Das ist gut so"]).precisions[0] == 75


def test_nothing_right_is_zero_and_not_smoothed():
    assert compound_split_bleu(["ja"], ["nein"]).score == 0
    assert compound_split_bleu(["das ist ja gut"], ["das ist sehr gut"]).score == 0
    assert compound_split_bleu([""], ["nein"]).score == 0
    assert sacre_bleu(["das ist ja gut"], ["das ist sehr gut"]).score > 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("E-Mail", "E ##AT##-##AT## Mail"),
        ("rich-text E-Mail", "rich ##AT##-##AT## text E ##AT##-##AT## Mail"),
        ("Ost - West", "Ost - West"),
        ("-5 bis 5-", "-5 bis 5-"),
        # As perl does: a letter that one hyphen took is not there for the next.
        ("a-b-c", "a ##AT##-##AT## b-c"),
        ("ab-cd-ef", "ab ##AT##-##AT## cd ##AT##-##AT## ef"),
    ],
)
def test_compounds(line, expected):
    assert split_compounds(line) == expected


def test_sacre_bleu():
    # Its tokenizer takes the full stop off: 6 of 7 words, 4 of 6, 3 of 5 and 2 of 4.
    bleu = sacre_bleu(["ein Hund ist auf dem Sofa."], ["ein Hund ist auf dem Bett."])
    assert bleu.precisions == pytest.approx([100 * 6 / 7, 100 * 4 / 6, 100 * 3 / 5, 100 * 2 / 4])
    assert sacre_bleu(["ein Hund"], ["ein Hund schläft"]).brevity_penalty == pytest.approx(
        math.exp(1 - 3 / 2)
    )


def test_signatures_say_how_it_was_computed():
    lines = ["Das ist gut ."]
    signature = sacre_bleu(lines, lines).signature
    assert signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    compounds = compound_split_bleu(lines, lines)
    assert compounds.signature.startswith(
        "moses-de+compounds|nrefs:1|case:mixed|eff:no|tok:none|smooth:none|version:"
    )
    assert str(compounds).startswith("BLEU 100.00 (100.0/100.0/100.0/100.0, brevity penalty 1.000;")
    assert str(compounds).endswith(f"; {compounds.signature})")


@pytest.mark.parametrize("bleu", [sacre_bleu, compound_split_bleu])
@pytest.mark.parametrize(("translations", "references"), [(["a", "b"], ["a"]), ([], []), ([], "a")])
def test_numbers_of_lines_that_differ(bleu, translations, references):
    lines = f"{len(translations)} and {len(references)}"
    with pytest.raises(ValueError, match="`translations` and `references` must have the same") as e:
        bleu(translations, list(references))
    assert f"Received: {lines}. Give an empty line" in str(e.value)
