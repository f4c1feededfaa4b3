"""What programs configured by absl flags and gin files share: flags, parsing, checks, errors."""

import importlib.util
import os
import pathlib
import re
import sys
import traceback

import gin
from absl import app, flags, logging

from state_of_sparsity.bin import (
    gin_internals,
    gin_messages,
    gin_parsing,
    gin_values,
    interruptions,
    recorded_defaults,
    start_up,
    system_errors,
)
from state_of_sparsity.errors import UsageError

# TensorFlow's start says a dozen lines about the machine otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow turns oneDNN on only where the CPU has AVX-512; convolutions on others gain as well.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

DATA_DIR_MACRO = "DATA_DIR"
RUN_DIR_MACRO = "RUN_DIR"


def define_flags():
    """Defines the flags of programs that take a gin configuration."""
    flags.DEFINE_multi_string(
        "gin_file", [], "Gin file, e.g. quickstart/magnitude_pruning.gin. May be given repeatedly."
    )
    flags.DEFINE_multi_string(
        "gin_binding", [], "Gin binding, e.g. 'SPARSITY = 0.9'. May be given repeatedly."
    )
    flags.DEFINE_string("data_dir", None, f"Where the data lies; sets the macro {DATA_DIR_MACRO}.")


def run(main):
    """Runs `main(argv)` by absl; errors of the user become one line and exit code 2.

    With `--verbosity=1` their traceback comes before. Mistakes of ours come with theirs, and exit
    code 1.
    """

    def parse_flags(argv):
        try:
            return app.parse_flags_with_usage(argv) if _wants_help(argv) else flags.FLAGS(argv)
        except flags.Error as error:
            _exit_with(str(error))

    def guarded(argv):
        if len(argv) > 1:
            _exit_with(
                f"Unexpected argument {argv[1]!r}: everything is given by flags, see --help."
            )
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TensorFlow tells much about its strategies
        try:
            main(argv)
            sys.stdout.flush()  # here, where an error can still be said
        except UsageError as error:
            _exit_with(str(error), error)
        except BrokenPipeError:
            _end_at_closed_pipe()
        except OSError as error:
            _exit_with(system_errors.explain(error), error)
        except KeyboardInterrupt:
            print("\nInterrupted. Run the same command to go on.", file=sys.stderr)
            sys.exit(130)

    interruptions.keep()
    start_up.prepare()
    app.run(guarded, flags_parser=parse_flags)


def parse(gin_files, bindings, data_dir=None, run_dir=None):
    """Parses a gin configuration and checks it.

    Files are looked for in the working directory, then among those of the package, with or without
    `gin_configs/` in front.

    Args:
        gin_files: paths of gin files.
        bindings: gin bindings, which win over the files.
        data_dir: value of the macro `DATA_DIR`, or None.
        run_dir: value of the macro `RUN_DIR`, where the files use it, or None.

    Returns:
        The configuration as given, as text that is equal for equal configurations. Where data and
        run lie is left out, so that a run may go on where they have moved.

    Raises:
        UsageError: for a wrong file, binding, macro or parameter.
    """
    if not gin_files:
        raise UsageError(
            "`gin_file` must name at least one gin file. Try "
            "--gin_file=quickstart/magnitude_pruning.gin"
        )
    _prepare()
    gin.clear_config()
    bindings = list(bindings)
    if data_dir is not None:
        bindings.append(f"{DATA_DIR_MACRO} = {data_dir!r}")
    try:
        gin_parsing.parse(gin_files, bindings)
    except gin_parsing.GinError as error:
        raise UsageError(gin_messages.explain(error, gin_configs())) from error
    if run_dir is not None and gin_messages.uses_macro(RUN_DIR_MACRO):
        gin_parsing.parse_bindings([f"{RUN_DIR_MACRO} = {os.fspath(run_dir)!r}"])
    problems = gin_messages.macro_problems() or gin_values.circles() or gin_values.misread()
    if problems:
        raise UsageError(" ".join(problems))
    gin.finalize()
    # gin continues a long line after a backslash.
    places = rf"(?m)^({DATA_DIR_MACRO}|{RUN_DIR_MACRO}) = (.*\\\n)*.*\n"
    text = re.sub(places, "", gin.config_str())
    recorded_defaults.bind()
    return text


def check_all_used():
    """Raises where something is bound that the objects built so far never asked for.

    Raises:
        UsageError: naming the bindings without effect.
    """
    unused, where = gin_messages.unused_bindings(gin_configs())
    if unused:
        raise UsageError(
            f"Nothing uses the configuration of {', '.join(unused)}. Remove it, or refer to it "
            f"by a reference such as @{unused[0]}.{where}"
        )


def gin_configs():
    """Returns the folder of gin files: inside the installed package, or beside it in a clone."""
    package = pathlib.Path(__file__).resolve().parents[1]
    inside = package / "gin_configs"
    return inside if inside.is_dir() else package.parent / "gin_configs"


def _prepare():
    """Readies gin, once a process."""
    if _prepare.done:
        return
    if _is_installed("tensorflow"):
        import tensorflow as tf

        # `import gin.tf` does this, and fails on TensorFlow 2.21.
        gin.config.register_file_reader(tf.io.gfile.GFile, tf.io.gfile.exists)
    gin_internals.remove_resource_reader()
    gin.add_config_file_search_path(str(gin_configs()))
    gin.add_config_file_search_path(str(gin_configs().parent))
    _prepare.done = True


_prepare.done = False  # type: ignore[attr-defined]


def _is_installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # its import is blocked
        return False


def _wants_help(argv):
    return any(re.fullmatch(r"--?(help|helpfull|helpshort|helpxml|\?)", a) for a in argv[1:])


def _exit_with(message, error=None):
    if error is not None and flags.FLAGS.verbosity > 0:
        traceback.print_exception(error)
    print(f"Error: {_printable(message)}", file=sys.stderr)
    _give_up_output()
    sys.exit(2)


def _printable(message):
    """Returns a message in one line, without what terminals would obey: names may be strangers'."""
    line = " ".join(part.strip() for part in message.splitlines())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _end_at_closed_pipe():
    """Ends as others do whose reader, such as `head`, has seen enough."""
    _give_up_output()
    sys.exit(128 + 13)  # as a shell says of SIGPIPE


def _give_up_output():
    """Keeps Python from writing, at its end, to an output that takes no more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
