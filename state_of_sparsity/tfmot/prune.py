"""`prune_low_magnitude` and `strip_pruning`: models, layers and lists of them, there and back."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from state_of_sparsity.schedules.sparsity import SparsitySchedule
from state_of_sparsity.surgery.sparsify import sparsify
from state_of_sparsity.surgery.strip import strip
from state_of_sparsity.tfmot.prunable_kernels import check_supported, is_pruned
from state_of_sparsity.tfmot.prune_low_magnitude import PruneLowMagnitude, wrapped
from state_of_sparsity.tfmot.pruning_policy import PruningPolicy
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import all_layers


def prune_low_magnitude(
    to_prune: Any,
    pruning_schedule: SparsitySchedule | None = None,
    block_size: Sequence[int] = (1, 1),
    block_pooling_type: str = "AVG",
    pruning_policy: PruningPolicy | None = None,
    sparsity_m_by_n: Sequence[int] | None = None,
    **kwargs: Any,
) -> Any:
    """Returns a model or layer whose weights of smallest magnitude are pruned while it trains.

    A model shares its weights with the one given, and is not compiled; layers are named
    `prune_low_magnitude_` and their name.

    Args:
        to_prune: a Keras layer, a list of layers, or a model: Sequential, built or not, Functional,
            or a built subclassed one, which is changed in place.
        pruning_schedule: when, and to which sparsity; `ConstantSparsity(0.5, 0)` if `None`.
        block_size: rows and columns of blocks that go together, in matrices.
        block_pooling_type: `"AVG"` or `"MAX"` of the magnitudes in a block.
        pruning_policy: which layers are pruned; all that have a kernel if `None`.
        sparsity_m_by_n: `(m, n)`: m zeros of n consecutive weights along what an output sums over,
            whatever sparsity the schedule says; none if `None`.
        **kwargs: of a layer: `name` and `trainable`. An error of other things, where TF-MOT ignores
            them, misspelt arguments too.

    Raises:
        ValueError: if an argument is outside its range, or a layer is one of yours and does not say
            what to prune of it.

    Example:

    >>> schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=0)
    >>> layer = tfmot.sparsity.keras.prune_low_magnitude(keras.layers.Dense(10), schedule)
    """
    arguments: dict[str, Any] = {
        "pruning_schedule": pruning_schedule,
        "block_size": block_size,
        "block_pooling_type": block_pooling_type,
        "sparsity_m_by_n": sparsity_m_by_n,
    }
    _check_arguments(to_prune, pruning_policy, arguments, kwargs)
    if isinstance(to_prune, list):
        return [_layer_or_its_wrapper(layer, arguments) for layer in to_prune]
    if not isinstance(to_prune, keras.Model):
        return wrapped(to_prune, **arguments, **kwargs)
    if pruning_policy is not None:
        pruning_policy.ensure_model_supports_pruning(to_prune)

    def rule(layer):
        allowed = pruning_policy is None or pruning_policy.allow_pruning(layer)
        return wrapped(layer, **arguments) if allowed and is_pruned(layer) else None

    if isinstance(to_prune, keras.Sequential) and not to_prune.built:
        return _unbuilt(to_prune, rule, pruning_policy)
    return _built(to_prune, rule, pruning_policy)


def _built(model, rule, pruning_policy):
    """Returns a model that has weights with its layers wrapped."""
    for layer in all_layers(model):
        if layer is not model and not isinstance(layer, keras.Model | SparseWrapper):
            _check(layer, pruning_policy)
    return sparsify(model, rule)


def strip_pruning(model: keras.Model) -> keras.Model:
    """Returns a plain copy of a pruned model, zeros written in, that predicts the same.

    Example:

    >>> plain = tfmot.sparsity.keras.strip_pruning(sparse)
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model. Received: {model!r} (of type {type(model).__name__})."
        )
    return strip(model)


def prune_scope() -> AbstractContextManager:
    """Returns a scope in which pruned models load; here they load without it, too."""
    return keras.saving.custom_object_scope({"PruneLowMagnitude": PruneLowMagnitude})


def _check_arguments(to_prune, pruning_policy, arguments, kwargs):
    if kwargs and (isinstance(to_prune, list | keras.Model)):
        raise ValueError(
            f"`{next(iter(kwargs))}` is no argument of `prune_low_magnitude` for models and lists: "
            f"those are {', '.join(arguments)} and pruning_policy. Received: {sorted(kwargs)}."
        )
    if pruning_policy is not None and not isinstance(pruning_policy, PruningPolicy):
        raise ValueError(
            "`pruning_policy` must be None or an instance of PruningPolicy, such as "
            f"PruneForLatencyOnXNNPack(). Received: {pruning_policy!r}."
        )


def _layer_or_its_wrapper(layer, arguments):
    if isinstance(layer, SparseWrapper | keras.layers.InputLayer):
        return layer
    return wrapped(layer, **arguments) if is_pruned(layer) else layer


def _check(layer, pruning_policy):
    if pruning_policy is None or pruning_policy.allow_pruning(layer):
        check_supported(layer)


def _unbuilt(model, rule, pruning_policy):
    """Returns a Sequential model whose layers are wrapped before they have weights."""
    layers = []
    for layer in model.layers:
        if isinstance(layer, keras.Sequential) and not layer.built:
            layers.append(_unbuilt(layer, rule, pruning_policy))
        elif isinstance(layer, keras.Model):
            layers.append(_built(layer, rule, pruning_policy))
        else:
            layers.append(layer if isinstance(layer, SparseWrapper) else rule(layer) or layer)
    return keras.Sequential(layers, name=model.name)
