"""Which weights of a layer TF-MOT prunes, and layers that say so themselves."""

import abc
from typing import Any

import keras

from state_of_sparsity.wrapping.kernels import find_kernels, own_weights, sub_layers

# Layers with a kernel that TF-MOT leaves dense, or of which it takes one.
_KERNELS: dict[type, tuple[str, ...]] = {
    keras.layers.DepthwiseConv1D: (),
    keras.layers.DepthwiseConv2D: (),
    keras.layers.SeparableConv1D: ("pointwise_kernel",),
    keras.layers.SeparableConv2D: ("pointwise_kernel",),
}


class PrunableLayer(abc.ABC):
    """Base of a layer of one's own that says which of its weights are pruned.

    Example:

    >>> class Scaled(keras.layers.Dense, tfmot.sparsity.keras.PrunableLayer):
    ...     def get_prunable_weights(self):
    ...         return [self.kernel]
    """

    @abc.abstractmethod
    def get_prunable_weights(self) -> list[keras.Variable]:
        """Returns the weights to prune, of the layer once it is built."""


def says_itself(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer names the weights to prune."""
    return isinstance(layer, PrunableLayer) or hasattr(layer, "get_prunable_weights")


def is_of_keras(layer: Any) -> bool:
    """Returns whether a layer's class is one of Keras's own."""
    return type(layer).__module__.split(".")[0] == "keras"


def check_supported(layer: keras.layers.Layer) -> None:
    """Raises a `ValueError` for a layer of one's own that has kernels and does not name them."""
    if not (says_itself(layer) or is_of_keras(layer)) and find_kernels(layer):
        raise ValueError(
            "`to_prune` must have layers of Keras, and layers that say what to prune of them: "
            "subclasses of PrunableLayer, or with a method `get_prunable_weights`. "
            f"Received: '{layer.name}' ({type(layer).__name__}). `sos.sparsify` takes any layer."
        )


def kernel_names(layer: keras.layers.Layer) -> list[str] | None:
    """Returns the names of the kernels to prune, None for all that are found by the rule.

    Args:
        layer: a layer, built if it says itself what to prune.
    """
    if says_itself(layer):
        wanted = {id(variable) for variable in layer.get_prunable_weights()}
        said = [name for name, variable in _weights(layer, "") if id(variable) in wanted]
        if len(said) != len(wanted):
            raise ValueError(
                "`get_prunable_weights` must return trainable variables of the layer, such as "
                f"[self.kernel]. Received of '{layer.name}' ({type(layer).__name__}): "
                f"{layer.get_prunable_weights()!r}."
            )
        return said
    names = _KERNELS.get(type(layer))
    return None if names is None else list(names)


def is_pruned(layer: keras.layers.Layer) -> bool:
    """Returns whether anything of a layer is pruned, or may be once it is built."""
    if not says_itself(layer):
        names = _KERNELS.get(type(layer))
        return names != () and (bool(find_kernels(layer)) or not layer.built)
    return not layer.built or bool(layer.get_prunable_weights())


def _weights(layer, prefix):
    for weight in own_weights(layer):
        yield prefix + weight.name, weight.variable
    for name, child in sub_layers(layer):
        yield from _weights(child, f"{prefix}{name}/")
