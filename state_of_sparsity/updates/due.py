"""What is due at which step, over all sparse layers of a model, and carrying it out."""

import json
from typing import Any

import keras
import numpy as np

from state_of_sparsity import schedules
from state_of_sparsity.layers.penalized import PenalizedWrapper
from state_of_sparsity.layers.scheduled_mask import ScheduledMask, update_together
from state_of_sparsity.masking.top_k import zero_count
from state_of_sparsity.schedules.answers import (
    TooManySteps,
    last_due,
    says_last_update,
    sparsity_due,
)
from state_of_sparsity.schedules.tfmot_twins import without_tensorflow
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.user_warnings import warn


class SparsityUpdates:
    """The schedules of a model's sparse layers, each asked once for all layers that share it.

    Args:
        model: a built Keras model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.driven: list[Any] = []
        for path, wrapper in sparse_layers(model).items():
            if wrapper.path_in_model is None:  # the first path stays, wherever it is nested later
                wrapper.path_in_model = path
            if wrapper.needs_driver:
                self.driven.append(wrapper)
        self.masks, self.ramps = {}, {}
        for wrapper in self.driven:
            if isinstance(wrapper, ScheduledMask):
                schedule = without_tensorflow(wrapper.schedule)
                group = self.masks.setdefault(_identity(schedule), (schedule, []))
            elif isinstance(wrapper, PenalizedWrapper):
                ramp = wrapper.penalty_weight
                group = self.ramps.setdefault(_identity(ramp), (ramp, []))
            else:
                raise ValueError(
                    f"`needs_driver` of '{wrapper.name}' ({type(wrapper).__name__}) is true, but "
                    "UpdateSparsity drives ScheduledMask and PenalizedWrapper alone. Make the "
                    "technique a subclass of one of them."
                )
            group[1].append(wrapper)
        self.weights = {}
        self.check_kernels()

    def due(self, first: int, last: int) -> list:
        """Returns what is due in steps `first` to `last`, reading no variable.

        Args:
            first: the first step that may have an update.
            last: the last; of several due steps of one schedule the latest counts.

        Returns:
            A list of `(key, wrappers, value)`: a sparsity for masks, the penalty's weight else.

        Raises:
            TooManySteps: if a schedule would have to be asked about too many steps.
        """
        found = []
        for key, (schedule, wrappers) in self.masks.items():
            latest = last_due(schedule, first, last)
            if latest is not None:
                found.append((key, wrappers, latest[1]))
        for key, (ramp, wrappers) in self.ramps.items():
            weight = ramp(last)
            if self.weights.get(key) != weight:
                found.append((key, wrappers, weight))
        return found

    def carry_out(self, due: list) -> None:
        """Sets the masks and penalty weights that `due` returned."""
        self.check_kernels()
        for key, wrappers, value in due:
            shared = {}
            if key in self.ramps:
                self.weights[key] = value
            for wrapper in wrappers:
                if key in self.ramps:
                    wrapper.update_penalty(value)
                elif wrapper.distribution is None:
                    wrapper.update_masks(value)
                else:
                    shared.setdefault(wrapper.distribution, []).append(wrapper)
            for members in shared.values():
                update_together(members, value)

    def first_updates(self, last: int | None) -> list:
        """Returns the first update of each mask in a run from step 0, where it can be known then.

        Args:
            last: the last step of the run, None if that is not known.

        Returns:
            A list as from `due`: the first update of every schedule that has a `begin_step` or is
            due at step 0.
        """
        found = []
        for key, (schedule, wrappers) in self.masks.items():
            step = getattr(schedule, "begin_step", 0)
            if isinstance(step, int) and (last is None or step <= last):
                sparsity = sparsity_due(schedule, step)
                if sparsity is not None:
                    found.append((key, wrappers, sparsity))
        return found

    def missed(self, step: int) -> list:
        """Returns the updates from before `step` that masks do not have, in the form of `due`.

        A model may be made sparse when the steps of its schedule are past, or first be updated
        then: it gets the sparsity of the last of them. Warns where that cannot be known.
        """
        found = []
        for key, (schedule, wrappers) in self.masks.items():
            try:
                latest = last_due(schedule, 0, step) if step else None
            except TooManySteps as error:
                if not any(_zeros_and_size(group)[0] for group in _sharing(wrappers)):
                    warn(f"{error} Until its next update no weight is masked.")
                continue
            if latest is None or latest[0] == step:  # the latter is due now
                continue
            if any(_is_denser(group, latest[1]) for group in _sharing(wrappers)):
                found.append((key, wrappers, latest[1]))
        return found

    def undone_by(self, due: list) -> list[str]:
        """Returns a sentence for each update of `due` that would bring masked weights back."""
        found = []
        for key, wrappers, sparsity in due:
            groups = _sharing(wrappers) if key in self.masks else []
            undone = [group for group in groups if _is_sparser(group, sparsity)]
            if undone:
                kernels = [kernel for group in undone for kernel in group]
                names = list(dict.fromkeys(kernel.wrapper.path_in_model for kernel in kernels))
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                zeros, size = np.sum([_zeros_and_size(group) for group in undone], axis=0)
                found.append(
                    f"{zeros / size:.2%} zeros in {', '.join(names[:4])}{more}, and {sparsity:.2%} "
                    f"at the first update of {self.masks[key][0]}"
                )
        return found

    def set_driven(self, driven: bool) -> None:
        """Tells the layers whether something drives them, so that they can be trained."""
        for wrapper in self.driven:
            wrapper._driven = driven

    def check_kernels(self) -> None:
        """Raises an error if a layer's kernels were exchanged: what is traced would not tell."""
        for wrapper in self.driven:
            wrapper._check_kernels()

    def check_driven(self) -> None:
        """Raises an error if a layer that is trained has to be driven and is not."""
        for wrapper in self.driven:
            if any(kernel.variable.trainable for kernel in wrapper.sparse_kernels):
                wrapper._check_driven()

    def unreached(self, start: int, end: int) -> list[str]:
        """Returns a sentence for each schedule whose final value a run does not reach.

        Args:
            start: step at which the run starts.
            end: step at which it ends.
        """
        return [
            sentence
            for schedule, _ in [*self.masks.values(), *self.ramps.values()]
            if (sentence := _unreached(schedule, start, end))
        ]


