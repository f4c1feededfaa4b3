"""Whether the rounds can begin as they are planned, known before the dense run has been trained."""

import pathlib

from state_of_sparsity.bin import configured_experiment, gin_app, users_errors
from state_of_sparsity.bin.round_plan import PlannedRun
from state_of_sparsity.errors import UsageError


def check(dense: PlannedRun, first: PlannedRun, directory: pathlib.Path, data_dir=None):
    """Raises unless the first round could begin from a dense run; nothing is trained.

    Steps, learning rate and shares are those of all rounds, so what is wrong with them shows here:
    the untrained model is pruned as the trained one will be.

    Args:
        dense: the run that it begins from.
        first: the first round.
        directory: that of all rounds.
        data_dir: where the data lies, or None.

    Raises:
        UsageError: naming the run, and what is wrong.
    """
    # These import Keras, which `--help` and a wrong flag need not wait for.
    import keras

    from state_of_sparsity.surgery.fix_masks import fix_masks
    from state_of_sparsity.training.runs import snapshot

    for run in (dense, first):
        try:
            gin_app.parse(run.gin_files, run.bindings, data_dir, directory / run.directory)
            experiment = configured_experiment.make(to_train=True)
            if run is first:
                with users_errors.in_one_line():
                    start = experiment.start
                    start.set_learning_rate(experiment.optimizer(), experiment.steps)
                    model = experiment.model()
                    fix_masks(model, start.masks(snapshot.take(model, 0), experiment.seed))
        except UsageError as error:
            bound = [each for each in run.bindings if each.startswith("REWIND_STEP")]
            rewound = f" (`rewind_step` is {bound[0].split()[-1]})" if bound else ""
            raise UsageError(f"{run.directory} could not begin{rewound}: {error}") from error
        keras.backend.clear_session()
