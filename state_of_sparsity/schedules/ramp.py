"""How much a penalty weighs at which step."""

from typing import Any

import keras
import numpy as np

from state_of_sparsity.arguments import check_number
from state_of_sparsity.schedules.configured import Configured, check_steps
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class Ramp(Configured):
    """A penalty weight that grows from 0 at `begin_step` to `weight` at `end_step`.

    With `p = clip((step - begin_step) / (end_step - begin_step), 0, 1)`: `weight * p` (linear),
    `weight * (1 - (1 - p)^3)` (cubic), or the cubic ramp `c` smoothed as in the 2019 Transformer,
    `0.9 * previous + 0.1 * c`, starting from 0 before step 0 (smoothed_cubic). Or 0 before
    `begin_step` and `weight` from there on (constant).

    Args:
        weight: the final weight, at least 0.
        begin_step: step at which it leaves 0, at least 0.
        end_step: step at which it arrives, above `begin_step`; `None` if constant.
        shape: `"constant"`, `"linear"`, `"cubic"` or `"smoothed_cubic"`.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> sos.schedules.Ramp(1e-4, begin_step=0, end_step=100)(50)
    5e-05

    Reference: Gale et al., 2019, code of the Transformer (`dkl_weight_fn`).
    """

    def __init__(
        self, weight: float, begin_step: int = 0, end_step: int | None = None, shape: str = "linear"
    ) -> None:
        check_number("weight", weight, least=0)
        shapes = ("constant", "linear", "cubic", "smoothed_cubic")
        if not (isinstance(shape, str) and shape in shapes):
            raise ValueError(
                "`shape` must be 'constant', 'linear', 'cubic' or 'smoothed_cubic'. "
                f"Received: {shape!r}."
            )
        check_steps(begin_step, -1 if end_step is None else end_step, 1)
        if shape == "constant" and end_step is None:
            end_step = int(begin_step) + 1
        elif end_step is None or int(end_step) <= int(begin_step):
            raise ValueError(
                "`end_step` must be above `begin_step`. "
                f"Received: begin_step={begin_step}, end_step={end_step}."
            )
        self.weight, self.shape = weight, shape
        self.begin_step, self.end_step = int(begin_step), int(end_step)

    def __call__(self, step: int) -> float:
        """Returns the weight at `step`, a float."""
        if self.shape == "smoothed_cubic":
            # The recursion written out; what is older than 400 steps weighs less than 1e-18.
            ages = np.arange(min(int(step) + 1, 400))
            return float(np.sum(0.1 * 0.9**ages * self._unsmoothed(step - ages)))
        return float(self._unsmoothed(step))

    def _unsmoothed(self, step):
        if self.shape == "constant":
            return self.weight * (step >= self.begin_step)
        done = np.clip((step - self.begin_step) / (self.end_step - self.begin_step), 0.0, 1.0)
        return self.weight * (done if self.shape == "linear" else 1 - (1 - done) ** 3)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "weight": self.weight,
            "begin_step": self.begin_step,
            "end_step": self.end_step,
            "shape": self.shape,
        }
