"""Trains one experiment: `python -m state_of_sparsity.bin.train --gin_file=... --run_dir=...`."""

import contextlib
import zlib

import gin
from absl import flags

from state_of_sparsity import output_path
from state_of_sparsity.bin import (
    configured_experiment,
    error_messages,
    gin_app,
    header_commands,
    settings,
    system_errors,
    users_errors,
)
from state_of_sparsity.data import SPLITS
from state_of_sparsity.errors import UsageError

FLAGS = flags.FLAGS

_TEXT_FLAGS = [f"{split}_{side}" for split in SPLITS for side in ("source", "target")]


def main(_):
    """Runs the program; the flags are described by `--help`."""
    bindings = [*FLAGS.gin_binding, *_text_bindings()]
    if FLAGS.dry_run:
        strategy = _strategy(FLAGS.strategy, FLAGS.tpu)
        dry_run(FLAGS.gin_file, bindings, FLAGS.run_dir, FLAGS.data_dir, strategy)
        return
    if not FLAGS.run_dir:
        raise UsageError(
            "`run_dir` must be given: --run_dir=DIRECTORY, or --dry_run to look without training."
        )
    strategy = _strategy(FLAGS.strategy, FLAGS.tpu)
    run(FLAGS.gin_file, bindings, FLAGS.run_dir, FLAGS.data_dir, strategy, mirror=FLAGS.mirror)


def dry_run(gin_files, bindings, directory, data_dir, strategy):
    """Prints what a gin configuration says, with its schedules; trains and writes nothing.

    Args:
        gin_files: paths of gin files.
        bindings: gin bindings, which win over the files.
        directory: the run directory, or None.
        data_dir: where the data lies, or None.
        strategy: where it would train, from `strategy_choice.choose`.

    Raises:
        UsageError: for whatever the user can put right, but for runs that are not there yet.
    """
    config = gin_app.parse(gin_files, bindings, data_dir, directory)
    experiment, model, missing = configured_experiment.build_to_look_at(strategy)
    from state_of_sparsity.training import description, memory_estimate

    print(description.describe(experiment, model, begun=not missing))
    for path, reason in missing.items():
        print(f"\nIt cannot begin yet, and is shown without its masks, a byte a weight. {reason}")
        command = header_commands.that_makes(path, gin_app.gin_configs())
        if command is not None:
            print(f"The command that makes it:\n\n  {command}")
    batch = experiment.data.batch_size, strategy.replicas
    longest = getattr(experiment.data, "maximum_length", None)
    print(f"\n{memory_estimate.memory_estimate(model, *batch, longest)}")
    print(f"\nThe configuration as given:\n\n{config}\nIt would train on {strategy}.")
    print("Dry run: nothing trained or written.")


def run(gin_files, bindings, directory, data_dir=None, strategy=None, verbose=True, mirror=None):
    """Trains what a gin configuration says, or goes on where an earlier process was interrupted.

    Args:
        gin_files: paths of gin files.
        bindings: gin bindings, which win over the files.
        directory: the run directory.
        data_dir: where the data lies, or None.
        strategy: where to train, from `strategy_choice.choose`; one device if None.
        verbose: whether to print progress.
        mirror: where the run directory is kept as well, such as a folder of gs://; or None.

    Returns:
        The result, a flat dict; None where it was finished before, and in all but the chief.

    Raises:
        UsageError: for whatever the user can put right.
    """
    config = gin_app.parse(gin_files, bindings, data_dir, directory)
    given = settings.of_parsed()
    # These import Keras, which `--help` and a wrong flag need not wait for.
    from state_of_sparsity import atomic_write
    from state_of_sparsity.training.data_check import open_data
    from state_of_sparsity.training.devices.strategies import Strategy
    from state_of_sparsity.training.runs.run_dir import RunDir
    from state_of_sparsity.training.train import train

    strategy = Strategy() if strategy is None else strategy
    run_dir = RunDir(directory)
    with _errors_of_the_user(strategy, run_dir), _kept(run_dir, mirror, strategy):
        if strategy.is_chief and not run_dir.is_finished:  # others, and finished runs, only read
            output_path.check_folder("run_dir", directory)
        run_dir.check(config)
        strategy.check_agreement(
            configuration=zlib.crc32(config.encode()), finished=int(run_dir.is_finished)
        )
        if run_dir.is_finished:
            run_dir.read_result()  # a damaged one is none
            if verbose:
                print(f"{run_dir.path} is finished; it is left alone.")
            return None
        with run_dir.lock() if strategy.is_chief else contextlib.nullcontext():
            if run_dir.is_finished and strategy.workers == 1:
                return None  # by a process that held the lock until now
            experiment, model = configured_experiment.build(strategy)
            open_data(experiment.data, model)
            operative = gin.operative_config_str()

            def start():
                run_dir.start(config, given)
                if not run_dir.config.exists():
                    atomic_write.write_text(run_dir.config, operative)

            strategy.wait_for_all()
            # Started by its first step, so that what cannot take one leaves no started run.
            return train(experiment, model, run_dir, strategy, verbose, start)