def _sharing(wrappers):
    """Returns lists of kernels: those of one share the zeros of an update."""
    groups = {}
    for wrapper in wrappers:
        for kernel in wrapper.sparse_kernels:
            alone = wrapper.distribution is None
            group = groups.setdefault(id(kernel) if alone else wrapper.distribution, [])
            group.append(kernel)
    return groups.values()


def _zeros_and_size(group):
    masks = [kernel.mask() for kernel in group]
    return sum(int((~mask).sum()) for mask in masks), sum(mask.size for mask in masks)


def _is_sparser(group, sparsity):
    zeros, size = _zeros_and_size(group)
    return zeros > zero_count(sparsity, size) + len(group)  # a weight a kernel may be rounding


def _is_denser(group, sparsity):
    zeros, size = _zeros_and_size(group)
    return zeros + len(group) < zero_count(sparsity, size)


def _unreached(schedule, start, end):
    kind = type(schedule)
    if isinstance(schedule, schedules.Ramp):
        if end < schedule.end_step and kind.__call__ is schedules.Ramp.__call__:
            return f"{schedule} arrives at step {schedule.end_step}, after the run's end"
    elif isinstance(schedule, (schedules.ConstantSparsity, schedules.PolynomialDecay)):
        if not says_last_update(schedule):
            return None
        last = schedule.last_update(end)
        if last is None:
            return f"{schedule} begins at step {schedule.begin_step}, after the run's end"
        if isinstance(schedule, schedules.PolynomialDecay) and start <= schedule.end_step:
            return _short_of_the_end(schedule, last, end)
    return None


def _short_of_the_end(schedule, last, end):
    reached = schedule.sparsity(last)
    if last == schedule.end_step or reached == schedule.final_sparsity:
        return None
    sentence = (
        f"{schedule} has its last update at step {last}, with a sparsity of {reached:.4f} "
        f"instead of {schedule.final_sparsity}"
    )
    if end >= schedule.end_step:  # so it is one of TF-MOT's
        sentence += (
            ", since `frequency` does not divide `end_step - begin_step`: choose one that does, or "
            "use sos.schedules.PolynomialDecay, which updates at `end_step` too"
        )
    return sentence


def _identity(schedule):
    """Returns a key that is equal for schedules of one class, configuration and state.

    Layers whose rule made a schedule each have equal ones, which need to be asked once.
    """
    try:
        # The state too: a subclass may have inherited `get_config` and differ all the same.
        parts = schedule.get_config(), vars(schedule)
        return type(schedule), json.dumps(parts, sort_keys=True, default=repr)
    except Exception:  # a configuration of the user's own that cannot be had
        return id(schedule)
