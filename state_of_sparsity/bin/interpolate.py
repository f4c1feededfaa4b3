"""Loss and error on the straight line between two runs of one model: are they linearly connected?

    python -m state_of_sparsity.bin.interpolate --run_dir=runs/copy_1 --run_dir=runs/copy_2 \\
        --output_dir=instability
    python -m state_of_sparsity.bin.interpolate --run_dir=runs/scratch --run_dir=runs/pruned \\
        --mask=second --from=-0.2 --to=1.2 --points=29 --split=train --output_dir=barrier

The first is the instability analysis of Frankle et al. (2020), of two copies of a run from one step
with other orders of the data: tickets/copy.gin. The second is the line of Evci et al. (2019).
"""

import math
import pathlib

from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.bin import (
    configured_experiment,
    error_messages,
    gin_app,
    interpolation_page,
    interpolation_progress,
    judged_alike,
    output_folder,
    saved_run,
    users_errors,
)
from state_of_sparsity.data import SPLITS
from state_of_sparsity.errors import UsageError
from state_of_sparsity.training.runs.run_dir import LAST

FLAGS = flags.FLAGS

MASKS = ("none", "first", "second")
STATISTICS = ("recomputed", "interpolated")
_MOST_POINTS = 10_000


def main(_):
    """Runs the program; the flags are described by `--help`."""
    _check_flags()
    output_path.check_folder("output_dir", FLAGS.output_dir)
    output_dir = pathlib.Path(FLAGS.output_dir).expanduser()
    output_folder.check_is_no_others(output_dir, interpolation_page.PAGE, interpolation_page.TITLE)
    steps = _steps(FLAGS.step)
    run_dirs = [saved_run.find(directory) for directory in FLAGS.run_dir]
    with saved_run.errors_naming_data_dir(FLAGS.data_dir):
        saved_run.parse_recorded(run_dirs[0], FLAGS.data_dir, FLAGS.trust_run_dir)
        experiment = configured_experiment.make()
        rows, facts, doubts = _measure(experiment, run_dirs, steps)
    ends = tuple(run_dir.path.name for run_dir in run_dirs)
    interpolation_page.write(rows, facts, ends, output_dir, doubts)


def _check_flags():
    if len(FLAGS.run_dir) != 2:
        raise UsageError(
            "`run_dir` must be given twice: --run_dir=FIRST --run_dir=SECOND. "
            f"Received: {len(FLAGS.run_dir)} of them."
        )
    if not FLAGS.output_dir:
        raise UsageError("`output_dir` must be given: --output_dir=DIRECTORY.")
    first, last = FLAGS["from"].value, FLAGS["to"].value
    if not (math.isfinite(first) and first <= 0):
        raise UsageError(f"`from` must be a number of at most 0, the first run. Received: {first}.")
    if not (math.isfinite(last) and last >= 1):
        raise UsageError(f"`to` must be a number of at least 1, the second run. Received: {last}.")
    for name, least, most in (("points", 2, _MOST_POINTS), ("train_batches", 1, None)):
        value = FLAGS[name].value
        if value < least or (most is not None and value > most):
            allowed = f"at least {least}" + ("" if most is None else f" and at most {most:,}")
            raise UsageError(f"`{name}` must be {allowed}. Received: {value}.")


def _steps(texts):
    """Returns the steps of both runs, of the flags of one or two."""
    texts = texts or [LAST]
    if len(texts) > 2:
        raise UsageError(
            "`step` must be given once, for both runs, or twice, for the first and the second. "
            f"Received: {len(texts)} of them."
        )
    wrong = [text for text in texts if text != LAST and not (text.isascii() and text.isdigit())]
    if wrong:
        raise UsageError(
            f"`step` must be a number of steps, such as 0, or '{LAST}'. Received: {wrong[0]}."
        )
    steps = [text if text == LAST else int(text) for text in texts]
    return steps * 2 if len(steps) == 1 else steps


def _measure(experiment, run_dirs, steps):
    """Returns the rows of the table, what was measured in words, and why it is to be doubted."""
    # These import Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.training import interpolation, kept_state

    with users_errors.in_one_line():
        model = interpolation.plain_model(experiment)
        kept = []
        for run_dir, step in zip(run_dirs, steps, strict=True):
            found = kept_state.read(run_dir.path, experiment.seed, step, "run_dir")
            kept.append(kept_state.fitted(model, found, f"`run_dir`, {run_dir.path},"))
        splits, said = _splits(experiment.data)
    ends = _ends(kept)
    statistics, prepare = _statistics(experiment.data, model)
    alphas = interpolation.places(FLAGS["from"].value, FLAGS["to"].value, FLAGS.points)
    measured = experiment.loss, experiment.metrics, prepare
    rows = interpolation.on_line(model, ends, alphas, splits, *measured)
    facts = [
        *map(interpolation_page.run_in_words, run_dirs, kept, ("first, at 0", "second, at 1")),
        "Computed in float32.",
        f"Masks: {_masks_in_words()}.",
        f"Batch normalization: {statistics}.",
        *(f"{split} data: {text}.".capitalize() for split, text in said.items()),
    ]
    others = judged_alike.other_settings(*(run_dir.read_settings() for run_dir in run_dirs))
    facts += [others] if others else []
    print("\n".join(facts), flush=True)
    try:
        rows = interpolation_progress.told(rows, len(alphas), len(splits))
    except Exception as error:
        if not users_errors.is_about_data(error):
            raise
        raise UsageError(
            "The model must fit the data, the loss and the metrics of the first run's "
            f"configuration. Received: {error_messages.one_line(error, error_messages.SHORT)}"
        ) from error
    return rows, facts, _doubts(rows, run_dirs, kept, model)


