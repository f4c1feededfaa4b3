"""`Start`: where a run begins, in masks, weights, learning rate and length, if not at the start."""

import os
from collections.abc import Callable

import keras

from state_of_sparsity.arguments import check_flag, check_integer, check_number, check_path
from state_of_sparsity.optimizers.rewind import rewind
from state_of_sparsity.surgery.fix_masks import fix_masks
from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.training import kept_state, ticket_checks, ticket_masks, ticket_names
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import LAST, RunDir
from state_of_sparsity.wrapping.stored_weights import set_weights

_SCRATCH_SEED = 2**31


class Start:
    """Where a run begins, taken from runs before it: lottery tickets, scratch, rewinding.

    | | masks | weights | learning rate |
    | --- | --- | --- | --- |
    | lottery ticket | `masks_of` | `weights_of`, step 0 | from 0 |
    | late (weight) rewinding | `masks_of` | `weights_of`, step k | from k |
    | learning-rate rewinding | `masks_of` | `weights_of`, last | from 0 |
    | fine-tuning | `masks_of` | `weights_of`, last | last |
    | scratch-E | `masks_of` | drawn | from 0 |
    | scratch-B | `masks_of` | drawn | from 0, `length=2` |

    Step 0 of the run is that start, whatever its learning rate begins at: optimizers begin with
    empty moments, data with the first batch of their seed. A run that has begun keeps its start in
    its own directory, and does not need the others any more.

    Args:
        masks_of: directory of a finished run whose masks are fixed in this one; `{seed}` in it
            stands for the experiment's seed, `{directory}` for this run's own, such as in
            `{directory}/../dense`. `None` leaves the model to `Experiment.rules`.
        masks: a function of `ticket_masks`, or one like them: `(snapshot, seed) -> {kernel path:
            array}`, of the last snapshot of `masks_of`.
        weights_of: directory of the run that all weights come from, `{seed}` as above; `None`
            leaves those the model is made with, which the experiment's seed decides.
        step: of `weights_of`: 0, one of its `kept_steps`, or "last".
        initialize: `(model, seed)`, called when masks are fixed, such as
            `sparse_initialization.sparsity_aware`; not with `weights_of`.
        rate_from: the step of the learning rate's schedule that this run begins at, less than the
            experiment's `steps`; or "last": its last value throughout, for as many steps.
        length: how many times as long the run takes as the rest of the schedule, above 0.
        stretch: whether a longer run stretches the schedule, or has its last value longer.
        final_rate: the learning rate where the schedule has ended; `None` for its last value,
            which some schedules have at 0.
        directory: of this run; gin files say `%RUN_DIR`. `None` always begins from the others.

    Raises:
        ValueError: if an argument is of another type, out of range, or has no effect with the
            others.

    Example:

    >>> start = Start(masks_of="runs/pruned", weights_of="runs/pruned", step=0)  # a lottery ticket

    Reference: Frankle and Carbin, 2019; Gale, Elsen, Hooker, 2019, section 7; Frankle et al.,
    "Linear Mode Connectivity and the Lottery Ticket Hypothesis", 2020, section 4; Renda, Frankle,
    Carbin, "Comparing Rewinding and Fine-tuning in Neural Network Pruning", 2020, section 2.
    """

    def __init__(
        self,
        masks_of: str | os.PathLike[str] | None = None,
        masks: Callable = ticket_masks.as_found,
        weights_of: str | os.PathLike[str] | None = None,
        step: int | str = 0,
        initialize: Callable | None = None,
        rate_from: int | str = 0,
        length: float = 1.0,
        stretch: bool = True,
        final_rate: float | None = None,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        _check_run("masks_of", masks_of)
        _check_run("weights_of", weights_of)
        check_path("directory", directory)
        _check_step("step", step)
        _check_step("rate_from", rate_from)
        check_number("length", length, above=0)
        check_flag("stretch", stretch)
        if final_rate is not None:
            check_number("final_rate", final_rate, above=0)
        _check_callable("masks", masks)
        if initialize is not None:
            _check_callable("initialize", initialize)
        self.masks_of, self.masks, self.weights_of, self.step = masks_of, masks, weights_of, step
        self.initialize, self.directory = initialize, directory
        self.rate_from, self.length, self.stretch = rate_from, length, stretch
        self.final_rate = final_rate
        self._check_effects()

    def _check_effects(self):
        """Raises where an argument has no effect with the others."""
        if self.masks_of is None and self.weights_of is None:
            raise ValueError(
                "`masks_of` or `weights_of` must be given: the directory of a run to begin from. "
                "Received: neither. A run that begins from none needs no `start`."
            )
        if self.initialize is not None and (self.masks_of is None or self.weights_of is not None):
            raise ValueError(
                "`initialize` draws weights for masks: it needs `masks_of`, and no `weights_of`. "
                f"Received: masks_of={self.masks_of!r}, weights_of={self.weights_of!r}."
            )
        if self.masks_of is None and self.masks is not ticket_masks.as_found:
            raise ValueError(
                "`masks` makes masks of those of a run: it needs `masks_of`. Received: None."
            )
        if self.weights_of is None and self.step != 0:
            raise ValueError(
                "`step` is one of the run that weights come from: it needs `weights_of`. Received: "
                f"step={self.step!r}, and no run."
            )
        if not self.stretch and self.length < 1:
            raise ValueError(
                "`stretch` may be False where `length` is 1 or more: a shorter run stretches the "
                f"schedule, lest it ends in its midst. Received: length={self.length!r}."
            )
        if self.final_rate is not None and not self._is_beyond:
            raise ValueError(
                "`final_rate` is the learning rate where the schedule has ended: it needs "
                "rate_from='last', or a `length` above 1 with stretch=False. Received: "
                f"{self.final_rate!r} with rate_from={self.rate_from!r}, length={self.length!r}, "
                f"stretch={self.stretch!r}."
            )

    @property
    def is_late(self) -> bool:
        """Whether the run begins at a step after the first, as another run went through it."""
        return any(isinstance(at, int) and at > 0 for at in (self.step, self.rate_from))

    @property
    def changes_the_rate(self) -> bool:
        """Whether the learning rate is not that of a run from the start."""
        return self.rate_from != 0 or self.length != 1

    @property
    def has_begun(self) -> bool:
        """Whether this run has been started, and kept what it began with."""
        own = None if self.directory is None else RunDir(self.directory)
        return own is not None and own.is_started and own.snapshot(0).exists()

    @property
    def _is_beyond(self):
        """Whether the run goes on where the learning rate's schedule has ended."""
        return self.rate_from == LAST or (self.length > 1 and not self.stretch)

    def steps(self, steps: int) -> int:
        """Returns how many steps the run takes.

        Args:
            steps: those of the learning rate's schedule, `Experiment.steps`.

        Raises:
            ValueError: if the schedule has ended where the run would begin.
        """
        first = 0 if isinstance(self.rate_from, str) else self.rate_from
        if first >= steps:
            raise ValueError(
                "`rate_from` must be less than the experiment's `steps`, at which the schedule "
                f"ends: {steps:,}. Received: {first:,}."
            )
        return max(1, round(self.length * (steps - first)))

    def set_learning_rate(self, optimizer: keras.optimizers.Optimizer, steps: int) -> None:
        """Has an optimizer follow the learning rate of this start.

        Args:
            optimizer: the optimizer, built, as it would train from the start.
            steps: the step at which its schedule ends.

        Raises:
            ValueError: if the last value of the schedule is needed, and is nothing.
        """
        first = steps if isinstance(self.rate_from, str) else self.rate_from
        stretch = self.length if self.stretch else 1.0
        rewind(optimizer, steps, first, stretch, self._is_beyond, self.final_rate)

    def model_seed(self, seed: int) -> int:
        """Returns the seed that the model is made with.

        Of a scratch run it is another one than the experiment's, which the run that the masks come
        from may have had: its weights would be a lottery ticket's.

        Args:
            seed: of the experiment.
        """
        is_scratch = self.masks_of is not None and self.weights_of is None
        return (seed + _SCRATCH_SEED) % 2**32 if is_scratch else seed

    def begin(self, model: keras.Model, seed: int) -> keras.Model:
        """Returns a model with the masks and weights of this start.

        Args:
            model: the model as it is made.
            seed: of the experiment.

        Raises:
            SnapshotError: if a run is not there, not finished, or has not kept the step.
            ValueError: if the runs are of another model.
        """
        if self.has_begun:
            return self._go_on(model, RunDir(self.directory))
        masks = weights = None
        if self.masks_of is not None:
            source = kept_state.read(self.masks_of, seed, LAST, "masks_of", self.directory)
            masks = self.masks(kept_state.fitted(model, source, "`masks_of`"), seed)
        if self.weights_of is not None:
            path, step = self.weights_of, self.step
            if (path, step) != (self.masks_of, LAST):  # else it has been read
                source = kept_state.read(path, seed, step, "weights_of", self.directory)
            kept = kept_state.fitted(model, source, "`weights_of`")
            if masks is None:
                ticket_checks.check_dense(kept)
            else:
                ticket_checks.check_unpruned(kept, self.step)
                ticket_checks.check_trained(kept, masks)
            # What a run computes with, such as weights times their gates; at first all are open.
            weights = kept.weights | (kept.values if kept.step else {})
        model = _with(model, masks, weights)
        if self.initialize is not None:
            self.initialize(model, seed)
        if self.masks_of is not None and self.weights_of is None:
            ticket_checks.check_drawn_anew(
                model, kept_state.read(self.masks_of, seed, 0, "masks_of", self.directory)
            )
        return model

    def _go_on(self, model, own):
        """Returns a model with what this run began with when it was started."""
        remedy = "Remove it, and the run begins from `masks_of` and `weights_of` again."
        kept = snapshot.read(own.snapshot(0), remedy)
        kept = kept_state.fitted(model, kept, f"`directory`, {own.path},")
        return _with(model, None if self.masks_of is None else kept.masks, kept.weights)

    @property
    def name(self) -> str:
        """What reports call runs that begin so: `lottery_ticket`, `scratch`, and so on."""
        return ticket_names.name_of(self)


def _with(model, masks, weights):
    """Returns a model with weights, and with masks fixed; None for those it has."""
    if weights is not None:
        for path, variable in variables_by_path(model)[0].items():
            set_weights(variable, weights[path])
    return model if masks is None else fix_masks(model, masks)


def _check_run(name, path):
    check_path(name, path)
    if path is not None and not os.fspath(path):
        raise ValueError(f"`{name}` must be the directory of a run, or None. Received: {path!r}.")


def _check_step(name, step):
    if step != LAST:
        check_integer(name, step, 0)


def _check_callable(name, function):
    if not callable(function) or isinstance(function, type):
        raise ValueError(
            f"`{name}` must be a function: in a gin file @ and its name, without () behind. "
            f"Received: {function!r}."
        )
