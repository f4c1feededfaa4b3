"""Keras callbacks: `UpdateSparsity` drives schedules, `SparsityLog` records the sparsity."""

import warnings

import keras
from keras import ops

from state_of_sparsity.layers.gate_travel import (
    warn_if_no_gate_can_shut,
    warn_if_no_gate_is_shut,
)
from state_of_sparsity.layers.training_mode import tell_training
from state_of_sparsity.structure import model_kernels, sparse_layers
from state_of_sparsity.updates import SparsityUpdates


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
            schedule returns a sparsity outside [0, 1), or (with `strict`) a schedule cannot
            reach its final value; at an update, if a kernel holds NaN.

    Example:

    >>> sparse.fit(x, y, epochs=10, callbacks=[sos.UpdateSparsity()])

    In a custom loop:

    >>> updater = sos.UpdateSparsity()
    >>> for step, batch in enumerate(data):
    ...     updater.update(sparse, step)
    ...     train_step(batch)
    >>> updater.update(sparse, step + 1)
    """

    def __init__(self, strict=False):
        super().__init__()
        self.strict = strict
        self.updates = None
        self._updated_model = None

    def update(self, model, step: int):
        """Brings masks and penalty weights to optimizer step `step`, in a custom loop.

        Call it before each step, with the number of steps completed, and once after the last. On
        JAX with a stateless loop: write the state back to the model, update, read it again.

        Args:
            model: the model with sparse layers.
            step: optimizer steps completed, at least 0.
        """
        step = _count(step)
        if self._updated_model is not model or step < self._done:
            self._bind(model)
            self._done = step - 1
        self.updates.set_driven(True)
        self._carry_out_until(step)

    def _bind(self, model):
        _check_can_drive(model)
        self.updates = SparsityUpdates(model)
        self._updated_model = model
        tell_training(model)

    def _carry_out_until(self, step):
        """Carries out what is due after the steps that are done, up to `step`."""
        due = self.updates.due(self._done + 1, step)
        if due:
            self.updates.carry_out(due)
        self._done = step

    # Training with `fit`.

    def on_train_begin(self, logs=None):
        """Takes charge of the sparse layers, and carries out the update of the first step."""
        self._bind(self.model)
        self._training = _DrivenTraining.of(self.model, self.updates)
        if self._training is None:  # a custom loop that calls its callbacks
            self.updates.set_driven(True)
        self._per_batch = max(1, self.model.steps_per_execution)
        self._started = False
        self._warned = self._counted = False
        step = _steps_done(self.model.optimizer)
        if step == 0:
            self._warn_of_starting_over()
        self._start_at(step)

    def _warn_of_starting_over(self):
        lowered = self.updates.lowered_at_start()
        if lowered:
            warnings.warn(
                f"The model is already sparse, and the `optimizer` starts at step 0: the schedule "
                f"begins anew and makes {lowered} less sparse. To go on at this sparsity give its "
                "layers a ConstantSparsity or a sos.FixedMask; to go on with the schedule, keep "
                "the optimizer (compile makes a new one) or set its `iterations`.",
                stacklevel=2,
            )

    def _start_at(self, step):
        self._start = self._most = step
        self._done = step - 1
        self._carry_out_until(step)

    def on_epoch_begin(self, epoch, logs=None):
        """Checks, once, that the schedules fit into the run."""
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        if not self._started and steps and epochs:
            optimizer = self.model.optimizer
            optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss scaler
            batches = steps * (epochs - epoch)
            start = _steps_done(optimizer)
            per_step = optimizer.gradient_accumulation_steps or 1
            end = start + batches // per_step
            self._report_unreached(start, end, self.strict)
            warn_if_no_gate_can_shut(sparse_layers(self.model).values(), optimizer, start, end)

    def on_train_batch_begin(self, batch, logs=None):
        """Lets one training step run; starts from the step that another callback has restored."""
        if self._training is not None:
            self._training.allowed = True
        if not self._started:
            self._started = True
            step = _steps_done(self.model.optimizer)
            if step != self._start:
                self._start_at(step)

    def on_train_batch_end(self, batch, logs=None):
        """Carries out what the steps that were just done made due."""
        # An upper bound, since accumulated and skipped steps do not count: the optimizer is
        # asked (on JAX that synchronizes the whole state) only when something may be due.
        self._most += self._per_batch
        if not self.updates.due(self._done + 1, self._most):
            self._done = self._most
            return
        step = _steps_done(self.model.optimizer)
        self._carry_out_until(step)
        self._most = step

    def on_epoch_end(self, epoch, logs=None):
        """Warns if the optimizer counts no steps: then no update is ever due."""
        if self._counted or not self.updates.driven:
            return
        self._counted = _steps_done(self.model.optimizer) > self._start
        if not self._counted:
            warnings.warn(
                "No `optimizer` step was counted in this epoch, so that no sparsity update can be "
                f"due: `model.optimizer.iterations` is still {self._start}. Where a training step "
                "of your own applies another optimizer, call `sos.UpdateSparsity().update(model, "
                "step)` before each step instead.",
                stacklevel=2,
            )

    def on_train_end(self, logs=None):
        """Warns if a schedule did not reach its final value after all, or no L0 gate shut."""
        if self._started and not self._warned:
            self._report_unreached(self._start, _steps_done(self.model.optimizer), False)
        warn_if_no_gate_is_shut(sparse_layers(self.model).values())

    def _report_unreached(self, start, end, strict):
        found = self.updates.unreached(start, end)
        if not found:
            return
        self._warned = True
        message = (
            f"`schedule` does not reach its final value in this run, of steps {start} to {end}: "
            + "; ".join(found)
            + ". Train longer, end the schedule earlier, or choose a `frequency` that divides "
            "`end_step - begin_step`."
        )
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=2)


def _steps_done(optimizer) -> int:
    # Through a tensor: a distributed variable is no number, and an accumulating count no variable.
    return int(ops.convert_to_numpy(ops.convert_to_tensor(optimizer.iterations)))


def _count(step) -> int:
    try:
        count = int(step)  # an optimizer's `iterations` will do
    except (TypeError, ValueError):
        count = -1
    if isinstance(step, bool) or count < 0 or count != step:
        raise ValueError(f"`step` must be an integer of at least 0. Received: {step!r}.")
    return count


class _DrivenTraining:
    """Stands in for a model's training step, and runs it only when something drives its sparsity.

    A step that was compiled under an `UpdateSparsity` would run on without one, in silence.
    """

    def __init__(self, original, updates):
        self.original, self.updates = original, updates
        self.allowed = False

    @classmethod
    def of(cls, model, updates):
        """Returns the stand-in for a model's training step, put in its place; None without one."""
        original = model.train_function
        if original is None:
            return None
        original = original.original if isinstance(original, cls) else original
        model.train_function = cls(original, updates)
        return model.train_function

    def __call__(self, *args, **kwargs):
        if not self.allowed:
            self.updates.check_driven()
            return self.original(*args, **kwargs)
        self.allowed = False
        self.updates.set_driven(True)
        try:
            return self.original(*args, **kwargs)
        finally:
            self.updates.set_driven(False)


