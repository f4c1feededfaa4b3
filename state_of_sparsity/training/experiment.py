"""What is trained, on what, how and for how long."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from state_of_sparsity.arguments import check_integer
from state_of_sparsity.optimizers.learning_rate import schedule_of
from state_of_sparsity.surgery.sparsify import sparsify
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training.devices.strategies import Strategy
from state_of_sparsity.training.experiment_check import (
    MOST_STEPS,
    check_fields,
    check_made,
    check_reached,
)
from state_of_sparsity.training.optimizer_check import check_optimizer
from state_of_sparsity.training.tickets import Start
from state_of_sparsity.updates.due import SparsityUpdates
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.keras_internals import all_layers


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One training experiment; everything is injected, and nothing is built before `build`.

    Args:
        name: what reports call it.
        model: callable without arguments that returns a built Keras model.
        data: a data set as `state_of_sparsity.data` describes.
        optimizer: callable without arguments that returns a Keras optimizer.
        loss: a Keras loss.
        steps: optimizer steps, a multiple of `eval_every`; with a `start`, those of the schedules,
            of which it may begin late or take longer.
        eval_every: steps between validations, which are also when metrics and a checkpoint are
            written; a multiple of `steps_per_execution`.
        metrics: Keras metrics or their names.
        evaluators: callables `(model, data, split, verbose=True) -> {name: number}` that judge the
            stripped model when training has ended, by what no Keras metric can say, such as the
            BLEU of its translations.
        rules: what `sparsify` takes, a callable `layer -> wrapper` or a list of pairs; None trains
            the dense model.
        seed: seed of initial weights and of all noise, from 0 to 2**32 - 1. (The order of the data
            has its own.)
        steps_per_execution: optimizer steps in one call from Python. Masks change between calls.
        precision: Keras's dtype policy for all layers: "float32", "mixed_bfloat16" or
            "mixed_float16". Kernels, masks and what else is learned stay float32.
        jit_compile: whether XLA compiles the steps: True, False, or "auto", which leaves it to
            Keras.
        averaged_checkpoints: the stripped model has the mean of the weights at so many of the last
            validations, or of those there are where a callback stops the run; 1 for the weights of
            the last step.
        callbacks: Keras callbacks, called before metrics and checkpoints are written, in every
            worker. One that stops the run has it end at the next evaluation. Of their state,
            checkpoints hold attributes that are numbers, text, or lists of these, and no arguments
            of their constructors.
        kept_steps: steps whose state is kept in the run directory (`training.runs.snapshot`) beside
            step 0 and the last, for other runs to begin from; multiples of `steps_per_execution`.
        kept_optimizer: whether what is kept has the optimizer's state too.
        observed_batches: how many of the first training batches `sos.observe` shows the sparse
            layers before step 0, for techniques that set masks by gradients or inputs then (SNIP,
            Wanda).
        start: a `tickets.Start`, where the run does not begin with weights of its own; None for one
            that does.

    Raises:
        ValueError: if a field is of another type or out of range, or the numbers of steps do not
            fit together.
    """

    name: str
    model: Callable[[], keras.Model]
    data: Any
    optimizer: Callable[[], keras.optimizers.Optimizer]
    loss: Any
    steps: int
    eval_every: int
    metrics: Sequence = ("accuracy",)
    evaluators: Sequence = ()
    rules: Any = None
    seed: int = 0
    steps_per_execution: int = 1
    precision: str = "float32"
    jit_compile: bool | str = "auto"
    averaged_checkpoints: int = 1
    callbacks: Sequence = ()
    kept_steps: Sequence[int] = ()
    kept_optimizer: bool = False
    observed_batches: int = 0
    start: Start | None = None

    def __post_init__(self):
        check_fields(self)
        if any(getattr(callback, "restore_best_weights", False) for callback in self.callbacks):
            raise ValueError(
                "`callbacks` must not have `restore_best_weights=True`: it brings back old masks, "
                "and an interrupted run would forget the weights. Set it to False."
            )
        if self.start is not None:
            _check_start(self.start, self.rules, self.callbacks)
        _check_multiple("steps", self.steps, "eval_every", self.eval_every)
        check_integer("steps", self.last_step, 1, MOST_STEPS)
        if self.last_step % self.eval_every:
            raise ValueError(
                "`start` must leave a number of steps that is a multiple of `eval_every`, "
                f"{self.eval_every}. Received: {self.last_step:,} of {self.steps:,} steps. Change "
                "`rate_from` or `length` of the start, or `eval_every`."
            )
        if self.averaged_checkpoints > self.last_step // self.eval_every:
            raise ValueError(
                "`averaged_checkpoints` must be at most the number of validations, `steps` / "
                f"`eval_every` = {self.last_step // self.eval_every}. Received: "
                f"{self.averaged_checkpoints}."
            )
        per_execution = "steps_per_execution", self.steps_per_execution
        _check_multiple("eval_every", self.eval_every, *per_execution)
        for step in self.kept_steps:
            check_integer("kept_steps", step, 0, self.last_step)
            _check_multiple("kept_steps", step, *per_execution)

    @property
    def last_step(self) -> int:
        """How many optimizer steps the run takes: `steps`, unless its `start` says otherwise."""
        return self.steps if self.start is None else self.start.steps(self.steps)

    def build(self, strategy: Strategy | None = None, begin: bool = True) -> keras.Model:
        """Seeds everything and returns the model: built, sparsified, compiled, optimizer built.

        Keras's dtype policy is `precision` from then on.

        Args:
            strategy: where it will train, from `strategy_choice.choose`; one device if `None`.
            begin: whether the model begins where `start` says; without, it is as it is made, to be
                looked at before the runs are there that it begins from.

        Raises:
            SnapshotError: if a run that `start` names is not there, or not finished.
            StrategyError: if the strategy cannot run this.
            ValueError: if the model or the optimizer is none, a number of the optimizer is out of
                range, or a schedule cannot reach its final value within the run.
        """
        strategy = Strategy() if strategy is None else strategy
        strategy.check(self.data.batch_size, self.steps_per_execution, self.jit_compile)
        keras.config.set_dtype_policy(self.precision)
        seed = self.seed if self.start is None else self.start.model_seed(self.seed)
        keras.utils.set_random_seed(seed)
        with strategy.scope():
            model = self.model()
            check_made("model", model, keras.Model)
            if self.start is not None and begin:
                model = self.start.begin(model, self.seed)
            if self.rules is not None:
                model = sparsify(model, self.rules)
                check_reached(SparsityUpdates(model).unreached(0, self.last_step), self.last_step)
            _check_observed(model, self.observed_batches)
            optimizer = self.optimizer()
            check_made("optimizer", optimizer, keras.optimizers.Optimizer)
            check_optimizer(optimizer, self.steps)
            model.compile(
                optimizer=optimizer,
                loss=self.loss,
                metrics=list(self.metrics),
                steps_per_execution=self.steps_per_execution,
                jit_compile=strategy.jit_compile(self.jit_compile),
            )
            model.optimizer.build(model.trainable_variables)
            if self.start is not None:
                self.start.set_learning_rate(model.optimizer, self.steps)
        _warn_of_late_learning_rate(model.optimizer, self.last_step, self.data.batch_size)
        if strategy.replicas > 1 and keras.backend.backend() == "tensorflow":
            _warn_of_own_statistics(model)
        return model


