"""`UpdateSparsity`: the Keras callback that sets masks and penalties as schedules say."""

import contextlib
from typing import Any

import keras

from state_of_sparsity.arguments import check_callback
from state_of_sparsity.optimizers.learning_rate import (
    batches_a_step,
    innermost,
    steps_done,
)
from state_of_sparsity.surgery.frozen import warn_of_frozen
from state_of_sparsity.surgery.structure import layers_by_technique, sparse_layers
from state_of_sparsity.updates import first_masks
from state_of_sparsity.updates.driven_training import DrivenByCallback, DrivenByUpdate
from state_of_sparsity.updates.due import SparsityUpdates
from state_of_sparsity.updates.stepping_optimizer import SteppingOptimizer
from state_of_sparsity.updates.update_arguments import (
    check_can_drive,
    check_has_optimizer,
    count,
)
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.training_mode import tell_training


class UpdateSparsity(keras.callbacks.Callback):
    """Updates masks and penalty weights when their schedules say so.

    Steps are optimizer steps completed (`optimizer.iterations`): gradient accumulation, skipped
    float16 steps and resumed runs count right. The update for step t runs when t steps are done,
    so that validation and checkpoints that follow see it, and the one at the very last step is
    not lost. With `steps_per_execution=K` an update runs at the first boundary at or after its
    step, with the value of the latest step that was due.

    Put it first in the list of callbacks. `EarlyStopping(restore_best_weights=True)` and
    checkpoints of the best epoch bring old masks back too: let them watch only after the
    schedule's end.

    Args:
        strict: whether a schedule that cannot reach its final value within the run is an error
            instead of a warning.

    Raises:
        ValueError: at the start of training, if the model is not built or has no sparse layer, a
            schedule returns a sparsity outside [0, 1), a schedule that starts over at step 0 would
            make a sparse model denser, or (with `strict`) a schedule cannot reach its final value;
            at an update, if a kernel holds NaN.

    Example:

    >>> sparse.fit(x, y, epochs=10, callbacks=[sos.UpdateSparsity()])

    In a custom loop:

    >>> updater = sos.UpdateSparsity()
    >>> for step in range(10):
    ...     updater.update(sparse, step)
    ...     loss = sparse.train_on_batch(x, y)
    >>> updater.update(sparse, 10)
    """

    def __init__(self, strict: bool = False) -> None:
        super().__init__()
        self.strict = strict
        self.updates: Any = None  # `SparsityUpdates` of the model, once there is one
        self.carried_out = 0  # how many times something was updated
        self._updated_model: Any = None
        self._training: Any = None
        self._optimizer: Any = None  # `SteppingOptimizer` of the model
        self._in_fit, self._unjudged = False, set()

    def update(
        self,
        model: keras.Model,
        step: int,
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        """Brings masks and penalty weights to optimizer step `step`, in a custom loop.

        Call it before each step, with the number of steps completed, and once after the last; or
        less often, but whenever an update is due. Of the steps since the last call the latest
        update counts; a model that is updated for the first time gets the latest of all. On JAX
        with a stateless loop: write the state back to the model, update, read it again.

        Args:
            model: the model with sparse layers.
            step: optimizer steps completed, at least 0.
            optimizer: what takes the steps; if `None` what was given before, or the model's own.
                Techniques that bring weights back at 0 (`SET`, `RigL`, `ACDC`) have it forget what
                it keeps of these; on JAX write its state back, and read it again, as the model's.

        Raises:
            ValueError: if `optimizer` is none of Keras; if a schedule without `last_update` had no
                update in the last 100,000 of the steps since the last call, and there are more;
                otherwise as in training.
        """
        step = count(step)
        self._in_fit, self._unjudged = False, set()
        if self._updated_model is not model or step < self._done:
            self._bind(model, optimizer)
            self._unjudged = set(self.updates.followed) if step == 0 else set()
            self._begin_at(step)
        else:
            self._optimizer.give(optimizer)
            self._optimizer.check(self.updates.driven)
            self.updates.check_kernels()
            self._carry_out_until(step)

    def _bind(self, model, optimizer=None):
        check_can_drive(model)
        warn_of_frozen(sparse_layers(model))
        self.updates, self._optimizer = SparsityUpdates(model), SteppingOptimizer(model, optimizer)
        self._updated_model, self._training = model, None
        tell_training(model)
        self._optimizer.check(self.updates.driven)

    def _begin_at(self, step):
        """Carries out what is due at `step`, and earlier updates that masks do not have."""
        self.updates.check_kernels()
        self._carry_out(self.updates.missed(step))
        self._done = step - 1
        self._carry_out_until(step)

    def _carry_out_until(self, step):
        """Carries out what became due since the last call, up to `step`."""
        due = self.updates.due(self._done + 1, step)
        if due:
            self._refuse_to_undo(due)
            self._carry_out(due)
        self._done = step
        if not self._in_fit:
            self._leave_driven(step)

    def _carry_out(self, due):
        with self._announced(due):
            grown = self.updates.carry_out(due)
        self.carried_out += bool(due)
        self._optimizer.forget(grown, due)

    def _announced(self, due):
        """Returns a context that says, once in a `fit` that shows progress, that masks are made."""
        verbose = (self.params or {}).get("verbose")
        masked = [wrapper for update in self.updates.masking(due) for wrapper in update.wrappers]
        if not verbose or not masked or not self._in_fit or self._has_announced:
            return contextlib.nullcontext()
        self._has_announced = True
        # With 2 Keras prints whole lines, and before the first step it has printed nothing.
        return first_masks.announced(masked, within_a_line=verbose != 2 and self._started)

    def _leave_driven(self, step):
        """Lets a custom loop train until the next update after `step` is due."""
        if not isinstance(self._training, DrivenByUpdate):
            self._training = DrivenByUpdate(self._updated_model, self.updates)
        self._training.up_to_date(step)

    # Training with `fit`.

    def set_model(self, model: keras.Model | None = None) -> None:
        """Is given the model by Keras."""
        check_callback(self, UpdateSparsity)
        super().set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes charge of the sparse layers, and carries out the update of the first step."""
        self._bind(self.model)
        check_has_optimizer(self.model)
        self._training = DrivenByCallback(self.model, self.updates)
        self._training.stand_in()
        # Or in a custom loop that calls its callbacks, perhaps after a `fit`.
        self._in_fit = bool(self.params) and self.model.train_function is not None
        self._per_batch = max(1, self.model.steps_per_execution)
        self._started = self._has_announced = False
        self._warned = self._counted = False
        step = steps_done(self.model.optimizer)
        self._unjudged = set(self.updates.followed) if step == 0 else set()
        if step == 0:
            self._refuse_to_undo(self.updates.first_updates(self._most_steps()))
        self._start_at(step)

    def _most_steps(self):
        """Returns how many steps the run has at most; None if that is not known."""
        params = self.params or {}
        steps, epochs = params.get("steps"), params.get("epochs")
        return steps * epochs if steps and epochs else None

    def _refuse_to_undo(self, due):
        """Raises an error if the first update of a run from step 0 would bring weights back."""
        first = [update for update in due if update.key in self._unjudged]
        undone = self.updates.undone_by(first)
        if undone:
            raise ValueError(
                "`model` is sparse already, and its `optimizer` starts at step 0 (compile makes a "
                "new one): the `schedule` would start over and bring weights back. Received: "
                f"{'; '.join(undone)}. To train on at this sparsity, `frozen = sos.freeze(model)`: "
                "compile and fit `frozen`, which has the present masks fixed; or give the layers a "
                "sos.schedules.ConstantSparsity of it. To go on with the schedule, keep the "
                "optimizer, or set its `iterations`."
            )
        self._unjudged -= {update.key for update in first}

    def _start_at(self, step):
        self._start = self._most = step
        self._begin_at(step)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks, once, that the schedules fit into the run."""
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        if not self._started and steps and epochs:
            optimizer = innermost(self.model.optimizer)
            batches = steps * (epochs - epoch)
            start = steps_done(optimizer)
            end = start + batches // batches_a_step(optimizer)
            self._report_unreached(start, end, self.strict)
            for kind, layers in layers_by_technique(self.model).items():
                kind.before_run(layers, optimizer, start, end)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Lets one training step run; starts from the step that another callback has restored."""
        if self._in_fit:
            self._training.allowed = True
        elif self._started:  # a custom loop that calls callbacks need not call the others
            self._carry_out_until(steps_done(self.model.optimizer))
        if not self._started:
            self._started = True
            step = steps_done(self.model.optimizer)
            if step != self._start:
                self._unjudged = set()
                self._start_at(step)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Carries out what the steps that were just done made due."""
        # An upper bound, since accumulated and skipped steps do not count: the optimizer is
        # asked (on JAX that synchronizes the whole state) only when something may be due.
        self._most += self._per_batch
        if not self.updates.due(self._done + 1, self._most):
            self._done = self._most
            return
        step = steps_done(self.model.optimizer)
        self._carry_out_until(step)
        self._most = step

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Catches up with the optimizer, and warns if it counts no steps: nothing is due then."""
        # It may take several steps a batch.
        step = steps_done(self.model.optimizer)
        if step > self._done:
            self._carry_out_until(step)
            self._most = step
        if self._counted or not self.updates.driven:
            return
        self._counted = step > self._start
        if not self._counted:
            warn(
                "No `optimizer` step was counted in this epoch, so that no sparsity update can be "
                f"due: `model.optimizer.iterations` is still {self._start}. Where a training step "
                "of your own applies another optimizer, call `sos.UpdateSparsity().update(model, "
                "step)` before each step instead."
            )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Warns if a schedule did not reach its final value after all, or no L0 gate shut."""
        if self._started and not self._warned:
            self._report_unreached(self._start, steps_done(self.model.optimizer), False)
        for kind, layers in layers_by_technique(self.model).items():
            kind.after_run(layers)

    def _report_unreached(self, start, end, strict):
        found = self.updates.unreached(start, end)
        if not found:
            return
        self._warned = True
        message = (
            f"`schedule` does not reach its final value in this run, of steps {start} to {end}: "
            + "; ".join(found)
            + ". Train longer, or end the schedule earlier."
        )
        if strict:
            raise ValueError(message)
        warn(message)
