"""A kernel's regularizer and constraint, made to act on the weights that exist.

Both are the layer's own, which the wrapped layer has put on its variable. Left there they would
count, and bound, stored values that no model uses.
"""

import contextlib

import keras
import numpy as np


def act_on_effective_kernel(wrapper, kernel):
    """Makes a kernel's regularizer and constraint, if it has any, act on the effective kernel.

    Args:
        wrapper: the `SparseWrapper` around the layer.
        kernel: one of its `Kernel`s, its state made.
    """
    variable = kernel.variable
    regularizer, constraint = plain(variable.regularizer), plain(variable.constraint)
    if regularizer is not None:
        variable.regularizer = EffectiveRegularizer(wrapper, kernel, regularizer)
    if constraint is not None:
        variable.constraint = EffectiveConstraint(wrapper, kernel, constraint)


def plain(term):
    """Returns the layer's own regularizer or constraint, whichever wrapper it acts for."""
    return term.original if isinstance(term, _EffectiveTerm) else term


class _EffectiveTerm:
    def __init__(self, wrapper, kernel, original):
        self.wrapper, self.kernel, self.original = wrapper, kernel, original

    def _stored_as(self, value):
        """Returns a scope in which the kernel is stored as `value`."""
        if value is self.kernel.variable:
            return contextlib.nullcontext()
        # Every variable is mapped: on JAX an unmapped one would be read from outside the trace.
        others = [(v, v.value) for v in self.wrapper.variables if v is not self.kernel.variable]
        return keras.StatelessScope([*others, (self.kernel.variable, value)])


class EffectiveRegularizer(_EffectiveTerm):
    """The regularizer of the kernel that evaluation uses; its gradient reaches no absent weight."""

    def __call__(self, value):
        """Returns the penalty of the effective kernel when `value` is stored."""
        with self._stored_as(value):
            effective = self.wrapper.effective_kernel(self.kernel, training=False)
            return self.original(keras.ops.cast(effective, self.kernel.variable.dtype))


class EffectiveConstraint(_EffectiveTerm):
    """The constraint of the kernel that evaluation uses."""

    def __call__(self, value):
        """Returns what to store in place of `value`, for the effective kernel to be allowed."""
        with self._stored_as(value):
            return self.wrapper.constrained_kernel(self.kernel, self.original)


def constrain(kernel, where=None):
    """Constrains a kernel outside training, as the optimizer does after a step.

    A frozen kernel is left as it is, and so is one that differs by rounding alone, lest it drift
    when this is repeated.

    Args:
        kernel: a `Kernel`.
        where: a comparison, such as `np.less`, of absolute values: new ones for which it is false
            of the stored ones are not taken.
    """
    variable = kernel.variable
    if variable.constraint is None or not variable.trainable:
        return
    stored, allowed = variable.numpy(), keras.ops.convert_to_numpy(variable.constraint(variable))
    tolerance = 1e-5 if stored.dtype in (np.float32, np.float64) else 1e-2
    if np.allclose(allowed.astype(np.float64), stored.astype(np.float64), tolerance, atol=0):
        return
    if where is not None:
        allowed = np.where(where(np.abs(allowed), np.abs(stored)), allowed, stored)
    variable.assign(allowed)
