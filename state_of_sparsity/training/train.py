"""Trains an experiment in a run directory, from the start or from its last checkpoint."""

from state_of_sparsity.callbacks import SparsityLog, UpdateSparsity
from state_of_sparsity.structure import sparse_layers
from state_of_sparsity.training import outcome
from state_of_sparsity.training.checkpoint import Checkpoints
from state_of_sparsity.training.divergence import StopOnDivergence
from state_of_sparsity.training.metrics_log import MetricsLog
from state_of_sparsity.training.progress import Progress
from state_of_sparsity.training.save_checkpoints import SaveCheckpoints


def train(experiment, model, run_dir, verbose=True):
    """Trains to the last step, writes what a run directory holds, and returns the result.

    Where `run_dir` has a checkpoint, training goes on from it and ends, on a CPU, bit for bit as if
    it had never been interrupted.

    Args:
        experiment: the `Experiment`.
        model: what `experiment.build()` returned.
        run_dir: a started `RunDir`, locked by the caller.
        verbose: whether to print progress.

    Returns:
        The contents of `result.json`, a flat dict.

    Raises:
        CheckpointError: if the last checkpoint cannot be used.
        TrainingDivergedError: if the loss is no number any more.
        ValueError: if a sparsity schedule cannot reach its end within the run.
    """
    every = experiment.eval_every
    progress = Progress(
        run_dir.progress, experiment.steps, every, experiment.data.batch_size, verbose
    )
    checkpoints = Checkpoints(run_dir.checkpoints)
    restored = checkpoints.restore_latest(model) or {"step": 0, "wall_time_s": 0.0}
    step = restored["step"]
    progress.phase(f"resuming at step {step}" if step else "starting at step 0")
    metrics_log = MetricsLog(run_dir, every, step)
    save_checkpoints = SaveCheckpoints(checkpoints, every, restored["wall_time_s"])
    driver = [UpdateSparsity(strict=True)] if sparse_layers(model) else []
    model.fit(
        experiment.data.train(step),
        validation_data=experiment.data.validation(),
        initial_epoch=step // every,
        epochs=experiment.steps // every,
        steps_per_epoch=every,
        shuffle=False,  # the data set decides the order
        verbose=0,
        callbacks=[
            StopOnDivergence(every),  # before masks are made of NaN
            *driver,
            SparsityLog(),
            *experiment.callbacks,
            metrics_log,
            save_checkpoints,
            progress,
        ],
    )
    progress.phase("evaluating the stripped model on test data")
    result = outcome.write(
        experiment, model, run_dir, metrics_log.rows, save_checkpoints.wall_time_s
    )
    progress.phase(f"finished: {run_dir.path}")
    return result
