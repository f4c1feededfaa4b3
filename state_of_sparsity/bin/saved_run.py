"""What a run saved: its configuration, experiment and model, and files of models."""

import contextlib
import pathlib
import re
import tempfile

from state_of_sparsity.bin import (
    configured_experiment,
    error_messages,
    gin_app,
    gin_parsing,
    model_files,
    recorded_configuration,
)
from state_of_sparsity.errors import UsageError

TRUST = (
    "Evaluate a run whose configuration names more than this package's gin files may, such as "
    "modules of your own. Its code runs: docs/security.md."
)


def load(directory, data_dir=None, trusted=False):
    """Returns a run, its experiment, and the model as the run last saved it.

    Args:
        directory: the run directory; nothing is written there.
        data_dir: where the data lies, or None.
        trusted: whether the recorded configuration may name anything, and so run any code.

    Returns:
        `(run_dir, experiment, model, step)`: the `RunDir`, the `Experiment`, the model, which is
        sparse where the run has a checkpoint, and the steps it was trained for.

    Raises:
        UsageError: for whatever the user can put right.
    """
    run_dir = find(directory)
    parse_recorded(run_dir, data_dir, trusted)
    # Imports Keras, which what is refused need not wait for.
    from state_of_sparsity.training.devices.strategies import Strategy

    experiment, model = configured_experiment.build(Strategy(), recorded=True)
    # What was averaged is what a finished run left, and not where another one stands.
    averaged = experiment.averaged_checkpoints if run_dir.is_finished else 1
    return run_dir, experiment, *_last_saved(run_dir, model, averaged)


@contextlib.contextmanager
def errors_naming_data_dir(data_dir):
    """Adds the flag to errors about `data_dir`, where it was not given."""
    try:
        yield
    except UsageError as error:
        if data_dir is not None or not re.search("`data_dir`|No such file", str(error)):
            raise
        raise UsageError(
            f"{error} A run does not record where its data lay: give --data_dir=DIRECTORY."
        ) from error


def find(directory):
    """Returns the `RunDir` of a run that has been started.

    Raises:
        UsageError: if there is none.
    """
    from state_of_sparsity.training.runs.run_dir import RunDir

    run_dir = RunDir(directory)
    if not run_dir.is_started:
        raise UsageError(
            "`run_dir` must be a run of state_of_sparsity.bin.train, which has a run.json. "
            f"Received: {directory}."
        )
    return run_dir


def load_model(path):
    """Returns the model of a `.keras` file.

    Raises:
        UsageError: if Keras cannot load it.
    """
    import keras

    try:
        path = pathlib.Path(path).expanduser()
        model_files.check(path)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}")
        return model
    except Exception as error:  # the readers of damaged files raise nearly anything
        raise UsageError(
            f"`model` must be a `.keras` file that Keras can load. Received: {path} "
            f"({error_messages.one_line(error, error_messages.SHORT)})."
        ) from error


def parse_recorded(run_dir, data_dir=None, trusted=False):
    """Parses the configuration that a run was started with.

    Args:
        run_dir: its `RunDir`.
        data_dir: where the data lies, or None.
        trusted: whether the configuration may name anything, and so run any code.

    Raises:
        UsageError: if it names what it may not, or cannot be parsed.
    """
    config = run_dir.read_config()
    if not trusted:
        recorded_configuration.check(config, run_dir.path)
    # A run does not record where its data lay.
    missing = data_dir is None and f"%{gin_app.DATA_DIR_MACRO}" in config
    bindings = [f"{gin_app.DATA_DIR_MACRO} = None"] if missing else []
    recorded = f"the configuration in {pathlib.Path(run_dir.path) / 'run.json'}"
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "run.gin"
        file.write_text(config, encoding="utf-8")
        try:
            gin_app.parse([str(file)], bindings, data_dir, run_dir.path)
        except UsageError as error:
            raise UsageError(str(error).replace(str(file), recorded)) from error
    for key, place in gin_parsing.places.items():  # nobody can look into the temporary file
        gin_parsing.places[key] = place.replace(str(file), recorded)


def _last_saved(run_dir, model, averaged):
    """Returns the model as the run last saved it, sparse where it has a checkpoint, and its step.

    Args:
        run_dir: a `RunDir`.
        model: the run's model as built; a checkpoint is restored into it.
        averaged: of how many checkpoints to take the mean.
    """
    from state_of_sparsity.training.runs.checkpoint import Checkpoints

    restored = Checkpoints(run_dir.checkpoints, write=False).restore_latest(model, averaged)
    steps = run_dir.read_result()["steps"] if run_dir.is_finished else None
    if restored is not None and steps in (None, restored["step"]):
        return model, restored["step"]
    if steps is None:
        raise UsageError(
            f"`run_dir` must have a checkpoint. Received: {run_dir.path}, which has none yet. "
            "Wait for its first validation, or start its training again."
        )
    return load_model(run_dir.model), steps  # its last checkpoint is gone
