"""Iterative magnitude pruning: rounds of training, pruning a share of the weights, and rewinding.

    python -m state_of_sparsity.bin.rounds --rounds_dir=runs/rounds \
        --gin_file=quickstart/dense.gin --rounds=5 --share=0.2 --rewind_step=200

Every round is a run directory: `round_00` is the dense run, `round_01` trains what is left of it
when the smallest weights are gone, and so on. With --reinitializations=N each round has N branches,
`reinitialized_1/round_01` and so on: its masks, with weights drawn anew. At the end there is a
table, and `rounds.csv` in the directory has it for plots.

Started again, what is finished is left alone, and what was interrupted goes on from its last
checkpoint. More rounds and branches may be asked for then.

Steps of a run are counted from where it begins, also those of the early stop: those before the step
that it is rewound to are none of its own.
"""

import collections
import contextlib
import functools
import os
import pathlib
import time

from absl import flags

from state_of_sparsity import atomic_write, file_lock, output_path
from state_of_sparsity.analysis import results, run_table
from state_of_sparsity.analysis import rounds as finished_rounds
from state_of_sparsity.bin import (
    gin_app,
    outcomes,
    round_plan,
    round_rehearsal,
    run_workers,
    settings,
    system_errors,
    worker_logs,
)
from state_of_sparsity.bin.outcomes import CRASHED, ELSEWHERE, FAILED, FINISHED, TRAINED
from state_of_sparsity.bin.round_recipe import VARIANTS, WEIGHT_REWINDING, Recipe, layer_share
from state_of_sparsity.bin.workers import WorkerDiedError, Workers
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS

CSV = "rounds.csv"
_SECONDS_FOR_OTHERS = 5.0  # a worker of a process that was killed takes a moment to end


def main(_):
    """Runs the program; the flags are described by `--help`."""
    if not FLAGS.rounds_dir:
        raise UsageError("`rounds_dir` must be given: --rounds_dir=DIRECTORY.")
    recipe = _recipe()
    output_path.check_folder("rounds_dir", FLAGS.rounds_dir)
    directory = pathlib.Path(FLAGS.rounds_dir).expanduser()
    try:
        table = FLAGS.table and run_table.RunTable(output_path.check_file("table", FLAGS.table))
    except ValueError as error:
        raise UsageError(str(error)) from error
    run(FLAGS.gin_file, FLAGS.gin_binding, directory, recipe, FLAGS.data_dir, FLAGS.workers, table)


def run(gin_files, bindings, directory, recipe, data_dir=None, workers=1, table=None):
    """Runs all rounds, and prints each as it ends, and a table of all in the end.

    Args:
        gin_files: paths of the gin files of the dense run.
        bindings: gin bindings, which win over the files.
        directory: the `pathlib.Path` of the directory of all rounds.
        recipe: a `round_recipe.Recipe`.
        data_dir: where the data lies, or None.
        workers: how many runs at once; rounds wait for those before, branches for their round.
        table: the `RunTable` that gets a line for every finished run, or None.

    Raises:
        UsageError: for whatever the user can put right, when all that can run has ended.
        RuntimeError: if a run crashed, likewise.
    """
    if (directory / "run.json").exists():
        raise UsageError(
            f"`rounds_dir` must be no run itself. Received: {directory}. Name the directory that "
            f"run lies in, where {round_plan.DENSE} is the dense run, or choose another."
        )
    gin_app.parse(gin_files, bindings, data_dir)
    plan = round_plan.plan(gin_files, bindings, settings.of_parsed(), recipe)
    if not (directory / plan[1].directory / "run.json").exists():
        round_rehearsal.check(*plan[:2], directory, data_dir)
    directory.mkdir(parents=True, exist_ok=True)
    failed = _run_all(plan, directory, data_dir, workers, table)
    _print_table(directory)
    if failed:
        (name, outcome), *others = failed.items()
        more = f" {len(others)} more failed, as said above." if others else ""
        said = f"{name}: {outcome.text.removeprefix('FAILED: ')}{more}"
        if CRASHED in [each.kind for each in failed.values()]:
            raise RuntimeError(said)
        raise UsageError(f"{said} Once that is put right, run the command again to go on.")


def _run_all(plan, directory, data_dir, workers, table):
    """Runs what is planned; returns the outcomes of the runs that failed, by directory."""
    # Imports Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity.bin.round_progress import RoundProgress

    followers, failed = collections.defaultdict(list), {}
    for each in plan:
        followers[each.needs].append(each)
    waiting = collections.deque((each, directory, data_dir) for each in followers[None])
    progress = RoundProgress(directory, plan, workers)
    print(f"{len(plan)} runs in {directory}. Starting.", flush=True)
    try:
        with progress, contextlib.closing(_outcomes(waiting, directory, workers)) as ending:
            for (done, *_), outcome in ending:
                progress.ended(done.directory)
                if outcome.kind in (TRAINED, FINISHED):
                    outcome = _with_weights_left(outcome, directory, done.directory)
                if outcome.kind in (TRAINED, FINISHED):
                    outcome = _in_table(outcome, directory, done.directory, table)
                    for each in followers[done.directory]:
                        # Rounds first: others wait for them.
                        add = waiting.append if each.is_branch else waiting.appendleft
                        add((each, directory, data_dir))
                if outcome.kind not in (TRAINED, FINISHED):
                    failed[done.directory] = outcome
                eta = "" if done.directory in failed else progress.eta()
                count = f"[{progress.done}/{len(plan)}]"
                print(f"{count} {done.directory}  {outcome.text}{eta}", flush=True)
    except WorkerDiedError as error:
        raise UsageError(run_workers.explained(error, directory)) from error
    except (KeyboardInterrupt, SystemExit) as error:
        run_workers.say_where_it_ended(error, progress.done, len(plan))
        raise
    return failed


