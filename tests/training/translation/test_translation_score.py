"""`TranslationScore` on a translator that is known to be right or wrong."""

import types

import pytest

from state_of_sparsity.training.translation import translate
from state_of_sparsity.training.translation.translation_score import TranslationScore

PAIRS = [(f"a small house {n}", f"ein kleines Haus mit der Nummer {n}") for n in range(5)]


@pytest.fixture
def data():
    return types.SimpleNamespace(
        text=lambda split: iter(PAIRS), vocabulary="the vocabulary", maximum_length=64
    )


def test_it_scores_all_lines_and_prints_a_few(data, monkeypatch, capsys):
    asked = []

    def right(*arguments, maximum_length):
        asked.append((*arguments, maximum_length))
        return [target for _, target in PAIRS]

    monkeypatch.setattr(translate, "translate", right)
    scores = TranslationScore(beam_size=2, length_penalty=0.3, samples=2)("the model", data, "test")
    assert asked == [("the model", "the vocabulary", [s for s, _ in PAIRS], 2, 0.3, 64)]
    assert scores == pytest.approx({"bleu": 100, "compound_split_bleu": 100})
    printed = capsys.readouterr().out
    assert "of the test text, beam 2, length penalty 0.3" in printed and "version:" in printed
    assert printed.count("source:") == printed.count("reference:") == 2
    assert "Nummer 0" in printed and "Nummer 2" in printed
    TranslationScore()("the model", data, "test", verbose=False)
    assert capsys.readouterr().out == ""


def test_a_wrong_translation_lowers_both_scores(data, monkeypatch):
    wrong = [target for _, target in PAIRS]
    wrong[3] = "ein Haus"
    monkeypatch.setattr(translate, "translate", lambda *_, **__: wrong)
    scores = TranslationScore(samples=0)(None, data, "test")
    assert 50 < scores["bleu"] < 99 and 50 < scores["compound_split_bleu"] < 99


@pytest.mark.parametrize(
    "changes",
    [
        {"beam_size": 0},
        {"beam_size": 1.5},
        {"length_penalty": -1},
        {"length_penalty": "0.6"},
        {"samples": -1},
    ],
)
def test_arguments_out_of_range(changes):
    (name,) = changes
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: "):
        TranslationScore(**changes)
