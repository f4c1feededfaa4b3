"""What is due at which step, over all sparse layers of a model, and carrying it out."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from state_of_sparsity.masking.top_k import zero_count
from state_of_sparsity.schedules.answers import TooManySteps
from state_of_sparsity.schedules.followed import Followed
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.user_warnings import warn


@dataclass(frozen=True)
class Due:
    """An update that is due: of which layers, for which step, to which value.

    Args:
        key: of what they follow.
        wrappers: the sparse layers that follow it.
        step: the step that it is for, in optimizer steps completed.
        value: a sparsity for masks, the penalty's weight for others.
    """

    key: Hashable
    wrappers: list[Any]
    step: int
    value: float


class SparsityUpdates:
    """What a model's sparse layers follow, each asked once for all layers that share it.

    Args:
        model: a built Keras model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.driven: list[Any] = []
        self.followed: dict[Hashable, tuple[Followed, list[Any]]] = {}
        for path, wrapper in sparse_layers(model).items():
            if wrapper.path_in_model is None:  # the first path stays, wherever it is nested later
                wrapper.path_in_model = path
            followed = wrapper.followed if wrapper.needs_driver else None
            if followed is not None:
                self.driven.append(wrapper)
                self.followed.setdefault(followed.key, (followed, []))[1].append(wrapper)
        _check_shared(self.followed)
        self.check_kernels()

    def due(self, first: int, last: int) -> list[Due]:
        """Returns what is due in steps `first` to `last`, reading no variable.

        Args:
            first: the first step that may have an update.
            last: the last; of several due steps of one schedule the latest counts.

        Raises:
            TooManySteps: if a schedule would have to be asked about too many steps.
        """
        return [
            Due(key, wrappers, *found)
            for key, (followed, wrappers) in self.followed.items()
            if (found := followed.value_due(first, last)) is not None
        ]

    def carry_out(self, due: list[Due]) -> list[tuple[keras.Variable, np.ndarray]]:
        """Brings layers to the values that `due` returned.

        Returns:
            Pairs of a kernel and a boolean array: weights that have begun anew, at 0.
        """
        self.check_kernels()
        grown = []
        for update in due:
            for members in _updated_together(update.wrappers):
                grown += members[0].update(update.step, update.value, members)
        return grown

    def masking(self, due: list[Due]) -> list[Due]:
        """Returns those of `due` that mask weights: for a sparsity of 0 nothing is computed."""
        return [u for u in due if self.followed[u.key][0].says_sparsity and u.value > 0]

    def first_updates(self, last: int | None) -> list[Due]:
        """Returns the first update of each mask in a run from step 0, where it can be known then.

        Args:
            last: the last step of the run, None if that is not known.
        """
        return [
            Due(key, wrappers, *found)
            for key, (followed, wrappers) in self.followed.items()
            if (found := followed.first_update(last)) is not None
        ]

    def missed(self, step: int) -> list[Due]:
        """Returns the updates from before `step` that layers do not have.

        A model may be made sparse when the steps of its schedule are past, or first be updated
        then: it gets the value of the last of them. Warns where that cannot be known.
        """
        found = []
        for key, (followed, wrappers) in self.followed.items():
            try:
                latest = followed.value_due(0, step) if step else None
            except TooManySteps as error:
                if not any(_zeros_and_size(group)[0] for group in _sharing(wrappers)):
                    warn(f"{error} Until its next update no weight is masked.")
                continue
            if latest is None or (latest[0] == step and followed.says_sparsity):
                continue  # the latter is due now
            groups = _sharing(wrappers)
            if not followed.says_sparsity or any(_is_denser(g, latest[1]) for g in groups):
                found.append(Due(key, wrappers, *latest))
        return found

    def undone_by(self, due: list[Due]) -> list[str]:
        """Returns a sentence for each update of `due` that would bring masked weights back."""
        found = []
        for update in due:
            followed, _ = self.followed[update.key]
            groups = _sharing(update.wrappers) if followed.says_sparsity else []
            undone = [group for group in groups if _is_sparser(group, update.value)]
            if undone:
                kernels = [kernel for group in undone for kernel in group]
                names = list(dict.fromkeys(kernel.wrapper.path_in_model for kernel in kernels))
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                zeros, size = np.sum([_zeros_and_size(group) for group in undone], axis=0)
                found.append(
                    f"{zeros / size:.2%} zeros in {', '.join(names[:4])}{more}, and "
                    f"{update.value:.2%} at the first update of {followed}"
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
            for followed, _ in self.followed.values()
            if (sentence := followed.unreached(start, end))
        ]


def _updated_together(wrappers):
    """Returns lists of wrappers: those of one share what an update decides."""
    groups: dict[Hashable, list[Any]] = {}
    for wrapper in wrappers:
        group = wrapper.update_group
        groups.setdefault(id(wrapper) if group is None else group, []).append(wrapper)
    return groups.values()


def _sharing(wrappers):
    """Returns lists of kernels: those of one share the zeros of an update."""
    groups = []
    for members in _updated_together(wrappers):
        kernels = [kernel for wrapper in members for kernel in wrapper.sparse_kernels]
        alone = members[0].update_group is None
        groups += [[kernel] for kernel in kernels] if alone else [kernels]
    return groups


def _check_shared(followed):
    """Refuses layers that are to share their zeros, and are updated by schedules of their own."""
    first = {}
    for schedule, wrappers in followed.values():
        for wrapper in wrappers if schedule.says_sparsity else ():
            group = wrapper.update_group
            if group is None:
                continue
            other, path = first.setdefault(group, (schedule, wrapper.path_in_model))
            if other is not schedule:
                raise ValueError(
                    f"`distribution` must be of layers with one schedule: {group!r} shares their "
                    f"zeros out at an update of all. Received: {other!r} for '{path}' and "
                    f"{schedule!r} for '{wrapper.path_in_model}'. Make the schedule once, outside "
                    "of the rule, or name another `group` in the distribution of these layers."
                )


def _zeros_and_size(group):
    size = sum(math.prod(kernel.shape) for kernel in group)
    # One mask at a time: all those of a large model are a byte a weight.
    return size - sum(int(np.count_nonzero(kernel.mask())) for kernel in group), size


def _is_sparser(group, sparsity):
    zeros, size = _zeros_and_size(group)
    return zeros > zero_count(sparsity, size) + len(group)  # a weight a kernel may be rounding


def _is_denser(group, sparsity):
    zeros, size = _zeros_and_size(group)
    short = sum(_shortfall(kernel, sparsity) for kernel in group) if zeros else 0
    return zeros + len(group) + short < zero_count(sparsity, size)


def _shortfall(kernel, sparsity):
    """Returns how many zeros fewer a pattern may give a kernel: they are not missing."""
    pattern = getattr(kernel.wrapper, "pattern", None)
    zeros = zero_count(sparsity, math.prod(kernel.shape))
    return 0 if pattern is None else pattern.shortfall(kernel, zeros)