def _outcomes(waiting, directory, workers):
    """Yields what is waiting and its outcome as it ends; more may be added meanwhile."""
    if workers == 1:  # all here: a process that is killed leaves nobody behind
        while waiting:
            task = waiting.popleft()
            yield task, run_one(*task)
        return
    worker_logs.remove_those_of_the_dead(directory)
    prepare = functools.partial(run_workers.start, directory, workers)
    with Workers(workers, run_in_worker, prepare) as pool:
        yield from pool.results(waiting)


def run_one(planned, directory, data_dir, log=None):
    """Runs one run in this process and returns its `Outcome`; others get a moment to let go of it.

    Args:
        planned: a `round_plan.PlannedRun`.
        directory: that of all rounds.
        data_dir: where the data lies, or None.
        log: the file that this process's errors go to; None if the user sees them.
    """
    deadline = time.monotonic() + _SECONDS_FOR_OTHERS
    path = directory / planned.directory
    while True:
        outcome = outcomes.of_run(planned.gin_files, planned.bindings, path, data_dir, log)
        if outcome.kind != ELSEWHERE:
            return outcome
        if time.monotonic() > deadline:
            return outcomes.Outcome(ELSEWHERE, f"{outcome.text}. Wait for that to end.")
        time.sleep(0.2)


def run_in_worker(planned, directory, data_dir):
    """Runs one run in a worker process, as `run_one`."""
    return run_one(planned, directory, data_dir, worker_logs.name(os.getpid()))


def _with_weights_left(outcome, directory, name):
    """Returns an outcome that says what is left of the weights; the CSV file has the run, too."""
    try:
        left = 1 - results.read_run(directory / name).sparsity
        with file_lock.hold(directory / f".{CSV}.lock", wait=True):
            atomic_write.remove_leftovers(directory)
            finished_rounds.write_csv(finished_rounds.read(directory), directory / CSV)
    except OSError as error:
        return outcomes.Outcome(FAILED, f"FAILED: {system_errors.explain(error)}")
    except ValueError as error:
        text = f"FAILED: {error}. Put the file back as it was, or remove the run to train it again."
        return outcomes.Outcome(FAILED, text)
    text = f"{100 * left:.2f} % of weights left  {outcome.text}"
    return outcomes.Outcome(outcome.kind, text)


def _in_table(outcome, directory, name, table):
    """Returns an outcome once the table has the run; a failure where that cannot be done."""
    line = f"{directory.resolve().name}/{name}"  # so that several directories may share a table
    problem = table and outcomes.add_to_table(table, directory / name, line)
    return outcomes.Outcome(FAILED, outcome.text + problem) if problem else outcome


def _print_table(directory):
    """Prints a table of all that is finished."""
    with contextlib.suppress(ValueError):  # a damaged run, which was said of those that ended
        lines = finished_rounds.table(finished_rounds.read(directory))
        if lines:
            print("\n".join(["", *lines, "", f"The same, and more, is in {directory / CSV}."]))


def _recipe():
    """Returns the recipe that flags ask for."""
    if FLAGS.rounds is None:
        raise UsageError("`rounds` must be given: --rounds=NUMBER, how often weights are pruned.")
    return Recipe(
        FLAGS.rounds,
        FLAGS.share,
        FLAGS.by_layer,
        tuple(map(layer_share, FLAGS.layer_share)),
        FLAGS.variant,
        FLAGS.rewind_step,
        FLAGS.final_rate,
        FLAGS.reinitializations,
    )


def define_flags():
    """Defines the flags of this program."""
    gin_app.define_flags()
    flags.adopt_module_key_flags(gin_app)
    most = round_plan.MOST_ROUNDS, round_plan.MOST_BRANCHES
    flags.DEFINE_string("rounds_dir", None, "Directory of all rounds; made, or gone on with.")
    flags.DEFINE_integer(
        "rounds", None, "How often weights are pruned.", lower_bound=1, upper_bound=most[0]
    )
    flags.DEFINE_float("share", 0.2, "Share of the weights left that each round prunes.")
    flags.DEFINE_bool("by_layer", False, "Prune that share of each layer, not of all together.")
    flags.DEFINE_multi_string(
        "layer_share",
        [],
        "'REGEX=SHARE': the share of layers whose path has REGEX in it; 0 leaves them dense. "
        "May be given repeatedly, the first that fits holds.",
    )
    flags.DEFINE_enum(
        "variant",
        WEIGHT_REWINDING,
        VARIANTS,
        "What follows pruning: weights and learning rate of --rewind_step (iterative magnitude "
        "pruning; with step 0 lottery tickets), the learning rate alone from step 0, or neither.",
    )
    flags.DEFINE_integer("rewind_step", 0, "The step to rewind weights to.", lower_bound=0)
    flags.DEFINE_float("final_rate", None, "Learning rate of fine-tuning; the schedule's last.")
    flags.DEFINE_integer(
        "reinitializations",
        0,
        "Branches of each round: its masks, weights drawn anew.",
        lower_bound=0,
        upper_bound=most[1],
    )
    flags.DEFINE_integer("workers", 1, "How many runs at once, if they may.", lower_bound=1)
    flags.DEFINE_string("table", None, "CSV file that gets a line for every finished run.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
