"""`tfmot.sparsity`."""

from state_of_sparsity.tfmot.sparsity import keras

__all__ = ["keras"]
