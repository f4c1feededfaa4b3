"""`PruneForLatencyOnXNNPack`: prune 1x1 convolutions, which a phone's interpreter runs sparse."""

import keras

from state_of_sparsity.tfmot.pruning_policy import PruningPolicy
from state_of_sparsity.wrapping.keras_internals import all_layers


class PruneForLatencyOnXNNPack(PruningPolicy):
    """Prunes 1x1 `Conv2D` layers alone, for which XNNPACK, the interpreter's engine, has kernels.

    It runs them sparse from about two thirds of zeros on, on ARM and WebAssembly, between a 3x3
    convolution of stride 2 on the image and the global pooling. That the whole model is made of
    layers it supports is not checked; the interpreter runs the others dense.

    Reference: Elsen, Dukhan, Gale, Simonyan, "Fast Sparse ConvNets", 2020.
    """

    def allow_pruning(self, layer: keras.layers.Layer) -> bool:
        """Returns whether a layer is a 1x1 `Conv2D`."""
        return isinstance(layer, keras.layers.Conv2D) and tuple(layer.kernel_size) == (1, 1)

    def ensure_model_supports_pruning(self, model: keras.Model) -> None:
        """Raises a `ValueError` if a model has nothing to prune so."""
        if not any(self.allow_pruning(layer) for layer in all_layers(model)):
            raise ValueError(
                "`model` must have 1x1 Conv2D layers with PruneForLatencyOnXNNPack. "
                f"Received: '{model.name}', which has none."
            )
