"""The optimizer that takes the steps of a model: its own, or one that a custom loop names."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from state_of_sparsity.optimizers.learning_rate import stepping_optimizers
from state_of_sparsity.updates.due import Due
from state_of_sparsity.updates.moments import forget
from state_of_sparsity.user_warnings import warn


class SteppingOptimizer:
    """What is known of the optimizer of a model.

    Args:
        model: the model.
        given: the optimizer that takes the steps, if it is not the model's.

    Raises:
        ValueError: if `given` is no optimizer of Keras.
    """

    def __init__(self, model: keras.Model, given: keras.optimizers.Optimizer | None = None) -> None:
        self._model = model
        self._given: keras.optimizers.Optimizer | None = None
        self._checked: keras.optimizers.Optimizer | None = None
        self._has_warned = False
        self.give(given)

    def give(self, optimizer: keras.optimizers.Optimizer | None) -> None:
        """Takes another optimizer from here on; None changes nothing."""
        if optimizer is not None and not isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "`optimizer` must be an optimizer of Keras, or None for the model's own. Received: "
                f"{optimizer!r}."
            )
        self._given = self._given if optimizer is None else optimizer

    @property
    def present(self) -> keras.optimizers.Optimizer | None:
        """The optimizer that was given, or the model's; None if there is neither."""
        return getattr(self._model, "optimizer", None) if self._given is None else self._given

    def check(self, wrappers: Iterable[Any]) -> None:
        """Raises a `ValueError` if layers cannot be trained by it; asks once of each optimizer."""
        if self.present is None or self.present is self._checked:
            return
        for wrapper in wrappers:
            for each in stepping_optimizers(self.present):
                wrapper.check_optimizer(each)
        self._checked = self.present

    def forget(self, grown: list[tuple[keras.Variable, np.ndarray]], due: Sequence[Due]) -> None:
        """Has it forget what it keeps of weights that begin anew; warns once where it is not known.

        Args:
            grown: pairs of a kernel's variable and a boolean array: where to forget.
            due: the updates that made them; one at step 0 leaves nothing to forget.
        """
        if grown and self.present is not None:
            forget(self.present, grown)
        elif grown and any(update.step for update in due) and not self._has_warned:
            self._has_warned = True
            warn(
                "Weights begin anew at 0, and `model` has no `optimizer` that could forget what it "
                "keeps of them (momentum, moments). Pass it: `updater.update(model, step, "
                "optimizer)`; of an optimizer that is none of Keras, set them to 0 where "
                "`sos.masks(model)` has changed."
            )
