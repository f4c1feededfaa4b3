"""Translates text by a trained Transformer, and scores it where there are references.

    python -m state_of_sparsity.bin.decode --run_dir=runs/one --input=test.en --output=test.de.out
    python -m state_of_sparsity.bin.decode --run_dir=runs/one --input=test.en --reference=test.de
    echo "A dog sleeps." | python -m state_of_sparsity.bin.decode --run_dir=runs/one

Line i of the output is the translation of line i of the input. Messages go to the standard error.
"""

import math
import os
import pathlib
import re
import sys
import time

from absl import flags

from state_of_sparsity import atomic_write, output_path
from state_of_sparsity.bin import gin_app, saved_run, users_errors
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS

_SECONDS_BETWEEN_REPORTS = 10.0


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if bool(FLAGS.run_dir) == bool(FLAGS.model):
        raise UsageError(
            "Either `run_dir` or `model` must be given: --run_dir=DIRECTORY, or --model=FILE.keras "
            f"with --vocabulary=FILE. Received: {'both' if FLAGS.model else 'neither'}."
        )
    if bool(FLAGS.model) != bool(FLAGS.vocabulary):
        raise UsageError(
            "`vocabulary` must be given with `model`, and only then: a run has its own, the file "
            f"vocabulary.model. Received: model={FLAGS.model}, vocabulary={FLAGS.vocabulary}."
        )
    if FLAGS.length_penalty is not None and not math.isfinite(FLAGS.length_penalty):
        raise UsageError(
            f"`length_penalty` must be a finite number. Received: {FLAGS.length_penalty}."
        )
    text = FLAGS.input, FLAGS.reference, FLAGS.output
    search = FLAGS.beam_size, FLAGS.length_penalty
    try:
        if FLAGS.model:
            decode_model(FLAGS.model, FLAGS.vocabulary, *text, *search)
        else:
            decode_run(FLAGS.run_dir, *text, *search, FLAGS.trust_run_dir)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(users_errors.explain(error)) from error


def decode_run(
    directory,
    source="-",
    reference=None,
    output=None,
    beam_size=None,
    length_penalty=None,
    trusted=False,
):
    """Translates text by the model that a run last saved.

    Args:
        directory: the run directory; nothing is written there.
        source: text file, a sentence a line; "-" for the standard input.
        reference: text file of right translations, or None.
        output: file for the translations; None for the standard output.
        beam_size: beams of the search, at least 1; 1 is greedy. None for what the run scores with.
        length_penalty: how much long translations are favoured, at least 0. None: as before.
        trusted: whether the recorded configuration may name anything, and so run any code.

    Raises:
        UsageError: for whatever the user can put right.
        ValueError: the same, of text and vocabulary.
    """
    # These import Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.data.text.translation import Translation
    from state_of_sparsity.surgery import structure
    from state_of_sparsity.surgery.strip import strip

    text = _text(source, reference)
    output = output and output_path.check_file("output", output, [source, reference])
    run_dir, experiment, model, step = saved_run.load(directory, trusted=trusted)
    if not isinstance(experiment.data, Translation):
        raise UsageError(
            f"`run_dir` must be a run that learned to translate. Received: {directory}, whose data "
            f"are {type(experiment.data).__name__}."
        )
    _say(f"{run_dir.path}, step {step:,} of {experiment.last_step:,}")
    plain = strip(model) if structure.sparse_layers(model) else model
    data = experiment.data
    search = _search_settings(experiment, beam_size, length_penalty)
    _decode(plain, data.vocabulary, text, output, search, data.maximum_length)


def decode_model(
    model,
    vocabulary,
    source="-",
    reference=None,
    output=None,
    beam_size=None,
    length_penalty=None,
):
    """Translates text by the model of a `.keras` file.

    Args:
        model: the file.
        vocabulary: the file of the vocabulary that the model was trained with.
        source: all others as for `decode_run`.
        reference: see there.
        output: see there.
        beam_size: see there; None for 4.
        length_penalty: see there; None for 0.6.

    Raises:
        UsageError: for whatever the user can put right.
        ValueError: the same, of text and vocabulary.
    """
    from state_of_sparsity.data.text.vocabulary import Vocabulary

    text = _text(source, reference)
    inputs = source, reference, model, vocabulary
    output = output and output_path.check_file("output", output, inputs)
    found = saved_run.load_model(model), Vocabulary.load(vocabulary)
    _check_is_the_runs(model, found[1], vocabulary)
    _decode(*found, text, output, _search_settings(None, beam_size, length_penalty))


def _search_settings(experiment, beam_size, length_penalty):
    """Returns arguments of `translate`: those given, else those that the run scores with."""
    from state_of_sparsity.training.translation.translation_score import TranslationScore

    evaluators = experiment.evaluators if experiment is not None else ()
    own = next((s for s in evaluators if isinstance(s, TranslationScore)), TranslationScore())
    given = {"beam_size": beam_size, "length_penalty": length_penalty}
    return {name: getattr(own, name) if value is None else value for name, value in given.items()}


