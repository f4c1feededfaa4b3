"""A kernel's regularizer and constraint, applied to the effective kernel, not the stored one.

The wrapped layer has put both on its variable. What is stored there also has values for weights
that are masked, which no model uses: left alone, the regularizer would penalize them, and the
constraint would scale the present weights by them.

A technique's own penalty of what is stored (`Contract.stored_penalty`) goes the same way.
"""

import contextlib

import keras
import numpy as np

from state_of_sparsity.wrapping.stored_weights import reparametrization_of, reparametrize


def act_on_effective_kernel(wrapper, kernel):
    """Makes a kernel's regularizer and constraint, if it has any, act on the effective kernel.

    Its weights are stored from now on as the wrapper's reparametrization says.

    Args:
        wrapper: the `SparseWrapper` around the layer.
        kernel: one of its `SparseKernel`s, its state made.
    """
    variable = kernel.variable
    _release_terms(variable)  # of a wrapper that the layer had before
    reparametrize(variable, wrapper.reparametrization)
    regularizer, constraint = variable.regularizer, variable.constraint
    if regularizer is not None or wrapper.penalizes_stored:
        variable.regularizer = EffectiveRegularizer(wrapper, kernel, regularizer)
    if constraint is not None:
        variable.constraint = EffectiveConstraint(wrapper, kernel, constraint)


def release(variable):
    """Gives a kernel's variable the regularizer, constraint and weights back that its layer had."""
    _release_terms(variable)
    reparametrize(variable, None)


def _release_terms(variable):
    variable.regularizer = plain(variable.regularizer)
    variable.constraint = plain(variable.constraint)


def keep_terms(variables, on_failure):
    """Sees to it that a failure leaves variables as they were: their terms, how they store weights.

    A wrapper that is built takes charge of its kernels' own.

    Args:
        variables: the weights of a model whose layers are being exchanged.
        on_failure: is told, as `(function, *arguments)`, how to take back each change.
    """

    def restore(terms):
        for variable, regularizer, constraint, reparametrization in terms:
            variable.regularizer, variable.constraint = regularizer, constraint
            reparametrize(variable, reparametrization)

    terms = [(v, v.regularizer, v.constraint, reparametrization_of(v)) for v in variables]
    on_failure(restore, terms)


def plain(term):
    """Returns the regularizer or constraint that a layer itself made, without ours around it."""
    return term.original if isinstance(term, _EffectiveTerm) else term


class _EffectiveTerm:
    def __init__(self, wrapper, kernel, original):
        self.wrapper, self.kernel, self.original = wrapper, kernel, original

    def _stored_as(self, value, known=()):
        """Returns a scope in which the kernel is stored as `value`.

        Args:
            value: the kernel's variable, or a tensor.
            known: values of variables that cannot be read here: a list of `(variable, value)`.
        """
        variable = self.kernel.variable
        if value is variable and not known:
            return contextlib.nullcontext()
        known = {id(v): value for v, value in known} | {id(variable): value}
        # Every variable is mapped: on JAX an unmapped one would be read from outside the trace.
        own = self.wrapper.variables
        others = [(v, v.value) for v in own if id(v) not in known]
        mapping = [(v, known[id(v)]) for v in own if id(v) in known] + others
        return keras.StatelessScope(mapping)


class EffectiveRegularizer(_EffectiveTerm):
    """Penalizes the kernel of evaluation: a weight that is absent there gets no gradient of it.

    What the technique itself penalizes is added.
    """

    def __call__(self, value):
        """Returns the penalty of the effective kernel when `value` is stored, and of `value`."""
        with self._stored_as(value):
            terms = []
            if self.wrapper.penalizes_stored:
                terms.append(self.wrapper.stored_penalty(self.kernel))
            if self.original is not None:
                effective = self.wrapper.effective_kernel(self.kernel, training=False)
                terms.append(self.original(keras.ops.cast(effective, self.kernel.variable.dtype)))
            return sum(terms[1:], terms[0])


class EffectiveConstraint(_EffectiveTerm):
    """Constrains the kernel of evaluation, whatever is stored for it."""

    seen = ()

    def __call__(self, value):
        """Returns what to store for `value`, so that the kernel of evaluation is allowed."""
        in_step = self._in_a_step_of_jax(value)
        value = keras.ops.convert_to_tensor(value) if in_step else value
        with self._stored_as(value, self.seen if in_step else ()):
            return self.wrapper.constrained_kernel(self.kernel, self.original)

    def see(self):
        """Keeps the values of masks and the like that a training call computes with.

        The optimizer, which applies constraints, comes next in the same step, and Keras's trainer
        for JAX gives it the trainable variables alone: it could not read a mask.

        (A loop that applies gradients in another jitted function than it computed them in ends in
        JAX's UnexpectedTracerError.)
        """
        if keras.backend.backend() == "jax":
            self.seen = [(v, v.value) for v in self.wrapper.non_trainable_variables]

    def _in_a_step_of_jax(self, value):
        """Returns whether `value` is constrained in the step in which `see` was called."""
        if not self.seen:
            return False
        import jax

        traced = [isinstance(seen, jax.core.Tracer) for _, seen in self.seen]
        # Applied by itself, after gradients that a jitted function computed, it reads variables.
        return isinstance(keras.ops.convert_to_tensor(value), jax.core.Tracer) or not any(traced)


def constrain(kernel, where=None):
    """Constrains a kernel outside training, as the optimizer does after a step.

    A frozen kernel is left as it is, and so is one that differs by rounding alone, lest it drift
    when this is repeated.

    Args:
        kernel: a `SparseKernel`.
        where: a comparison, such as `np.less`, of absolute values: new ones for which it is false
            of the stored ones are not taken.
    """
    variable = kernel.variable
    if variable.constraint is None or not variable.trainable:
        return
    if isinstance(variable.constraint, EffectiveConstraint):
        variable.constraint.seen = ()  # the mask is another one now
    stored, allowed = variable.numpy(), keras.ops.convert_to_numpy(variable.constraint(variable))
    tolerance = 1e-5 if stored.dtype in (np.float32, np.float64) else 1e-2
    if np.allclose(allowed.astype(np.float64), stored.astype(np.float64), tolerance, atol=0):
        return
    if where is not None:
        allowed = np.where(where(np.abs(allowed), np.abs(stored)), allowed, stored)
    variable.assign(allowed)