def _check_start(start, rules, callbacks):
    """Raises where the other fields do not go with a start."""
    if rules is not None and start.masks_of is not None:
        raise ValueError(
            "`rules` must be None where `start` has `masks_of`, which are fixed. Received: both. "
            "Begin from the gin file of the dense run."
        )
    if rules is not None and start.is_late:
        raise ValueError(
            "`rules` must be None where `start` begins at a step after the first: schedules of "
            "sparsity would begin anew. Received: both. Give `start` the masks of a finished run, "
            "as tickets/late_rewinding.gin does."
        )
    setters = keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau
    if start.changes_the_rate and any(isinstance(each, setters) for each in callbacks):
        raise ValueError(
            "`callbacks` must not set the learning rate where `start` does. Received: a "
            "LearningRateScheduler or ReduceLROnPlateau. Give the optimizer a schedule of "
            "keras.optimizers.schedules in its place."
        )


def _warn_of_late_learning_rate(optimizer, steps, batch_size):
    last = getattr(schedule_of(optimizer), "last_change", 0)
    # No error: runs of a few steps are how a configuration is tried out.
    if last >= steps:
        warn(
            f"`steps` should be at least {last + 1:,}: at step {last:,} the learning rate changes "
            f"for the last time. Received: {steps:,} steps of {batch_size:,} examples. Unless this "
            "is a trial, change STEPS in proportion when you change BATCH_SIZE, or have the "
            "schedule change earlier (DROPS, WARM_UP, EXAMPLES)."
        )


def _warn_of_own_statistics(model):
    layers = all_layers(model)
    kind = keras.layers.BatchNormalization
    own = [la.name for la in layers if isinstance(la, kind) and not la.synchronized]
    if own:
        warn(
            f"BatchNormalization '{own[0]}' ({len(own)} in all) is not synchronized: each replica "
            "keeps statistics of its own, of which checkpoints hold the first replica's. Make it "
            "with `synchronized=True` for runs that do not depend on the number of replicas and "
            "are resumed bit for bit."
        )


def _check_multiple(name, value, of, divisor):
    if value % divisor:
        nearest = max(divisor, round(value / divisor) * divisor)
        raise ValueError(
            f"`{name}` must be a multiple of `{of}`, {divisor}. Received: {value}. "
            f"The nearest that fits is {nearest}."
        )


def _check_observed(model, batches):
    if batches and not any(wrapper.records for wrapper in sparse_layers(model).values()):
        raise ValueError(
            "`observed_batches` must be 0 where no layer records anything: only techniques such as "
            "sos.SaliencyPruning and sos.Wanda look at batches before training. "
            f"Received: {batches}."
        )
