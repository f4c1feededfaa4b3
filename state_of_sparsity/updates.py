"""What is due at which step, over all sparse layers of a model, and carrying it out."""

import json

import numpy as np

from state_of_sparsity import schedules
from state_of_sparsity.layers.penalized import PenalizedWrapper
from state_of_sparsity.layers.scheduled_mask import ScheduledMask, update_together
from state_of_sparsity.schedule_saving import is_tfmot
from state_of_sparsity.structure import sparse_layers


class SparsityUpdates:
    """The schedules of a model's sparse layers, each asked once for all layers that share it.

    Args:
        model: a built Keras model.
    """

    def __init__(self, model):
        self.driven = []
        for path, wrapper in sparse_layers(model).items():
            if wrapper.path_in_model is None:  # the first path stays, wherever it is nested later
                wrapper.path_in_model = path
            if wrapper.needs_driver:
                self.driven.append(wrapper)
        self.masks, self.ramps = {}, {}
        for wrapper in self.driven:
            if isinstance(wrapper, ScheduledMask):
                schedule = _without_tensorflow(wrapper.schedule)
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
        """
        found = []
        for key, (schedule, wrappers) in self.masks.items():
            for step in range(last, first - 1, -1):
                sparsity = _sparsity_due(schedule, step)
                if sparsity is not None:
                    found.append((key, wrappers, sparsity))
                    break
        for key, (ramp, wrappers) in self.ramps.items():
            weight = ramp(last)
            if self.weights.get(key) != weight:
                found.append((key, wrappers, weight))
        return found

    def carry_out(self, due: list):
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

    def lowered_at_start(self) -> list[str]:
        """Returns the paths of masked layers that are sparser than their schedule is at step 0."""
        lowered = []
        for schedule, wrappers in self.masks.values():
            try:
                sparsity = float(schedule(0)[1])
            except (TypeError, ValueError, IndexError):
                continue  # said with more words at the update
            for wrapper in wrappers:
                present = [wrapper.present(kernel) for kernel in wrapper.sparse_kernels]
                zeros, size = sum((~p).sum() for p in present), sum(p.size for p in present)
                if wrapper.distribution is None and zeros > round(sparsity * size) + len(present):
                    lowered.append(wrapper.path_in_model)
        return lowered

    def set_driven(self, driven: bool):
        """Tells the layers whether something drives them, so that they can be trained."""
        for wrapper in self.driven:
            wrapper.driven = driven

    def check_kernels(self):
        """Raises an error if a layer's kernels were exchanged: what is traced would not tell."""
        for wrapper in self.driven:
            wrapper.check_kernels()

    def check_driven(self):
        """Raises an error if a layer that has to be driven is not."""
        for wrapper in self.driven:
            wrapper.check_driven()

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


def _unreached(schedule, start, end):
    if isinstance(schedule, schedules.Ramp):
        if end < schedule.end_step:
            return f"{schedule} arrives at step {schedule.end_step}, after the run's end"
    elif isinstance(schedule, schedules.ConstantSparsity):
        steps = range(schedule.begin_step, end + 1, schedule.frequency)
        if not len(steps):
            return f"{schedule} begins at step {schedule.begin_step}, after the run's end"
    elif isinstance(schedule, schedules.PolynomialDecay) and start <= schedule.end_step:
        last = min(end, schedule.end_step)
        steps = range(schedule.begin_step, last + 1, schedule.frequency)
        if not len(steps):
            return f"{schedule} begins at step {schedule.begin_step}, after the run's end"
        reached = schedule.sparsity(steps[-1])
        if steps[-1] != schedule.end_step and reached != schedule.final_sparsity:
            return (
                f"{schedule} has its last update at step {steps[-1]}, with a sparsity of "
                f"{reached:.4f} instead of {schedule.final_sparsity}"
            )
    return None


def _without_tensorflow(schedule):
    """Returns the numpy twin of a TF-MOT schedule: the same values, a thousand times faster."""
    if is_tfmot(schedule):
        return getattr(schedules, type(schedule).__name__)(**schedule.get_config()["config"])
    return schedule


def _identity(schedule):
    """Returns a key that is equal for schedules of one class, configuration and state."""
    try:
        # The state too: a subclass may have inherited `get_config` and differ all the same.
        parts = schedule.get_config(), vars(schedule)
        return type(schedule), json.dumps(parts, sort_keys=True, default=repr)
    except Exception:  # a configuration of the user's own that cannot be had
        return id(schedule)


def _sparsity_due(schedule, step) -> float | None:
    """Returns the sparsity that a schedule wants at `step`, or None if it wants no update."""
    answer = schedule(step)
    try:
        should_prune, sparsity = answer
        if not bool(should_prune):
            return None
        value = np.asarray(sparsity)
        # A float32 0.9 is 0.89999998: count zeros by the number that was meant.
        value = float(str(value)) if value.dtype == np.float32 else float(value)
    except (TypeError, ValueError):
        value = None
    if value is None or not 0 <= value < 1:
        raise ValueError(
            "`schedule` must return (should_prune, sparsity), with a sparsity in [0, 1), the "
            f"fraction of zeros. Received: {answer!r} from {schedule!r} at step {step}."
        )
    return value
