"""`TargetSparsity`: the weight of a penalty, moved so that a learned sparsity ends at a target.

A penalty is an unknown distance from the sparsity that it leads to. So it is not chosen: at every
update the controller looks at how far weights are from being dropped (their margins), and makes the
penalty heavier or lighter, so that the share of weights that is to be dropped arrives there on a
path that ends where the run wants it.
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from state_of_sparsity.arguments import check_number
from state_of_sparsity.schedules.configured import Configured, check_steps
from state_of_sparsity.version import PACKAGE

# Chosen on the digits, with variational dropout, which answers at once and is never still, and L0
# regularization, which answers late and does not go back.
_UPDATES = 200  # from begin_step to end_step, where no `frequency` is given
_ARRIVAL = 0.9  # of that way is the path long: the rest is for what is left of an error
_POWER = 1.5  # of the path: slower the nearer it is to its end
_LOOK_AHEAD = 0.1  # of the path's length
_SMOOTHING = 0.84  # of the margin's velocity
_GAIN, _MOST_CHANGE = 0.25, 0.25 * math.log(2.0)  # of the weight's logarithm at an update
_BAND = 0.001  # of zeros above the target, over which the weight goes to 0, at first
_FIRST = 0.1  # the weight at first, divided by how many weights there are
_LEAST, MOST = 1e-12, 1e3  # of the weight


@dataclass(frozen=True)
class ControllerState:
    """What a controller knows from one update to the next; all of it is saved with the model.

    Args:
        step: of the last update, -1 before the first.
        weight: of the penalty.
        integral: the weight that it has while there are too few zeros.
        first_margin: the margin at the first update below which the target share of weights was.
        margin: the same, at the last update.
        velocity: how fast it falls, a step, smoothed over updates.
        band: how far above the target the penalty has no weight left.
    """

    step: int = -1
    weight: float = 0.0
    integral: float = 0.0
    first_margin: float = 0.0
    margin: float = 0.0
    velocity: float = 0.0
    band: float = 0.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class TargetSparsity(Configured):
    """Moves the weight of a penalty so that a learned sparsity ends at a target.

    Let `q` be the margin below which the target share of all weights is, how far from dropped the
    last of them still is, and `q*(t) = q_0 (1 - p)^1.5` the path it is to take, which ends a tenth
    before `end_step`. At each update the weight is multiplied by `exp(e / 4)`, by 2^(1/4) at most:
    `e = (target - F) / (1 - target)`, where `F` is the share of weights that will be below the
    path a tenth of the way ahead, by the velocity of `q`. So it grows until weights move as fast
    as they have to, and no longer. While there are more zeros than the target the penalty has no
    weight at all (a restart of the dual); less abruptly where weights come back at once. From
    `end_step` on, noise and gates of single weights are moved over the threshold at each update
    where it takes that for just the target share to be absent: those with the smallest margins;
    but not where a tenth of the weights that are left would have to go at once, or half come back.

    All layers of one technique with an equal controller are one group: the target is that of all
    their kernels. A run that starts over at step 0 begins anew.

    Args:
        target: fraction of zeros over all kernels of the group, in (0, 1).
        end_step: step at which the sparsity arrives; it is held from there on. Leave the last tenth
            of the run or more.
        begin_step: step of the first update, at least 0.
        frequency: steps from one update to the next; a two-hundredth of the way if `None`.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> target = sos.schedules.TargetSparsity(0.9, end_step=900)
    >>> layer = sos.L0Regularization(keras.layers.Dense(10), l0_weight=target)

    Reference: the constrained problem is that of Gallego-Posada et al., "Controlled Sparsity via
    Constrained Optimization or: How I Learned to Stop Tuning Penalties and Love Constraints",
    2022, who move the weight by the gradient of the dual; the path and the margins are ours.
    """

    def __init__(
        self, target: float, end_step: int, begin_step: int = 0, frequency: int | None = None
    ) -> None:
        check_number("target", target, above=0, below=1)
        check_steps(begin_step, end_step, 1 if frequency is None else frequency)
        if int(end_step) <= int(begin_step):
            raise ValueError(
                "`end_step` must be above `begin_step`. "
                f"Received: begin_step={begin_step}, end_step={end_step}."
            )
        self.target = float(target)
        self.begin_step, self.end_step = int(begin_step), int(end_step)
        length = self.end_step - self.begin_step
        self.frequency = max(1, length // _UPDATES) if frequency is None else int(frequency)

    def last_update(self, step: int) -> int | None:
        """Returns the last step up to `step` at which the controller looks, None before the first.

        It goes on after `end_step`.
        """
        if step < self.begin_step:
            return None
        return step - (step - self.begin_step) % self.frequency

    def next_state(self, state: ControllerState, step: int, margins: np.ndarray) -> ControllerState:
        """Returns the state after an update.

        Args:
            state: that of the update before.
            step: of this update.
            margins: of every weight of the group, at most 0 where it is dropped at evaluation.
        """
        if step == state.step:  # it is repeated, by a run that is resumed
            return state
        if step < state.step:  # a new run, whose optimizer starts at step 0
            state = ControllerState()
        margin = float(np.quantile(margins, self.target))
        if state.step < 0:
            first = _FIRST / margins.size
            return ControllerState(step, first, first, margin, margin, band=_BAND)
        excess = np.count_nonzero(margins <= 0) / margins.size - self.target
        band = state.band
        if state.weight < state.integral and excess < -2 * band:
            band = min(1.0, 8 * band)  # without a penalty too many weights come back at once
        if excess >= 0:
            change, velocity = -excess, 0.0
        else:
            velocity = max(0.0, state.margin - margin) / (step - state.step)
            velocity = _SMOOTHING * state.velocity + (1 - _SMOOTHING) * velocity
            ahead = self._ahead(step)
            bound = self.path(state.first_margin, step + ahead) + velocity * ahead
            change = self.target - np.count_nonzero(margins <= bound) / margins.size
        change = np.clip(_GAIN * change / (1 - self.target), -_MOST_CHANGE, _MOST_CHANGE)
        integral = float(np.clip(state.integral * np.exp(change), _LEAST, MOST))
        weight = integral * float(np.clip(1 - excess / band, 0.0, 1.0))
        return ControllerState(step, weight, integral, state.first_margin, margin, velocity, band)

    def path(self, first_margin: float, step: float) -> float:
        """Returns the margin that the target share of weights is to be below at `step`."""
        done = (step - self.begin_step) / self._length
        return first_margin * (1 - min(1.0, max(0.0, done))) ** _POWER

    @property
    def _length(self):
        return _ARRIVAL * (self.end_step - self.begin_step)

    def _ahead(self, step):
        """Returns how many steps to look ahead: no further than the path is long."""
        left = self.begin_step + self._length - step
        return min(_LOOK_AHEAD * self._length, max(left, 2 * self.frequency))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "target": self.target,
            "end_step": self.end_step,
            "begin_step": self.begin_step,
            "frequency": self.frequency,
        }