def _doubts(rows, run_dirs, kept, model):
    """Returns lines on ends whose figures are not their runs' own, where they should be."""
    from state_of_sparsity.training import batch_statistics

    if FLAGS.batch_norm == "recomputed" and batch_statistics.normalization_layers(model):
        return []
    found = [
        judged_alike.not_as_recorded(rows, place, run_dirs[place], kept[place].step)
        for place in (0, 1)
        if FLAGS.mask in (MASKS[0], MASKS[place + 1])
    ]
    return [line for line in found if line]


def _splits(data):
    """Returns the batches of each split that was asked for, and what they are in words."""
    from state_of_sparsity.training import split_batches

    splits, said = {}, {}
    for split in dict.fromkeys(FLAGS.split):
        splits[split], said[split] = split_batches.of_split(data, split, FLAGS.train_batches)
        if splits[split] is None:
            raise UsageError(
                f"`split` must be one that the data set has. Received: {split}, for which the data "
                "of the configuration has no examples."
            )
    return splits, said


def _ends(kept):
    """Returns the weights of both ends, under one mask where that was asked for."""
    from state_of_sparsity.training import interpolation

    if FLAGS.mask == MASKS[0]:
        return tuple(each.as_evaluated for each in kept)
    masks = kept[MASKS.index(FLAGS.mask) - 1].masks
    if all(mask.all() for mask in masks.values()):
        raise UsageError(
            f"`mask` must be none, or name a run with zeros. Received: {FLAGS.mask}, which is "
            "dense at that step."
        )
    return tuple(interpolation.masked(each.as_evaluated, masks) for each in kept)


def _statistics(data, model):
    """Returns what is done about batch normalization in words, and the function that does it."""
    from state_of_sparsity.training import batch_statistics, split_batches

    if not batch_statistics.normalization_layers(model):
        return "the model has none", lambda model: None
    if FLAGS.batch_norm == "interpolated":
        return "statistics interpolated as weights are", lambda model: None

    def recompute(model):
        inputs = split_batches.training_inputs(data, FLAGS.train_batches)
        batch_statistics.recompute(model, inputs)

    return (
        "statistics recomputed at each place, the ends too, over the first "
        f"{FLAGS.train_batches:,} training batches, as they are trained on"
    ), recompute


def _masks_in_words():
    if FLAGS.mask == MASKS[0]:
        return "each end has its own zeros"
    return f"those of the {FLAGS.mask} run, on both ends"


def define_flags():
    """Defines the flags of this program."""
    flags.DEFINE_multi_string("run_dir", [], "Directory of a run: the first, then the second.")
    flags.DEFINE_bool("trust_run_dir", False, saved_run.TRUST)
    flags.DEFINE_string("data_dir", None, "Where the data lies.")
    flags.DEFINE_multi_string(
        "step", [], f"Step that a run has kept, or '{LAST}'. Once for both runs, or twice."
    )
    flags.DEFINE_enum(
        "mask", MASKS[0], MASKS, "Run whose masks both ends get; none: each has its own zeros."
    )
    flags.DEFINE_integer("points", 30, "How many places, evenly spaced; 0 and 1 are added.")
    flags.DEFINE_float("from", 0.0, "First place, at most 0, the first run.")
    flags.DEFINE_float("to", 1.0, "Last place, at least 1, the second run.")
    flags.DEFINE_multi_enum(
        "split", ["test"], SPLITS, "Part of the data set to evaluate on. May be given repeatedly."
    )
    flags.DEFINE_enum(
        "batch_norm",
        STATISTICS[0],
        STATISTICS,
        "Statistics of batch normalization: recomputed on training batches at each place, as "
        "Garipov et al. (2018) and REPAIR do, or interpolated as weights are.",
    )
    flags.DEFINE_integer(
        "train_batches", 100, "Training batches that stand for the training data, if not all can."
    )
    flags.DEFINE_string("output_dir", None, "Where the table, the page and its plot go.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
