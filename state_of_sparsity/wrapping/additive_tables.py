"""Tables that are added to activations, such as position embeddings: they are left dense."""

import math
import re

import keras

from state_of_sparsity.wrapping.keras_internals import all_layers
from state_of_sparsity.wrapping.kernels import find_kernels
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

# As in `pos_embed`, `relative_position_bias_table`, `token_type_embeddings`; not of projections.
_PLACES = re.compile(
    r"(^|_)(pos|positions?|positional|relative|rel|segments?|token_types?)(_|$)(?!.*proj(ection)?$)"
)
# As in `cls_token`, `mask_token`, `query_embed`.
_TOKENS = re.compile(
    r"(^|_)(cls|class|dist|distillation|mask|register|query|prompt|presence|iou)"
    r"_(tokens?|emb|embed|embeddings?)$"
)
_MOST_TOKENS = 1024  # DETR's queries are 100, later detectors' 900


def kernels_to_wrap(layer, names=None) -> list[SparseKernel]:
    """Returns the kernels of a layer that a wrapper around it makes sparse.

    Args:
        layer: a built Keras layer.
        names: names of kernels, as for `find_kernels`; if `None` every kernel but additive tables,
            or those where the layer has nothing else.
    """
    kernels = find_kernels(layer, names)
    if names is not None:
        return kernels
    return [kernel for kernel in kernels if not is_additive_table(kernel)] or kernels


def attributes_that_hold(model) -> dict[int, list[str]]:
    """Returns the names of the attributes that hold each layer of a model, by the layer's id."""
    found = {}
    for holder in all_layers(model):
        for name, value in vars(holder).items():
            if isinstance(value, keras.layers.Layer):
                found.setdefault(id(value), []).append(name.lstrip("_"))
    return found


def is_additive_table(kernel: SparseKernel, held_as=()) -> bool:
    """Returns whether a kernel is a class token, position or segment embedding, or relative bias.

    Few weights, each of them used at one place: rules leave them alone unless they are named. They
    are told by their shape (one vector) and by the names of the weight, of the attributes that hold
    it, and for an embedding of its layer and class.

    Args:
        kernel: the kernel.
        held_as: attributes in which other layers hold the kernel's layer.

    Example:

    >>> layer = keras.layers.Embedding(16, 8, name="position_embedding")
    >>> layer.build()
    >>> is_additive_table(find_kernels(layer)[0])
    True
    """
    variable, owner = kernel.variable, kernel.owner
    held = [name.lstrip("_") for name, value in vars(owner).items() if value is variable]
    names = [variable.name, *held]
    if any(name.endswith("kernel") for name in names):
        return False
    if all(size == 1 for size in variable.shape[:-1]) or any("bias" in name for name in names):
        return True
    if any("embeddings" in name for name in names):
        names += [re.sub(r"_\d+$", "", owner.name), _snake_case(type(owner).__name__), *held_as]
    # Many rows are users or words that are looked up, whatever they are called.
    few = math.prod(variable.shape[:-1]) <= _MOST_TOKENS
    return any(_PLACES.search(name) or (few and _TOKENS.search(name)) for name in names)


def _snake_case(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
