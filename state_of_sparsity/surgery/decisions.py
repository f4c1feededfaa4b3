"""Which layer of a model gets which wrapper: all decided before anything is changed."""

import keras

from state_of_sparsity.surgery.replacement import is_graph
from state_of_sparsity.surgery.rules import Rules
from state_of_sparsity.surgery.structure import walk
from state_of_sparsity.wrapping.additive_tables import (
    attributes_that_hold,
    is_additive_table,
    kernels_to_wrap,
)
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import all_layers
from state_of_sparsity.wrapping.kernels import find_kernels, own_kernels, own_weights, sub_layers

# Layers of Keras that hold other layers and are wrapped as one: attention if a file can then hold
# the model, the others always, since they run the layers inside them in ways of their own.
_ATTENTION = (keras.layers.GroupQueryAttention, keras.layers.MultiHeadAttention)
_WRAPPED_WHOLE = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.Wrapper)


class Decisions:
    """What the rules of one call of `sparsify` say of every layer of a model.

    Args:
        model: a built Keras model.
        rules: the rules, as `sparsify` takes them.
        whole_blocks: whether a layer that holds layers gets one wrapper for all of them.

    Raises:
        ValueError: if the rules are wrong, or match nothing.
    """

    def __init__(self, model, rules, whole_blocks):
        self.rules, self.whole_blocks = Rules(rules), whole_blocks
        self.wrappers = {}  # by the id of the layer; None for one that stays
        self.decided = set()  # the ids of the kernels that were asked for
        self.held_as = attributes_that_hold(model)
        self._decide_inside(model, "", in_block=not is_graph(model))
        self.rules.check_used()
        self._check_ties(model)
        self.wrappers = {key: found for key, found in self.wrappers.items() if found is not None}

    def _decide_inside(self, layer, prefix, in_block):
        """Decides about the layers directly inside a layer, each once however often it is held.

        Args:
            layer: a model, or a layer that holds layers.
            prefix: what begins the paths of the layers inside.
            in_block: whether they stand in something that is no plain graph: a subclassed model or
                a user's layer, which a file cannot hold with wrappers inside.
        """
        for name, inner in sub_layers(layer):
            if id(inner) not in self.wrappers:
                self.wrappers[id(inner)] = None
                self._decide(inner, prefix + name, in_block)

    def _decide(self, layer, path, in_block):
        """Decides about one layer: leave it, look at the layers inside it, or ask the rules.

        The order matters. A layer without kernels is noted only to name it in error messages. One
        whose kernels were all decided with another layer (a tied output projection) is no second
        candidate. A layer that holds layers is opened first where that is what the rules mean, as
        `_opens` finds out; and only then is a rule asked for a wrapper around it.
        """
        if isinstance(layer, SparseWrapper):
            return
        if isinstance(layer, keras.Model):
            self._decide_inside(layer, f"{path}/", in_block or not is_graph(layer))
            return
        kernels = find_kernels(layer)
        if not kernels:
            self.rules.leave(path)
        elif self._is_decided(kernels) and not self.rules.name(path, kernels):
            self.rules.leave_alone(path)  # it reads kernels of other layers, decided with those
        elif self._opens(layer, path, in_block):
            self._decide_inside(layer, f"{path}/", in_block=True)
        else:
            self._ask(layer, path, kernels, in_block)

    def _is_decided(self, kernels):
        return all(id(kernel.variable) in self.decided for kernel in kernels)

    def _opens(self, layer, path, in_block):
        """Returns whether the layers inside a layer are decided one by one, not wrapped as one."""
        inside = {f"{path}/{name}": inner for name, inner in walk(layer)}
        if not any(find_kernels(inner) for inner in inside.values()):
            return False
        if isinstance(layer, _WRAPPED_WHOLE):
            return False
        if any(isinstance(inner, SparseWrapper) for inner in inside.values()):
            return True  # a wrapper around a wrapper is refused; the rest may still be wrapped
        if self.rules.prefers_inside(path, inside):
            return True
        # Attention taken whole can be saved: it is opened where the model cannot be anyway.
        whole = self.whole_blocks or (isinstance(layer, _ATTENTION) and not in_block)
        own = [kernel for kernel in own_kernels(layer) if not is_additive_table(kernel)]
        return not (whole or own or self.rules.mean_the_layer_alone(path, inside))

    def _ask(self, layer, path, kernels, in_block):
        """Asks the rules for the wrapper of a layer, and notes which kernels that decided."""
        only_tables = all(
            is_additive_table(kernel, self.held_as.get(id(kernel.owner), ())) for kernel in kernels
        )
        if only_tables and not self.rules.name(path, kernels):
            self.rules.leave_alone(path)
            return
        kernels = kernels_to_wrap(layer)
        decided, self.wrappers[id(layer)] = self.rules.wrap(path, layer, kernels)
        if not decided and not isinstance(layer, (*_ATTENTION, *_WRAPPED_WHOLE)):
            # A block that no rule took whole: look at the layers inside it.
            self._decide_inside(layer, f"{path}/", in_block)
        if decided:
            self.decided.update(id(kernel.variable) for kernel in kernels)

    def _check_ties(self, model):
        """Raises an error if a layer left dense holds the variable of a sparse kernel."""
        owners, inside = {}, set()
        for _, layer in walk(model):
            if self.wrappers.get(id(layer)) is not None:
                inside.update(id(inner) for inner in all_layers(layer))
                owners.update({id(k.variable): k.owner for k in find_kernels(layer)})
        for path, layer in walk(model):
            for weight in own_weights(layer) if id(layer) not in inside else ():
                owner = owners.get(id(weight.variable))
                if owner is not None:
                    raise ValueError(
                        f"`model` must not compute with a sparse kernel where it stays dense: the "
                        f"layer '{path}' holds the variable '{weight.name}' of '{owner.name}'. "
                        f"Let it hold the layer '{owner.name}', and read the kernel from it in "
                        "`call`."
                    )
