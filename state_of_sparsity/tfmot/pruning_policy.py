"""`PruningPolicy`: which layers of a model are pruned."""

import abc

import keras


class PruningPolicy(abc.ABC):
    """Says which layers of a model `prune_low_magnitude` prunes, and of which models.

    Example:

    >>> class AllButHead(tfmot.sparsity.keras.PruningPolicy):
    ...     def allow_pruning(self, layer):
    ...         return layer.name != "head"
    ...
    ...     def ensure_model_supports_pruning(self, model):
    ...         pass
    """

    @abc.abstractmethod
    def allow_pruning(self, layer: keras.layers.Layer) -> bool:
        """Returns whether a layer is pruned."""

    @abc.abstractmethod
    def ensure_model_supports_pruning(self, model: keras.Model) -> None:
        """Raises a `ValueError` if the policy is not for a model."""
