"""Tied weights in copies: what a model holds in several places, its copy has to share as well."""

from state_of_sparsity.surgery.replacement import clone_graph, is_graph, replace_sub_layers
from state_of_sparsity.surgery.structure import walk
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import all_layers
from state_of_sparsity.wrapping.kernels import sub_layers


def unwrapped(layer):
    """Returns the layer, or the one inside it if it is a sparse wrapper."""
    return layer.layer if isinstance(layer, SparseWrapper) else layer


class Copies:
    """The copies of a model's layers: one a layer, however many layers hold it.

    A layer whose kernel is sparse inside one wrapper and dense in another place has a copy for
    each, since it stands for two kernels.

    Args:
        model: the model that is copied.
        copied: `(layer, copies) ->` a copy of a layer that has none yet.
    """

    def __init__(self, model, copied):
        self._copied = copied
        dense = {id(layer) for _, layer in walk(model)}
        self._dense_and_sparse = dense & {id(owner) for owner in _sparse_owners(model)}
        self._copies = {}
        self._originals = {id(layer) for layer in all_layers(model)}

    def is_original(self, layer):
        """Returns whether a layer is one of the model that is copied."""
        return id(layer) in self._originals

    def _key(self, layer, wrapper=None):
        plain = unwrapped(layer)
        wrapper = wrapper if plain is layer else layer
        return id(plain), id(wrapper) if id(plain) in self._dense_and_sparse else None

    def __contains__(self, layer):
        return self._key(layer) in self._copies

    def __getitem__(self, layer):
        return self._copies[self._key(layer)]

    def add(self, layer, copy):
        """Notes the copy of a layer."""
        self._copies[self._key(layer)] = copy

    def tied(self, layer, copy, wrapper=None):
        """Returns the copy of a layer, made to hold the one copy of each layer inside it.

        A layer made anew from its configuration makes the layers inside it anew too, as often as it
        is asked: two blocks that shared an embedding would get one each. The first that is met
        becomes *the* copy of that embedding, and every later one is exchanged for it.

        Args:
            layer: a layer, its wrapper, or a model that is no graph.
            copy: what was made from its configuration, where layers inside were made anew.
            wrapper: the wrapper around the layer, if any.
        """
        plain = unwrapped(layer)
        wrapper = wrapper if plain is layer else layer
        # Noted before it is entered, lest layers hold each other.
        self._copies[self._key(plain, wrapper)] = copy
        if plain is copy:
            return copy
        new = {}
        for (_, child), (_, other) in zip(sub_layers(plain), sub_layers(copy), strict=False):
            key = self._key(child, wrapper)
            if key not in self._copies and other is unwrapped(child):
                # The configuration held the layer itself, not a description of it: without this
                # the copy would run, and change, a layer of the original.
                self._copies[key] = self._copied(other, self)
            elif key not in self._copies and type(unwrapped(child)) is type(other):
                self.tied(child, other, wrapper)
            new[id(other)] = self._copies.get(key, other)
        if any(id(other) != key for key, other in new.items()):
            exchange = clone_graph if is_graph(copy) else replace_sub_layers
            copy = exchange(copy, lambda other: new.get(id(other), other))
            self._copies[self._key(plain, wrapper)] = copy
        return copy


def _sparse_owners(model):
    for wrapper in all_layers(model):
        if isinstance(wrapper, SparseWrapper):
            yield from (kernel.owner for kernel in wrapper.sparse_kernels)


def check_ties(model, targets):
    """Raises or warns where the variables of a copy are not tied as those of the model.

    Args:
        model: the model that was copied.
        targets: `{id of a variable: {id of a variable of the copy: a layer that holds it}}`.

    Raises:
        ValueError: if the copy holds a variable of the model itself, or one for two of them.
    """
    copies = [target for found in targets.values() for target in found]
    taken = {id(variable) for variable in model.variables}.intersection(copies)
    if taken or len(set(copies)) < len(copies):
        layers = {layer.name for found in targets.values() for layer in found.values()}
        raise ValueError(
            "`model` cannot be copied: made anew from its configuration, it "
            f"{'holds variables of the model itself' if taken else 'ties other variables'}. "
            f"Received: '{model.name}' with the layers {sorted(layers)}. A layer must create its "
            "variables in `build`, or hold the layer whose variable it uses."
        )
    for found in targets.values():
        if len(found) > 1:
            names = [layer.name for layer in found.values()]
            warn(
                f"The copy of '{model.name}' holds a weight {len(found)} times, in its layers "
                f"{names}, which share it in the model: they make their own from their "
                "configurations, or it is sparse in one of them and dense in another. The copy "
                "predicts the same and is larger. Let the layer that reads the weight hold the "
                "layer that owns it, and say so in `get_config` and `from_config`; make the weight "
                "sparse where it is owned."
            )
