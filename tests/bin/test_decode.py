"""Training on text files given by flags, and decoding others."""

import io
import json
import re
import shutil
import sys
import types

import numpy as np
import pytest

from state_of_sparsity.bin import decode, saved_run, train
from state_of_sparsity.bin.evaluate import evaluate_run
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs import checkpoint
from tests.small_translation import make_pairs, write_text

SMALL = [
    "VOCABULARY_SIZE = 600",
    "MAXIMUM_LENGTH = 32",
    "TOKENS = 128",
    "NUM_LAYERS = 1",
    "BEAM_SIZE = 1",
]
SMALL += [
    "HIDDEN_DIM = 8",
    "INTERMEDIATE_DIM = 8",
    "NUM_HEADS = 2",
    "STEPS = 4",
    "EVAL_EVERY = 2",
    "WARM_UP = 2",
]
SMALL += ["STEPS_PER_EXECUTION = 1"]
PAIRS = make_pairs(longest=5)


def bindings(folder, splits=("train", "validation", "test")):
    """Returns the bindings that the flags of text files stand for."""
    files = write_text(folder, {split: PAIRS[split] for split in splits})
    del files["data_dir"]
    return [f"{name.upper()} = {name_!r}" for name, name_ in files.items()]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns the folder of a finished run, and of its text."""
    folder = tmp_path_factory.mktemp("translation")
    text = bindings(folder)
    pruning = ["SPARSITY = 0.5", "BEGIN_STEP = 0", "END_STEP = 2", "FREQUENCY = 1"]
    pruning += ["AVERAGED_CHECKPOINTS = 2"]
    train.run(
        ["translation/magnitude_pruning.gin"],
        [*SMALL, *text, *pruning],
        folder / "run",
        str(folder),
        verbose=False,
    )
    return folder / "run"


@pytest.fixture(scope="module")
def evaluated(run):
    """Returns what evaluation finds of the run."""
    return evaluate_run(run, str(run.parent))


def test_a_run_keeps_its_vocabulary_and_its_scores(run, evaluated):
    result = json.loads((run / "result.json").read_text())
    assert result["technique"] == "magnitude_pruning" and result["sparsity"] == 0.5
    assert {"bleu", "compound_split_bleu", "token_accuracy", "loss"} < result.keys()
    assert (run / "vocabulary.model").exists()
    recorded = json.loads((run / "run.json").read_text())["config"]
    assert "RUN_DIR = " not in recorded and str(run.parent) not in recorded
    assert evaluated["metrics"] == {
        name: result[name] for name in ("loss", "token_accuracy", "bleu", "compound_split_bleu")
    }


def test_a_run_is_the_mean_of_its_checkpoints_once_it_is_finished(run, tmp_path):
    unfinished = shutil.copytree(run, tmp_path / "run")
    (unfinished / "result.json").unlink()
    mean, last = (saved_run.load(path, str(run.parent))[2] for path in (run, unfinished))
    latest = saved_run.load(unfinished, str(run.parent))[2]
    checkpoint.restore(sorted((run / "checkpoints").iterdir())[-1], latest)
    same = [np.array_equal(a, b) for a, b in zip(last.weights, latest.weights, strict=True)]
    assert all(same)
    assert not all(np.array_equal(a, b) for a, b in zip(mean.weights, last.weights, strict=True))


def test_a_file_is_decoded_and_scored(run, tmp_path, capsys):
    (tmp_path / "in").write_text("the small house\n\nthe mouse sees a tree\n")
    (tmp_path / "right").write_text("das Haus\n\ndie Maus\n")
    decode.decode_run(run, str(tmp_path / "in"), str(tmp_path / "right"), str(tmp_path / "out"))
    lines = (tmp_path / "out").read_text().split("\n")
    assert len(lines) == 4 and lines[1] == lines[3] == ""
    said = capsys.readouterr().err
    assert "room for 600 subwords" in said and "step 4 of 4" in said and "3 of 3 sentences" in said
    assert "written:" in said and said.count("BLEU") == 2 and "moses-de" in said
    vocabulary = str(run / "vocabulary.model")
    decode.decode_model(str(run / "model.keras"), vocabulary, str(tmp_path / "in"), beam_size=1)
    assert capsys.readouterr().out.split("\n") == lines


def test_the_standard_input_is_read(run, monkeypatch, capsys):
    text = io.TextIOWrapper(io.BytesIO(b"the house\nthe tree\n"))
    monkeypatch.setattr(sys, "stdin", text)
    decode.decode_run(run, beam_size=1)
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.slow
def test_a_run_without_test_text_has_no_scores(tmp_path):
    few = [*SMALL, "STEPS = 2", *bindings(tmp_path, ["train"])]
    files = ["translation/dense.gin"]
    result = train.run(files, few, tmp_path / "run", str(tmp_path), verbose=False)
    assert "bleu" not in result and "loss" not in result and result["steps"] == 2
    (tmp_path / "in").write_text("the house\n")
    decode.decode_run(tmp_path / "run", str(tmp_path / "in"), output=str(tmp_path / "out"))
    assert len((tmp_path / "out").read_text().splitlines()) == 1
    with pytest.raises(UsageError, match="`split` must be one that the data set has"):
        evaluate_run(tmp_path / "run", str(tmp_path))


def test_flags_of_text_files_stand_for_macros(monkeypatch):
    given = {"train_source": "a.en", "test_target": "b.de.gz"}
    names = [f"{split}_{side}" for split in PAIRS for side in ("source", "target")]
    flags = {name: types.SimpleNamespace(value=given.get(name)) for name in names}
    monkeypatch.setattr(train, "FLAGS", flags)
    assert train._text_bindings() == ["TRAIN_SOURCE = 'a.en'", "TEST_TARGET = 'b.de.gz'"]


def test_mistakes_are_said_in_a_line(run, tmp_path):
    (tmp_path / "in").write_text("one\ntwo\n")
    (tmp_path / "right").write_text("eins\n")
    (tmp_path / "latin").write_bytes("fünf".encode("latin-1"))
    vocabulary, model = str(run / "vocabulary.model"), str(run / "model.keras")
    for arguments, message in [
        ((str(tmp_path / "in"), str(tmp_path / "right")), "`reference` must have a line for each"),
        ((str(tmp_path / "no"),), "`input` must be a text file that can be read"),
        ((str(tmp_path / "latin"),), "`input` must be UTF-8 text"),
    ]:
        with pytest.raises((UsageError, ValueError), match=message):
            decode.decode_run(run, *arguments)
    (tmp_path / "empty").write_text("")
    with pytest.raises(UsageError, match="`input` must have sentences, one a line"):
        decode.decode_run(run, str(tmp_path / "empty"))
    for output in (tmp_path, tmp_path / "in/out", "/dev/null"):
        with pytest.raises(ValueError, match="`output` must be a file that can be written"):
            decode.decode_run(run, str(tmp_path / "in"), output=str(output))
    with pytest.raises(UsageError, match="`run_dir` must be a run of"):
        decode.decode_run(tmp_path, str(tmp_path / "in"))
    with pytest.raises(ValueError, match="must be a file with a vocabulary"):
        decode.decode_model(model, str(tmp_path / "in"), str(tmp_path / "in"))
    with pytest.raises(UsageError, match=re.escape("`model` must be a `.keras` file")):
        decode.decode_model(str(tmp_path / "in"), vocabulary, str(tmp_path / "in"))


def test_a_foreign_vocabulary_is_refused(run, tmp_path):
    from state_of_sparsity.data.text.vocabulary import Vocabulary

    sentences = [side for pair in PAIRS["train"] for side in pair]
    others = [" ".join(chr(0x4E00 + number) for number in range(first, 800, 3)) for first in (0, 1)]
    larger = Vocabulary.learn([*sentences, *others], 2000)
    assert larger.size > 600
    larger.save(tmp_path / "larger")
    (tmp_path / "in").write_text("one\n")
    (tmp_path / "model.keras").write_bytes((run / "model.keras").read_bytes())
    message = "`vocabulary` must be the one that the model was trained with, of at most 600"
    with pytest.raises(UsageError, match=message):
        decode.decode_model(
            str(tmp_path / "model.keras"), str(tmp_path / "larger"), str(tmp_path / "in")
        )
    Vocabulary.learn(sentences[1:], 600).save(tmp_path / "other")
    message = f"the one that the model was trained with.*--vocabulary={run}/vocabulary.model"
    with pytest.raises(UsageError, match=message):
        decode.decode_model(str(run / "model.keras"), str(tmp_path / "other"), str(tmp_path / "in"))
    shutil.copy(run / "vocabulary.model", tmp_path / "copy")
    output = tmp_path / "out"
    for model, vocabulary in ((run, "copy"), (tmp_path, "other")):  # the second is in no run
        arguments = str(model / "model.keras"), str(tmp_path / vocabulary), str(tmp_path / "in")
        decode.decode_model(*arguments, output=str(output), beam_size=1)
        assert len(output.read_text().splitlines()) == 1


def test_translations_are_utf_8_whatever_the_encoding_of_the_terminal(run, tmp_path, monkeypatch):
    (tmp_path / "in").write_text("a\n")
    text = "Übergröße 🙂"
    monkeypatch.setattr(decode, "_translated", lambda *_: [text])
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    decode.decode_run(run, str(tmp_path / "in"))
    assert written.getvalue() == f"{text}\n".encode()


def test_a_vocabulary_that_is_learned_again_is_not_written(run, evaluated, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "vocabulary.model").unlink()
    before = sorted(copy.rglob("*"))
    assert evaluate_run(copy, str(run.parent)) == {**evaluated, "run_dir": str(copy)}
    assert sorted(copy.rglob("*")) == before


def test_a_translation_is_a_line_whatever_bytes_its_vocabulary_spells(run, tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_translated", lambda *_: ["a\nb\x1b[2J\u2028c", "\u00e9\u00a0d"])
    (tmp_path / "in.en").write_text("a\nb\n")
    decode.decode_run(run, str(tmp_path / "in.en"), output=str(tmp_path / "out.de"))
    written = (tmp_path / "out.de").read_text(encoding="utf-8")
    assert written == "a b [2J c\n\u00e9\u00a0d\n"
