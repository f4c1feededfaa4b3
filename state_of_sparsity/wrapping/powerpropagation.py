"""`Powerpropagation`: weights that are powers of what is trained, so that small ones stay small."""

from typing import Any

import keras
from keras import ops

from state_of_sparsity.arguments import check_number, refuse_class
from state_of_sparsity.schedules.configured import Configured
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class Powerpropagation(Configured):
    """Trains `theta` in place of a kernel's weights `w = theta |theta|^(alpha - 1)`.

    It is an argument, `reparametrization`, of any technique whose weights do not begin anew at 0
    (SET, RigL and ACDC refuse it). The gradient by `theta` is

        dL/dtheta = alpha |theta|^(alpha - 1) dL/dw

    so that large weights learn fast and small ones slowly: more of them end near 0, and can be
    dropped. The kernel's variable holds `theta`; the layer, masks, scores, thresholds and
    penalties, reports and what `sos.strip` and `sos.freeze` return go by `w`. So do the layer's
    own regularizer and constraint; an optimizer's weight decay and moments are those of `theta`.

    As a layer is wrapped, `theta = sign(w) |w|^(1 / alpha)` is stored for the weights that it has
    or is initialized with: its outputs stay as they are, up to rounding. A plain model that shares
    the variable, such as the one given to `sos.sparsify`, computes with `theta` from then on; give
    `copy=True` where it is still to be used. A weight that is exactly 0 gets no gradient (`alpha`
    above 1): a kernel that begins with zeros alone does not learn.

    Args:
        alpha: the power, at least 1, where nothing changes.

    Raises:
        ValueError: if `alpha` is no number of at least 1.

    Example:

    >>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
    >>> power = sos.Powerpropagation(2)
    >>> layer = sos.MagnitudePruning(keras.layers.Dense(10), schedule, reparametrization=power)

    Reference: Schwarz et al., "Powerpropagation: A sparsity inducing weight reparameterisation",
    2021. (Its code for MNIST tries `alpha` from 1 to 5.)
    """

    def __init__(self, alpha: float = 2.0) -> None:
        check_number("alpha", alpha, least=1)
        self.alpha = float(alpha)

    def weight(self, theta: Any) -> Any:
        """Returns the weights of what is stored, a tensor."""
        if self.alpha == 1:
            return theta
        size = ops.stop_gradient(ops.power(ops.abs(theta), self.alpha - 1))
        # The derivative is written down: autodiff would take |theta|^(alpha - 2), infinite at 0.
        learned = (theta - ops.stop_gradient(theta)) * (self.alpha * size)
        return ops.stop_gradient(theta) * size + learned

    def stored(self, weight: Any) -> Any:
        """Returns what to store for weights, a tensor."""
        return ops.sign(weight) * ops.power(ops.abs(weight), 1 / self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Returns the power."""
        return {"alpha": self.alpha}


def check_reparametrization(reparametrization: Any) -> None:
    """Raises a `ValueError` unless it is None or a reparametrization."""
    refuse_class("reparametrization", reparametrization, "sos.Powerpropagation(2)")
    if reparametrization is not None and not isinstance(reparametrization, Powerpropagation):
        raise ValueError(
            "`reparametrization` must be None or a sos.Powerpropagation, such as "
            f"sos.Powerpropagation(2). Received: {reparametrization!r}."
        )


def reparametrization_config(reparametrization: Powerpropagation | None) -> dict[str, Any]:
    """Returns what it adds to the configuration of a sparse layer: nothing, without one."""
    if reparametrization is None:
        return {}
    return {"reparametrization": keras.saving.serialize_keras_object(reparametrization)}


def reparametrization_in(config: dict[str, Any]) -> dict[str, Powerpropagation]:
    """Returns what `reparametrization_config` has put into a configuration, made anew."""
    found = config.get("reparametrization")
    return {} if found is None else {"reparametrization": _revived(found)}


def _revived(found):
    return keras.saving.deserialize_keras_object(found) if isinstance(found, dict) else found