class SparsityLog(keras.callbacks.Callback):
    """Adds the model's sparsity to the logs of every epoch.

    `sparsity` is the fraction of zeros over all kernels, dense ones included. Callbacks listed
    after it (`CSVLogger`, `TensorBoard`) and the history record it.

    Example:

    >>> sparse.fit(x, y, callbacks=[sos.UpdateSparsity(), sos.SparsityLog()])
    """

    def on_epoch_end(self, epoch, logs=None):
        """Counts and logs."""
        if logs is not None:
            logs["sparsity"] = overall_sparsity(self.model)


def overall_sparsity(model) -> float:
    """Returns the fraction of zeros over all kernels of a model, dense kernels included."""
    size = zeros = 0
    for kernel in model_kernels(model):
        count = int(ops.size(kernel.variable))
        size += count
        if kernel.wrapper is not None:
            zeros += count - int(kernel.wrapper.present(kernel.kernel).sum())
    return zeros / size if size else 0.0


def _check_can_drive(model):
    if not model.built:
        raise ValueError(
            f"`model` must be built before it is trained sparse: '{model.name}' has no weights "
            "yet. Begin it with keras.Input(shape), or call model.build(input_shape)."
        )
    if not sparse_layers(model):
        raise ValueError(
            f"`model` must have sparse layers to update. Received: '{model.name}', which has "
            "none. Train the model that `sos.sparsify` returned."
        )