def _kept(run_dir, mirror, strategy):
    """Returns the context in which a run directory's mirror, if any, is kept."""
    if not mirror:
        return contextlib.nullcontext()
    if strategy.workers > 1:
        raise UsageError(
            "`mirror` must be left out where several machines train one run: give all of them a "
            "`run_dir` that they share."
        )
    from state_of_sparsity.training.runs.mirror import Mirror

    return Mirror(run_dir.path, mirror).kept()


@contextlib.contextmanager
def _errors_of_the_user(strategy, run_dir):
    """Raises what the user can put right as a `UsageError`."""
    try:
        yield
    except UsageError:
        raise
    except strategy.peer_errors as error:
        reason = error_messages.one_line(error, error_messages.SHORT)
        raise UsageError(
            f"Another worker has ended ({reason}). See what it said, end the others, and start all "
            "of them again: they go on from the last checkpoint."
        ) from error
    except OSError as error:
        raise UsageError(system_errors.explain(error, run_dir.path)) from error
    except Exception as error:
        _raise_as_the_users(error, run_dir.is_started)
        raise


def _raise_as_the_users(error, is_started):
    """Raises what a configuration brings about, and what TensorFlow says, as errors of the user.

    A run that is started has taken a step with its configuration: what is raised then is the user's
    where it is about a value, such as NaN at a mask update, or in code that the configuration
    imports, and a mistake of ours otherwise.
    """
    is_the_users = isinstance(error, ValueError) or (
        users_errors.place_in_imported_code(error) is not None
        if is_started
        else users_errors.is_the_users(error)
    )
    if is_the_users:
        raise UsageError(users_errors.explain(error)) from error
    if users_errors.is_about_data(error):
        reason = error_messages.one_line(error, error_messages.SHORT)
        raise UsageError(
            f"TensorFlow cannot go on: {reason} Damaged records and labels that the model has no "
            "class for show like this. --verbosity=1 shows the traceback."
        ) from error


def _strategy(name, tpu):
    """Returns the strategy that flags ask for."""
    from state_of_sparsity.training.devices import strategy_choice

    return strategy_choice.choose(name, tpu)


def _text_bindings():
    """Returns the bindings that flags of text files stand for."""
    given = {name.upper(): FLAGS[name].value for name in _TEXT_FLAGS}
    return [f"{macro} = {name!r}" for macro, name in given.items() if name is not None]


def define_flags():
    """Defines the flags of this program."""
    gin_app.define_flags()
    flags.adopt_module_key_flags(gin_app)
    flags.DEFINE_string("run_dir", None, "Directory of the run; made, resumed or left alone.")
    flags.DEFINE_string(
        "strategy",
        "auto",
        "one_device, mirrored (several GPUs), multi_worker (TF_CONFIG), tpu, data_parallel (JAX), "
        "or auto: told from the machine and the environment.",
    )
    flags.DEFINE_string("tpu", None, "Name of a TPU; 'local' on a TPU machine itself.")
    flags.DEFINE_string(
        "mirror", None, "Where the run is kept as well, such as gs://BUCKET/one, and goes on from."
    )
    for name in _TEXT_FLAGS:
        what = f"Text file of sentences, one a line; sets the macro {name.upper()}."
        flags.DEFINE_string(name, None, what)
    flags.DEFINE_bool("dry_run", False, "Build everything, print it with its schedules, and stop.")


if __name__ == "__main__":
    define_flags()
    gin_app.run(main)
