"""Trains an experiment in a run directory, from the start or from its last checkpoint."""

import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training import outcome
from state_of_sparsity.training.devices.strategies import Strategy
from state_of_sparsity.training.experiment import Experiment
from state_of_sparsity.training.first_trace import make_metrics
from state_of_sparsity.training.runs.checkpoint import Checkpoints
from state_of_sparsity.training.runs.divergence import StopOnDivergence
from state_of_sparsity.training.runs.keep_snapshots import KeepSnapshots
from state_of_sparsity.training.runs.metrics_log import MetricsLog
from state_of_sparsity.training.runs.progress import Progress
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.runs.save_checkpoints import SaveCheckpoints
from state_of_sparsity.training.runs.stop_at_evaluation import StopAtEvaluation
from state_of_sparsity.training.runs.training_cost import TrainingCost
from state_of_sparsity.training.start_run import StartRun
from state_of_sparsity.updates.observe import observe
from state_of_sparsity.updates.sparsity_log import SparsityLog
from state_of_sparsity.updates.update_sparsity import UpdateSparsity


def train(
    experiment: Experiment,
    model: keras.Model,
    run_dir: RunDir,
    strategy: Strategy | None = None,
    verbose: bool = True,
    start: Callable[[], object] = lambda: None,
) -> dict[str, Any] | None:
    """Trains to the last step, writes what a run directory holds, and returns the result.

    Where `run_dir` has a checkpoint, training goes on from it and ends, on a CPU, bit for bit as if
    it had never been interrupted. The result is what `result.json` holds, a flat dict; None in
    workers that are not the chief.

    Args:
        experiment: the `Experiment`.
        model: what `experiment.build(strategy)` returned.
        run_dir: the `RunDir`, locked by the caller if this process is the chief.
        strategy: where it trains, as given to `build`; one device if `None`.
        verbose: whether to print progress.
        start: starts the run in `run_dir`, and leaves a started one as it is. The chief calls it
            when the first step has been taken; nothing is written before.

    Raises:
        CheckpointError: if the last checkpoint cannot be used.
        StrategyError: if the workers do not find the same checkpoint.
        TrainingDivergedError: if the loss is no number any more.
        ValueError: if a sparsity schedule cannot reach its end within the run.
    """
    strategy = Strategy() if strategy is None else strategy
    every, averaged = experiment.eval_every, experiment.averaged_checkpoints
    # Two, lest a damaged one ends a run.
    checkpoints = Checkpoints(run_dir.checkpoints, max(2, averaged), strategy.is_chief)
    restored = checkpoints.restore_latest(model) or {"step": 0, "wall_time_s": 0.0}
    step = restored["step"]
    strategy.check_agreement(checkpoint=step)
    driver = UpdateSparsity(strict=True) if sparse_layers(model) else None
    callbacks = experiment.callbacks, restored.get("callbacks", ())
    saver = SaveCheckpoints(checkpoints, every, restored["wall_time_s"], *callbacks)
    keeper = KeepSnapshots(run_dir, experiment, strategy.is_chief, step)
    written: list[keras.callbacks.Callback] = [keeper, saver]
    if strategy.is_chief:
        examples = getattr(experiment.data, "examples_per_step", experiment.data.batch_size)
        shown = verbose, run_dir.is_started
        progress = Progress(run_dir.progress, experiment.last_step, every, examples, *shown)
        progress.phase(f"{'resuming' if step else 'starting'} at step {step}, on {strategy}")
        metrics_log, cost = MetricsLog(run_dir, every, step), TrainingCost(driver)
        begun = StartRun(run_dir, start, experiment.data)
        written = [begun, keeper, cost, metrics_log, saver, progress]
    # A callback may have stopped the run just before it was interrupted.
    end = step if restored.get("stopped") else experiment.last_step
    _fit(experiment, model, strategy, (step, end), driver, written)
    if strategy.is_chief:
        if averaged > 1:
            _take_mean(checkpoints, model, averaged, progress)
        progress.phase("evaluating the stripped model on test data")
        result = outcome.write(experiment, model, run_dir, metrics_log.rows, saver.wall_time_s)
        progress.phase(f"finished: {run_dir.path}")
    strategy.wait_for_all()  # no worker leaves before the chief is done
    return result if strategy.is_chief else None


def _take_mean(checkpoints, model, averaged, progress):
    count = min(averaged, len(checkpoints.paths()))
    progress.phase(f"taking the mean of the last {count} checkpoints")
    checkpoints.restore_latest(model, averaged)


def _observe(experiment, model, strategy):
    """Shows layers the first batches, whole to every replica: they record the mean of them all."""
    batches = itertools.islice(experiment.data.train(0), experiment.observed_batches)
    with strategy.scope():
        observe(model, (keras.tree.map_structure(np.asarray, batch) for batch in batches))


def _fit(experiment, model, strategy, steps, driver, written):
    """Trains from one step to another; callbacks that write come after all that change anything."""
    every, (step, end) = experiment.eval_every, steps
    if not step and experiment.observed_batches:
        _observe(experiment, model, strategy)
    with strategy.scope():
        batches = strategy.batches(experiment.data, step)
        make_metrics(model, batches)
        model.fit(
            batches,
            validation_data=strategy.evaluation_batches(experiment.data.validation()),
            initial_epoch=step // every,
            epochs=end // every,
            steps_per_epoch=every,
            shuffle=False,  # the data set decides the order
            verbose=0,
            callbacks=[
                StopOnDivergence(every),  # before masks are made of NaN
                *([] if driver is None else [driver]),
                SparsityLog(),
                *experiment.callbacks,
                StopAtEvaluation(),
                *written,
            ],
        )
