"""`VariationalDropout`: learn a noise level for every weight, and drop those that are all noise."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Unpack

import keras
import numpy as np
from keras import ops

from state_of_sparsity.arguments import check_flag, check_number, is_number
from state_of_sparsity.layers import random_numbers
from state_of_sparsity.layers.controlled_penalty import PenaltyWeight
from state_of_sparsity.layers.penalized import PenalizedWrapper
from state_of_sparsity.layers.variational_terms import EPSILON, clipped_variance, kl_divergence
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.kernel_axes import kernel_axes
from state_of_sparsity.wrapping.kernels import own_weights
from state_of_sparsity.wrapping.linear_layers import (
    in_rows,
    is_linear,
    looks_up,
    noise_shape,
    without_activation,
)
from state_of_sparsity.wrapping.replica_seeds import ReplicaSeedGenerator
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel
from state_of_sparsity.wrapping.substitution import call_with


@keras.saving.register_keras_serializable(package=PACKAGE)
class VariationalDropout(PenalizedWrapper):
    """Learns a Gaussian posterior `N(theta, sigma^2)` for every weight.

    With `log alpha = log sigma^2 - log(theta^2 + 1e-8)`, the penalty is the approximate KL
    divergence from the log-uniform prior,
    `sum(k1 - k1 sigmoid(k2 + k3 log alpha) + log(1 + 1/alpha) / 2)`.
    In training a layer that is linear in its kernel draws its pre-activations from
    `N(x theta, x^2 sigma^2)` (local reparameterisation); any other layer draws its weights. At
    evaluation the kernel is `theta` where `log alpha < threshold`, else 0.

    Args:
        layer: the Keras layer to make sparse, built or not. Its kernel is `theta`.
        kl_weight: weight of the KL divergence in the loss: a number of at least 0, a callable of
            the step such as a `sos.schedules.Ramp`, or a `sos.schedules.TargetSparsity`, which
            finds it. `1 / number of training examples` is the Bayesian choice for a loss that is a
            mean over examples.
        threshold: log alpha from which on a weight is dropped; 3 drops weights whose noise has
            more than 4.5 times their size.
        initial_log_sigma2: log sigma^2 at the start.
        clip_log_alpha: in training log alpha is clipped to [-clip, clip]; `None` to leave it.
        share_positions: whether a dense layer called on inputs of rank 3 or more draws its noise
            once an example and shares it over the positions, as the paper does. Convolutions
            always draw at every position.
        seed: integer seed of the noise. Layers of one shape that share a seed share their noise:
            with `None` each has its own, which `keras.utils.set_random_seed` fixes.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> layer = sos.VariationalDropout(keras.layers.Dense(10), kl_weight=1 / 60_000)

    Reference: Molchanov et al., "Variational Dropout Sparsifies Deep Neural Networks", 2017,
    equations 10 and 14.
    """

    penalty_argument = "kl_weight"
    seed_generator_type = ReplicaSeedGenerator  # noise is drawn for examples

    def __init__(
        self,
        layer: keras.layers.Layer,
        kl_weight: PenaltyWeight,
        threshold: float = 3.0,
        *,
        initial_log_sigma2: float = -10.0,
        clip_log_alpha: float | None = 8.0,
        share_positions: bool = True,
        seed: int | None = None,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_number("threshold", threshold)
        check_flag("share_positions", share_positions)
        if clip_log_alpha is not None and not (is_number(clip_log_alpha) and clip_log_alpha > 0):
            raise ValueError(
                f"`clip_log_alpha` must be above 0, or None. Received: {clip_log_alpha!r}."
            )
        super().__init__(layer, kl_weight, seed=seed, kernels=kernels, **kwargs)
        self.threshold = float(threshold)
        self.initial_log_sigma2 = float(initial_log_sigma2)
        self.clip_log_alpha = clip_log_alpha
        self.share_positions = share_positions
        self.build_if_possible()

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates log sigma^2 of the kernel."""
        start = keras.initializers.Constant(self.initial_log_sigma2)
        return self.add_auxiliary(kernel, "log_sigma2", start)

    def margins(self, kernel: SparseKernel) -> np.ndarray:
        """Returns how far log alpha is from the threshold, for every weight."""
        return self.threshold - ops.convert_to_numpy(self.log_alpha(*self.tensors(kernel)))

    def shift_margins(self, kernel: SparseKernel, by: np.ndarray) -> None:
        """Makes noise smaller or larger."""
        log_sigma2 = self.kernel_state[kernel.name]
        log_sigma2.assign(log_sigma2.numpy() - by)

    def log_alpha(self, theta: Any, log_sigma2: Any) -> Any:
        """Returns log alpha, not clipped."""
        return log_sigma2 - ops.log(ops.square(theta) + EPSILON)

    def variance(self, theta: Any, log_sigma2: Any) -> Any:
        """Returns sigma^2 with log alpha clipped."""
        return clipped_variance(theta, log_sigma2, self._limit)

    def penalty(self, theta: Any, log_sigma2: Any) -> Any:
        """Returns the KL divergence of one kernel."""
        return kl_divergence(theta, log_sigma2, self._limit)

    @property
    def _limit(self):
        return math.inf if self.clip_log_alpha is None else self.clip_log_alpha

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns a sample of the kernel in training, the thresholded means else."""
        theta, log_sigma2 = self.tensors(kernel)
        if training:
            dtype = keras.backend.standardize_dtype(theta.dtype)
            noise = random_numbers.normal(theta.shape, dtype, self.seed_generator)
            return theta + ops.sqrt(self.variance(theta, log_sigma2) + EPSILON) * noise
        return self._thresholded(theta, log_sigma2)

    def _thresholded(self, theta, log_sigma2):
        present = self.log_alpha(theta, log_sigma2) < self.threshold
        return ops.where(present, theta, 0)

    def constrained_kernel(self, kernel: SparseKernel, constraint: Callable[[Any], Any]) -> Any:
        """Returns the constrained means, those of dropped weights as they are."""
        theta, log_sigma2 = self.tensors(kernel)
        for _ in range(2):  # a smaller mean can cross the threshold, and the rest have to make up
            allowed = constraint(self._thresholded(theta, log_sigma2))
            present = self.log_alpha(theta, log_sigma2) < self.threshold
            theta = ops.where(present, allowed, theta)
        return self.to_store(kernel, ops.cast(theta, kernel.variable.dtype))

    def sparse_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None
    ) -> Any:
        """Draws pre-activations in training where the layer is linear in its one kernel."""
        draws_outputs = training and self._draws_outputs(args, kwargs)
        axes = kernel_axes(self.sparse_kernels[0]) if draws_outputs else None
        if axes is None:
            return super().sparse_call(args, kwargs, training)
        (kernel,) = self.sparse_kernels
        theta, log_sigma2 = self.tensors(kernel)
        theta = self.guard(kernel, theta)
        own_args, own_kwargs, restored = in_rows(self.layer, args, kwargs)
        with without_activation(self.layer):
            mean = self.run_layer([(kernel.variable, theta)], own_args, own_kwargs)
            squares = not looks_up(axes, kwargs)
            sigma2 = self.variance(theta, log_sigma2)
            variance = self._output_variance(kernel, sigma2, squares, own_args, own_kwargs)
        mean, variance = restored(mean), restored(variance)
        shape = noise_shape(axes, args, kwargs, mean, self.share_positions)
        noise = random_numbers.normal(shape, "float32", self.seed_generator)
        # Fast convolutions can make a sum of squares slightly negative: the square root must not.
        scale = ops.sqrt(ops.relu(ops.cast(variance, "float32")) + EPSILON)
        return self._activated(mean + ops.cast(scale * noise, mean.dtype))

    def _draws_outputs(self, args, kwargs):
        """Returns whether the noise of a call is drawn for its outputs, else for the weights."""
        inputs = args[0] if args else kwargs.get("inputs")
        return (
            len(self.sparse_kernels) == 1
            and is_linear(self.layer)
            # TensorFlow's ragged tensors have no one shape that noise could be drawn in.
            and not hasattr(inputs, "ragged_rank")
            # A subclass that draws its weights in another way means it.
            and type(self).effective_kernel is VariationalDropout.effective_kernel
        )

    def _output_variance(self, kernel, sigma2, squares, args, kwargs):
        """Runs the layer, on squared inputs, with sigma^2 as kernel and nothing else added."""
        args, kwargs = list(args), dict(kwargs)
        holder, key = (args, 0) if args else (kwargs, "inputs")
        half = self.layer.compute_dtype == "float16"
        if squares:
            # Squares overflow in float16 from 256 up, and sigma^2 underflows; those of integers do
            # so from 16 up.
            dtype = "float32" if half else self.layer.compute_dtype
            holder[key] = ops.square(ops.cast(holder[key], dtype))
        others = [w.variable for w in own_weights(self.layer) if w.variable is not kernel.variable]
        values = [(v, ops.zeros(v.shape, v.dtype)) for v in others]
        with without_activation(self.layer, in_float32=half):
            return call_with(self.layer, [(kernel.variable, sigma2), *values], args, kwargs)[0]

    def _activated(self, outputs):
        activation = getattr(self.layer, "activation", None)
        outputs = outputs if activation is None else activation(outputs)
        if self.layer.activity_regularizer is not None:
            batch = ops.cast(ops.shape(outputs)[0], outputs.dtype)
            self.add_loss(self.layer.activity_regularizer(outputs) / batch)
        return outputs

    def evaluation_kernel(self, kernel: SparseKernel) -> np.ndarray:
        """Returns theta with the dropped weights written in as zeros."""
        theta = self.weight_array(kernel)
        return np.where(self.present(kernel), theta, np.zeros((), theta.dtype))

    def present(self, kernel: SparseKernel) -> np.ndarray:
        """Returns where log alpha is below the threshold."""
        theta, log_sigma2 = self.tensors(kernel)
        return ops.convert_to_numpy(self.log_alpha(theta, log_sigma2) < self.threshold)

    def training_share(self, kernel: SparseKernel) -> float:
        """Returns 2: mean and variance are computed, of all weights."""
        return 2.0

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "initial_log_sigma2": self.initial_log_sigma2,
            "clip_log_alpha": self.clip_log_alpha,
            "share_positions": self.share_positions,
        }
