"""`Start`: where a run begins, in masks, weights, learning rate and length, if not at the start."""

import os
from collections.abc import Callable

import keras

from state_of_sparsity.arguments import check_flag, check_integer, check_number, check_path
from state_of_sparsity.optimizers.learning_rate import innermost, learning_rate_at, schedule_of
from state_of_sparsity.optimizers.rewound import Rewound
from state_of_sparsity.surgery.fix_masks import fix_masks
from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.training import kept_state, ticket_masks
from state_of_sparsity.training.kept_state import LAST
from state_of_sparsity.training.runs import snapshot
from state_of_sparsity.training.runs.run_dir import RunDir

# Of its peak: a schedule that has fallen below has ended, and trains nothing any more.
_LEAST_RATE = 1e-5
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
            experiment's `steps`; or "last": its last value throughout.
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
        for name, path in (("masks_of", masks_of), ("weights_of", weights_of)):
            check_path(name, path)
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
            if masks_of is None or weights_of is not None:
                raise ValueError(
                    "`initialize` draws weights for masks: it needs `masks_of`, and no "
                    f"`weights_of`. Received: masks_of={masks_of!r}, weights_of={weights_of!r}."
                )
        self.masks_of, self.masks, self.weights_of, self.step = masks_of, masks, weights_of, step
        self.initialize, self.directory = initialize, directory
        self.rate_from, self.length, self.stretch = rate_from, length, stretch
        self.final_rate = final_rate

    def steps(self, steps: int) -> int:
        """Returns how many steps the run takes.

        Args:
            steps: those of the learning rate's schedule, `Experiment.steps`.
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
            optimizer: the optimizer, as it would train from the start.
            steps: the step at which its schedule ends.

        Raises:
            ValueError: if the last value of the schedule is needed, and is nothing.
        """
        inner, given = innermost(optimizer), schedule_of(optimizer)
        is_schedule = isinstance(given, keras.optimizers.schedules.LearningRateSchedule)
        last = isinstance(self.rate_from, str)
        beyond = last or (self.length > 1 and not self.stretch)
        if beyond and self.final_rate is None:
            _check_last_rate(optimizer, steps)
        if not is_schedule and self.final_rate is None:
            return  # it is the same at every step
        first = steps if isinstance(self.rate_from, str) else self.rate_from
        stretch = self.length if self.stretch and not last else 1.0
        if (first, stretch, beyond) != (0, 1.0, False):
            schedule = given if is_schedule else learning_rate_at(optimizer, 0)
            final = self.final_rate if beyond else None
            inner.learning_rate = Rewound(schedule, first, steps, stretch, final)

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
        own = None if self.directory is None else RunDir(self.directory)
        if own is not None and own.is_started and own.snapshot(0).exists():
            kept = snapshot.read(own.snapshot(0))
            masks = kept.masks if self.masks_of is not None else None
            return _with(model, masks, kept, f"`directory`, {own.path},")
        masks = weights = None
        if self.masks_of is not None:
            source = kept_state.read(self.masks_of, seed, LAST, "masks_of", self.directory)
            masks = self.masks(source, seed)
            kept_state.check_paths(model, source, "`masks_of`")
        if self.weights_of is not None:
            path, step = self.weights_of, self.step
            weights = kept_state.read(path, seed, step, "weights_of", self.directory)
        model = _with(model, masks, weights, "`weights_of`")
        if self.initialize is not None:
            self.initialize(model, seed)
        return model

    @property
    def name(self) -> str:
        """What reports call runs that begin so: `lottery_ticket`, `scratch`, and so on."""
        return "_".join(filter(None, [self._masks_name(), self._weights_name(), self._length()]))

    def _masks_name(self):
        name = getattr(self.masks, "__name__", type(self.masks).__name__)
        is_given = self.masks_of is None or name in ("as_found", "pruned")
        return "" if is_given else f"{name}_masks"

    def _weights_name(self):
        if self.weights_of is None:
            return "scratch_sparse_initialization" if self.initialize is not None else "scratch"
        if self.step == LAST:
            last = isinstance(self.rate_from, str)
            return "fine_tuning" if last else "learning_rate_rewinding"
        return "lottery_ticket" if self.step == 0 else f"rewinding_to_{self.step}"

    def _length(self):
        variant = "" if self.stretch or self.length == 1 else "_at_final_rate"
        return "" if self.length == 1 else f"{self.length:g}_times{variant}"


def _with(model, masks, weights, what):
    """Returns a model with weights, and with masks fixed; None for those it has."""
    if weights is not None:
        variables, _ = variables_by_path(model)
        kept_state.check_paths(model, weights, what)
        for path, variable in variables.items():
            variable.assign(weights.weights[path])
    return model if masks is None else fix_masks(model, masks)


def _check_last_rate(optimizer, steps):
    peak = max(learning_rate_at(optimizer, steps * part // 100) for part in range(100))
    last = learning_rate_at(optimizer, steps)
    if last <= _LEAST_RATE * peak:
        raise ValueError(
            f"`final_rate` must be given: the learning rate's schedule ends at {last:g}, which "
            f"trains nothing (its peak is {peak:g}). Received: None. Bind a rate, such as "
            f"{peak / 100:g}."
        )


def _check_step(name, step):
    if step != LAST:
        check_integer(name, step, 0)


def _check_callable(name, function):
    if not callable(function) or isinstance(function, type):
        raise ValueError(
            f"`{name}` must be a function: in a gin file @ and its name, without () behind. "
            f"Received: {function!r}."
        )