def _decode(model, vocabulary, text, output, search, maximum_length=256):
    _check_fit(model, vocabulary)
    sentences, references = text
    translations = _translated(model, vocabulary, sentences, search, maximum_length)
    lines = "".join(f"{_in_one_line(translation)}\n" for translation in translations)
    if output:
        atomic_write.write_text(output, lines)
        _say(f"written: {output}")
    else:
        sys.stdout.reconfigure(encoding="utf-8")  # as what is read, on every machine
        sys.stdout.write(lines)
        sys.stdout.flush()
    if references is not None:
        _print_scores(translations, references)


def _in_one_line(text):
    """Returns text without ends of lines and what terminals obey: vocabularies spell any byte."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)


def _translated(model, vocabulary, sentences, search, maximum_length):
    """Returns the translations of sentences; says on the standard error how far it is."""
    from state_of_sparsity.training.translation.translate import translate

    begin = reported = time.monotonic()

    def progress(done, total):
        nonlocal reported
        now = time.monotonic()
        if done and (now - reported > _SECONDS_BETWEEN_REPORTS or done == total):
            rate = done / max(now - begin, 1e-9)
            left = f", ETA {(total - done) / rate:.0f} s" if done < total else ""
            _say(f"{done:,} of {total:,} sentences, {rate:,.1f} a second{left}")
            reported = now

    settings = {"maximum_length": maximum_length, "progress": progress}
    return translate(model, vocabulary, sentences, **search, **settings)


def _text(source, reference):
    """Returns the sentences, and the references or None; both before a model is loaded."""
    from state_of_sparsity.data.text.parallel_text import read_lines

    sentences = list(read_lines(os.path.expanduser(source), "input"))
    if not sentences:
        raise UsageError(
            f"`input` must have sentences, one a line. Received: {source}, which is empty."
        )
    if reference is None:
        return sentences, None
    references = list(read_lines(os.path.expanduser(reference), "reference"))
    if len(references) != len(sentences):
        raise UsageError(
            f"`reference` must have a line for each of `input`. Received: {len(references):,} "
            f"lines for {len(sentences):,}."
        )
    return sentences, references


def _check_fit(model, vocabulary):
    embedding = next((x for x in model.layers if x.name == "shared_embedding"), None)
    room = getattr(getattr(embedding, "layer", embedding), "input_dim", None)
    if room is None:
        raise UsageError(
            "`model` must be a Transformer of state_of_sparsity.models.transformer. Received: "
            f"'{model.name}', which has no layer 'shared_embedding'."
        )
    if vocabulary.size > room:
        raise UsageError(
            f"`vocabulary` must be the one that the model was trained with, of at most {room:,} "
            f"subwords. Received: one of {vocabulary.size:,}."
        )
    if vocabulary.size < room:
        _say(
            f"The model has room for {room:,} subwords, the vocabulary has {vocabulary.size:,}. "
            "After a small text that is right; else see that both were trained together."
        )


def _check_is_the_runs(model, vocabulary, received):
    """Refuses a vocabulary that is not the one of the run whose directory the model lies in."""
    from state_of_sparsity.data.text.translation import FILE
    from state_of_sparsity.data.text.vocabulary import Vocabulary
    from state_of_sparsity.training.runs.run_dir import RunDir

    own = pathlib.Path(model).expanduser().with_name(FILE)
    is_run = RunDir(own.parent).state.exists() and own.exists()
    if is_run and Vocabulary.load(own).digest() != vocabulary.digest():
        raise UsageError(
            "`vocabulary` must be the one that the model was trained with. Received: "
            f"{received}, but the run that the model lies in has another: --vocabulary={own}."
        )


def _print_scores(translations, references):
    from state_of_sparsity.analysis.bleu import compound_split_bleu, sacre_bleu

    for score in (sacre_bleu, compound_split_bleu):
        _say(str(score(translations, references)))


def _say(text):
    print(text, file=sys.stderr, flush=True)


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_string("run_dir", None, "Directory of a run, finished or not.")
    flags.DEFINE_bool("trust_run_dir", False, saved_run.TRUST)
    flags.DEFINE_string("model", None, "A .keras file of a Transformer, with --vocabulary.")
    flags.DEFINE_string("vocabulary", None, "File of the vocabulary that the model has.")
    flags.DEFINE_string("input", "-", "Text file, a sentence a line, or - for the standard input.")
    flags.DEFINE_string("output", None, "File for the translations; the standard output if none.")
    flags.DEFINE_string("reference", None, "Text file of right translations, to score by.")
    own = "Default: what the run scores with; with --model,"
    beams = f"Beams of the search; 1 is greedy. {own} 4."
    flags.DEFINE_integer("beam_size", None, beams, lower_bound=1)
    penalty = f"How much long translations are favoured. {own} 0.6."
    flags.DEFINE_float("length_penalty", None, penalty, lower_bound=0.0)


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
