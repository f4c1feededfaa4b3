"""`L0Regularization`: learn for every weight the probability that it is not zero."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, Unpack

import keras
import numpy as np
from keras import ops

from state_of_sparsity.arguments import check_number
from state_of_sparsity.layers import random_numbers
from state_of_sparsity.layers.controlled_penalty import PenaltyWeight
from state_of_sparsity.layers.gate_travel import warn_if_no_gate_can_shut, warn_if_no_gate_is_shut
from state_of_sparsity.layers.hard_concrete import sampled_gate, stretch
from state_of_sparsity.layers.penalized import PenalizedWrapper
from state_of_sparsity.version import PACKAGE
from state_of_sparsity.wrapping.base import WrapperArguments
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel
from state_of_sparsity.wrapping.units import gate_shape

# Chosen on digits with plain Adam (docs/l0_regularization.md); a power of two rounds nothing.
DEFAULT_GATE_SPEED = 16.0


@keras.saving.register_keras_serializable(package=PACKAGE)
class L0Regularization(PenalizedWrapper):
    """Multiplies every weight by a hard-concrete gate and penalizes the expected L0 norm.

    In training a gate is `clip(s (zeta - gamma) + gamma, 0, 1)` with
    `s = sigmoid((log u - log(1 - u) + log_alpha) / beta)`, `u` uniform and fresh in each call; at
    evaluation `clip(sigmoid(log_alpha) (zeta - gamma) + gamma, 0, 1)`, which is 0 if and only if
    `log_alpha <= log(-gamma / zeta)`. The penalty is the expected number of weights that are not
    zero, `sum(sigmoid(log_alpha - beta log(-gamma / zeta)))`.

    The variable that is trained, named `log_alpha`, holds `log_alpha / gate_speed`. Adam moves a
    variable by about its learning rate a step, and a gate starts 4.6 away from where it shuts: the
    speed takes it there within hundreds of steps in place of thousands. Adam, RMSprop and the like
    move log alpha `gate_speed` times as fast as they move a weight, SGD `gate_speed ** 2` times.
    `gate_speed=1` is the method as published.

    With `group="unit"` the weights of an input unit, or of a filter of a convolution, share one
    gate, and a gate counts in the penalty as many times as it has weights: whole units are dropped.

    Args:
        layer: the Keras layer to make sparse, built or not.
        l0_weight: weight of the penalty in the loss: a number of at least 0, a callable of the step
            such as a `sos.schedules.Ramp`, or a `sos.schedules.TargetSparsity`, which finds it.
        initial_keep: `sigmoid(log_alpha)` at the start, in (0, 1). At 0.9 a gate of evaluation
            starts at 0.98, so that outputs right after wrapping are smaller than before, the more
            the deeper the network is (0.77 times after 13 layers). From 0.93 on gates start at 1
            and nothing changes: take 0.95 or more for a network that is trained already.
        gate_speed: above 0, what a 1 in the variable `log_alpha` stands for. Files and gin files
            that say nothing of it are from before it, and mean 1.
        beta: temperature of the gates, above 0.
        gamma: lower end of the stretched gates, below 0.
        zeta: upper end of the stretched gates, above 1.
        group: `None` for a gate a weight, or `"unit"` for a gate an input unit (a row of a dense
            kernel, a token of an embedding) or an output filter of a convolution.
        seed: integer seed of the noise. Layers of one shape that share a seed share their noise:
            with `None` each has its own, which `keras.utils.set_random_seed` fixes.
        kernels: names of the kernels to make sparse; every kernel if `None`.
        reparametrization: a `sos.Powerpropagation`, to train powers of the weights; None without.
        **kwargs: `name` and `trainable`, as for a Keras layer.

    Raises:
        ValueError: if an argument is outside its range.

    Example:

    >>> layer = sos.L0Regularization(keras.layers.Dense(10), l0_weight=1e-5)

    Reference: Louizos, Welling, Kingma, "Learning Sparse Neural Networks through L0
    Regularization", 2018, equations 10 to 13; groups as in the authors' code.
    """

    penalty_argument = "l0_weight"

    def __init__(
        self,
        layer: keras.layers.Layer,
        l0_weight: PenaltyWeight,
        initial_keep: float = 0.9,
        *,
        gate_speed: float = DEFAULT_GATE_SPEED,
        beta: float = 2 / 3,
        gamma: float = -0.1,
        zeta: float = 1.1,
        group: Literal["unit"] | None = None,
        seed: int | None = None,
        kernels: Sequence[str] | None = None,
        **kwargs: Unpack[WrapperArguments],
    ) -> None:
        check_number("initial_keep", initial_keep, above=0, below=1)
        check_number("gate_speed", gate_speed, above=0)
        check_number("beta", beta, above=0)
        check_number("gamma", gamma, below=0)
        check_number("zeta", zeta, above=1)
        _check_group(group)
        super().__init__(layer, l0_weight, seed=seed, kernels=kernels, **kwargs)
        self.group, self.gate_speed = group, float(gate_speed)
        self.initial_keep, self.beta, self.gamma, self.zeta = initial_keep, beta, gamma, zeta
        self.build_if_possible()

    def add_kernel_state(self, kernel: SparseKernel) -> keras.Variable:
        """Creates the variable `log_alpha`, which holds log alpha of the gates / `gate_speed`."""
        mean = math.log(self.initial_keep / (1 - self.initial_keep))
        start = keras.initializers.RandomNormal(
            mean / self.gate_speed, stddev=0.01 / self.gate_speed, seed=self.seed
        )
        shape = gate_shape(kernel, self.group)
        return self.add_auxiliary(kernel, "log_alpha", start, shape)

    def from_stored(self, stored: Any) -> Any:
        """Returns log alpha from the variable `log_alpha`, which holds it in units of the speed."""
        return stored * self.gate_speed

    def penalty(self, theta: Any, log_alpha: Any) -> Any:
        """Returns the expected number of weights that are not zero."""
        weights_a_gate = math.prod(theta.shape) // math.prod(log_alpha.shape)
        return weights_a_gate * ops.sum(ops.sigmoid(log_alpha - self.beta * self.shut_at))

    @property
    def shut_at(self) -> float:
        """Log alpha at and below which a gate is shut at evaluation."""
        return math.log(-self.gamma / self.zeta)

    def margins(self, kernel: SparseKernel) -> np.ndarray:
        """Returns how far log alpha is from where gates shut, for every weight."""
        _, log_alpha = self.tensors(kernel)
        margins = ops.convert_to_numpy(log_alpha) - np.float32(self.shut_at)
        return np.broadcast_to(margins, kernel.shape)

    def shift_margins(self, kernel: SparseKernel, by: np.ndarray) -> None:
        """Opens or shuts gates of single weights; those of units stay as they are."""
        if self.group is None:
            log_alpha = self.kernel_state[kernel.name]
            log_alpha.assign(log_alpha.numpy() + by / self.gate_speed)

    def sample_gate(self, log_alpha: Any) -> Any:
        """Returns a sample of the gates, a tensor of values in [0, 1]."""
        dtype = keras.backend.standardize_dtype(log_alpha.dtype)
        uniform = random_numbers.uniform(log_alpha.shape, dtype, self.seed_generator)
        return sampled_gate(log_alpha, uniform, self.beta, self.gamma, self.zeta)

    def mean_gate(self, log_alpha: Any) -> Any:
        """Returns the gates of evaluation, a tensor of values in [0, 1]."""
        gate = ops.clip(stretch(ops.sigmoid(log_alpha), self.gamma, self.zeta), 0.0, 1.0)
        # Rounding could leave a gate at the boundary slightly open.
        return ops.where(log_alpha > self.shut_at, gate, 0)

    def effective_kernel(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the gated kernel, with sampled gates in training."""
        theta, log_alpha = self.tensors(kernel)
        if training:
            return theta * self.sample_gate(log_alpha)
        gate = self.mean_gate(log_alpha)
        # Not a product alone: what a regularizer's gradient does not say at 0 is 0 here.
        return ops.where(gate > 0, theta * gate, 0)

    def constrained_kernel(self, kernel: SparseKernel, constraint: Callable[[Any], Any]) -> Any:
        """Returns the constrained gated kernel, its gates divided out where they are open."""
        theta, log_alpha = self.tensors(kernel)
        gate = self.mean_gate(log_alpha)
        allowed = constraint(self.effective_kernel(kernel, training=False))
        theta = ops.where(gate > 0, allowed / ops.where(gate > 0, gate, 1.0), theta)
        return self.to_store(kernel, ops.cast(theta, kernel.variable.dtype))

    def evaluation_kernel(self, kernel: SparseKernel) -> np.ndarray:
        """Returns the gated kernel of evaluation as a numpy array."""
        return ops.convert_to_numpy(self.effective_kernel(kernel, training=False))

    def write_zeros(self, kernel: SparseKernel) -> None:
        """Stores the gated kernel, and opens every gate that is not shut all the way."""
        super().write_zeros(kernel)
        _, log_alpha = self.tensors(kernel)
        wide_open = math.log((1 - self.gamma) / (self.zeta - 1)) + 1.0
        opened = ops.where(
            self.mean_gate(log_alpha) > 0, ops.maximum(log_alpha, wide_open), log_alpha
        )
        self.kernel_state[kernel.name].assign(opened / self.gate_speed)

    def present(self, kernel: SparseKernel) -> np.ndarray:
        """Returns where the gates of evaluation are open."""
        _, log_alpha = self.tensors(kernel)
        is_open = ops.convert_to_numpy(self.mean_gate(log_alpha) > 0)
        return np.broadcast_to(is_open, tuple(kernel.variable.shape)).copy()

    @classmethod
    def before_run(
        cls, layers: Sequence[Self], optimizer: keras.optimizers.Optimizer, start: int, end: int
    ) -> None:
        """Warns if every gate is further from shut than it can move in a run."""
        warn_if_no_gate_can_shut(layers, optimizer, start, end)

    @classmethod
    def after_run(cls, layers: Sequence[Self]) -> None:
        """Warns if there are gates with a penalty and not one of them is shut."""
        warn_if_no_gate_is_shut(layers)
        super().after_run(layers)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {
            **super().get_config(),
            "initial_keep": self.initial_keep,
            "gate_speed": self.gate_speed,
            "beta": self.beta,
            "gamma": self.gamma,
            "zeta": self.zeta,
            "group": self.group,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the layer from its configuration, also from one of an earlier version."""
        config = {"gate_speed": 1.0, **config}  # without one, from before it: 1
        if config.get("group") == "input":  # what files from before call it
            config["group"] = "unit"
        return super().from_config(config, custom_objects)

    def save_own_variables(self, store: Any) -> None:
        """Saves the variables, and the gate speed that their values are in units of."""
        super().save_own_variables(store)
        store["gate_speed"] = np.float64(self.gate_speed)

    def load_own_variables(self, store: Any) -> None:
        """Loads the variables of a layer of any gate speed; an old file has none, and means 1."""
        values = {name: store[name] for name in list(store.keys())}
        speed = float(values.pop("gate_speed", 1.0))
        super().load_own_variables(values)
        if speed != self.gate_speed:
            for log_alpha in self.kernel_state.values():
                log_alpha.assign(ops.convert_to_tensor(log_alpha) * (speed / self.gate_speed))


def _check_group(group):
    if group not in (None, "unit"):
        raise ValueError(
            '`group` must be None, for a gate a weight, or "unit", for a gate an input unit or '
            f"filter. Received: {group!r}."
        )
