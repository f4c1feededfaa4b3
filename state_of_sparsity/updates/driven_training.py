"""Stand-ins for a model's training function, which run it only while its sparsity is updated.

Nothing in a training step that is compiled can tell whether `UpdateSparsity` is still at work: one
that was traced with the callback would run on in a second `fit` without it, with masks that never
change, and say nothing (on JAX even after `compile`). So what is called at every step is replaced:
Keras asks the model for its `train_function` at the start of every run, and looks the attribute up
at every step.
"""

import contextlib
from typing import Any

import keras

from state_of_sparsity.optimizers.learning_rate import batches_a_step, steps_done


class _DrivenTraining:
    """What stands in for the training function of a model, whichever way it is updated.

    Args:
        model: the model that is trained.
        updates: its `SparsityUpdates`.
    """

    def __init__(self, model, updates):
        self.model, self.updates = model, updates
        self.original, self.ran = None, False

    def stand_in(self):
        """Takes the place of the model's training function, and of those it will have."""
        function = getattr(self.model, "train_function", None)
        in_place = function is self and self.ran  # it has run to its end before
        if in_place or not self.updates.driven or not isinstance(self.model, keras.Model):
            return
        self.model.make_train_function = self.make_train_function
        if isinstance(function, _DrivenTraining) and function.ran:
            self.original, self.ran = function.original, True
            self.model.train_function = self
        elif function is not None:
            # TensorFlow cannot trace a function again whose first trace was ended by an error.
            self.make_train_function(force=True)

    def make_train_function(self, force=False):
        """Makes the model's training function as its class does, and takes its place.

        It is set on the model in place of the method, since Keras calls that before every run, and
        would put the plain function back.
        """
        if self.model.train_function is None or force:
            type(self.model).make_train_function(self.model, force=force)
            self.original, self.ran = self.model.train_function, False
            self.model.train_function = self
        return self.model.train_function

    def __call__(self, *arguments):
        if not self.is_driven(arguments):
            self.refuse()
            return self.original(*arguments)  # what is left to train needs no driver
        self.updates.set_driven(True)
        try:
            outputs = self.original(*arguments)
        finally:
            self.after_step()
        self.ran = True
        return outputs

    def refuse(self):
        """Raises an error if a layer that is trained has to be updated, and is not."""
        self.updates.set_driven(False)
        self.updates.check_driven()


class DrivenByCallback(_DrivenTraining):
    """Runs one step each time that the callback has allowed it, as it does before every step."""

    allowed = False

    def is_driven(self, arguments: Any) -> bool:
        """Returns whether the next step was allowed."""
        allowed, self.allowed = self.allowed, False
        return allowed

    def after_step(self) -> None:
        """Has layers refuse to be trained by whatever comes next without the callback."""
        self.updates.set_driven(False)


class DrivenByUpdate(_DrivenTraining):
    """Runs steps for as long as no update is due that `UpdateSparsity.update` was not called for.

    The number of calls is an upper bound of the steps taken. The optimizer knows them exactly, but
    reading its count takes time at every step: it is read only where something may be due.
    """

    def up_to_date(self, step: int) -> None:
        """Notes that masks and penalty weights are those of `step`."""
        self.updates.set_driven(True)
        self.step = step  # of the last `update`
        self.most = step  # how many steps may have been taken by now
        self.clear = step  # up to where nothing is due
        self.calls = 0  # of the training function since then
        self.optimizer = getattr(self.model, "optimizer", None)
        self.counted = 0 if self.optimizer is None else steps_done(self.optimizer)
        self.stand_in()

    def is_driven(self, arguments: Any) -> bool:
        """Returns whether nothing is due in the steps that were taken since the last `update`."""
        if self.updates.due(self.clear + 1, self.most):
            # An upper bound, since accumulated and skipped steps do not count.
            self.most = min(self.most, self.step + self._steps_since(arguments))
            if self.updates.due(self.clear + 1, self.most):
                return False
        self.clear = max(self.clear, self.most)
        self.calls += 1
        self.most += max(1, self.model.steps_per_execution)
        return True

    def refuse(self) -> None:
        """Raises an error if a layer that is trained has to be driven, and says since when."""
        try:
            super().refuse()
        except RuntimeError as error:
            error.add_note(
                f"`update` was last called for step {self.step}; an update is due by {self.most}."
            )
            raise

    def after_step(self) -> None:
        """Lets the layers be trained further: a custom loop may take gradients by itself."""

    def _steps_since(self, arguments):
        """Returns how many steps the optimizer has taken since the last `update`."""
        optimizer, most = self.model.optimizer, self.most - self.step
        if optimizer is None:
            return most
        scope = contextlib.nullcontext()
        if keras.backend.backend() == "jax":
            # The state is an argument there, and the variables are empty meanwhile.
            scope = keras.StatelessScope(zip(optimizer.variables, arguments[0][2], strict=True))
        with scope:
            since = steps_done(optimizer)
        if optimizer is self.optimizer:  # else the model was compiled again
            since -= self.counted
        # Another optimizer, which the model does not show, may take the steps.
        counts = since or self.calls <= batches_a_step(optimizer)
        return since if counts else most
