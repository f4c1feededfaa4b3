"""Plain copies of sparse models: layers made anew from their configurations, zeros written in."""

import inspect
import tempfile
import warnings

import keras

from state_of_sparsity.surgery.replacement import clone_graph, is_graph, replace_sub_layers
from state_of_sparsity.surgery.ties import Copies, check_ties, unwrapped
from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import (
    all_layers,
    own_variables,
    set_own_trainable,
)
from state_of_sparsity.wrapping.kernels import sub_layers
from state_of_sparsity.wrapping.lora import has_lora

_INSTEAD = (
    "Where the sparse model may be given up, sos.strip(model, in_place=True) takes the wrappers "
    "off the model itself."
)


def plain_copy(model):
    """Returns a copy of a model without sparse wrappers, that predicts what the model predicts.

    Args:
        model: a built model, sparse or not; it stays as it is.

    Raises:
        ValueError: if a layer or subclassed model cannot be made anew from its configuration.
    """
    for layer in all_layers(model):
        if isinstance(layer, SparseWrapper):
            layer._check_kernels()
    kinds = {type(layer) for layer in all_layers(model)}
    # Nested configurations are looked up by name: let them find the user's own classes.
    with keras.saving.custom_object_scope({kind.__name__: kind for kind in kinds}):
        copy = _copied_model(model, Copies(model, _copied_model))
    _build_like(model, copy)
    _copy_state(model, copy)
    return copy


def _copied_model(model, copies):
    """Returns a copy of a model or layer: of a graph layer by layer, of others as a whole."""
    if not is_graph(model):
        return copies.tied(model, _copied_layer(model, copies))

    def copied(layer):
        if layer not in copies:
            if isinstance(layer, keras.Model):
                copies.add(layer, _copied_model(layer, copies))
            else:
                copies.tied(layer, _copied_layer(layer, copies))
        return copies[layer]

    return clone_graph(model, copied)


def _copied_layer(layer, copies):
    """Returns a layer, or subclassed model, made anew from its configuration, without wrappers."""
    layer = unwrapped(layer)
    try:
        copy = _from_config(layer)
    except Exception as error:
        if not layer.variables and not isinstance(layer, keras.Model):
            return layer  # no state, so nothing that the copy could change
        raise ValueError(
            f"`model` cannot be copied: '{layer.name}' ({type(layer).__name__}) cannot be made "
            f"anew from its configuration ({error}). Implement `get_config`, and `from_config` if "
            f"an argument of its constructor needs it. {_INSTEAD}"
        ) from error
    return _without_wrappers(copy, copies)


def _from_config(layer):
    config = layer.get_config()
    if has_lora(layer):
        # It is enabled once the copy is built: not every layer of Keras can be built with it.
        config.update({key: None for key in ("lora_rank", "lora_alpha") if key in config})
    accepted = inspect.signature(type(layer).__init__).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted):
        return type(layer).from_config(config)
    # A constructor without **kwargs cannot take what Keras adds to every configuration.
    names = {parameter.name for parameter in accepted}
    copy = type(layer).from_config({key: v for key, v in config.items() if key in names})
    copy.name = layer.name
    _copy_policies(layer, copy)
    return copy


def _copy_policies(layer, copy):
    """Gives a layer that is made anew, and those inside it, the dtypes that the original has."""
    if copy.dtype_policy != layer.dtype_policy:
        copy.dtype_policy = layer.dtype_policy
    # Layers that `build` makes are not there yet; they will have the policy of the one around them.
    for (_, child), (_, other) in zip(sub_layers(layer), sub_layers(copy), strict=False):
        plain = unwrapped(child)
        if type(plain) is type(unwrapped(other)):
            _copy_policies(plain, unwrapped(other))


def _without_wrappers(layer, copies):
    """Takes the wrappers out of a layer whose own constructor puts them in."""
    layer = unwrapped(layer)
    inside = all_layers(layer)
    # A configuration may hold layers of the model itself, which stay as they are.
    if copies.is_original(layer) or not any(isinstance(inner, SparseWrapper) for inner in inside):
        return layer
    exchange = clone_graph if is_graph(layer) else replace_sub_layers
    return exchange(layer, lambda inner: _without_wrappers(inner, copies))


def _pairs(original, copy, wrapper=None):
    """Yields `(layer, its copy, the wrapper around it or None)` for every layer of the original.

    Both are walked side by side: a copy without wrappers has one layer for a wrapper and its layer.
    """
    yield original, copy, wrapper
    for (name, child), (_, other) in zip(sub_layers(original), sub_layers(copy), strict=True):
        plain = unwrapped(child)
        if type(plain) is not type(other):
            raise ValueError(
                f"`model` cannot be copied: made anew from its configuration, "
                f"'{original.name}' has {other!r} in place of {name!r}. {_INSTEAD}"
            )
        yield from _pairs(plain, other, wrapper if plain is child else child)


def _build_like(original, copy):
    """Gives a copy the variables that the original has: as a whole if possible, then one by one."""
    if not copy.built or not is_graph(copy):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the layers are built one by one where this fails
            copy.build_from_config(original.get_build_config())
    for layer, other, _ in _pairs(original, copy):
        if layer.built and not other.built:
            other.build_from_config(layer.get_build_config())
            other.built = True
        if has_lora(layer):
            if not other.lora_enabled:
                other.enable_lora(layer.lora_rank)
            other.lora_alpha = layer.lora_alpha  # which Keras forgets when it builds a layer


def _copy_state(original, copy):
    """Copies all that Keras would save of every layer, then writes the kernels of evaluation in."""
    targets, wrapped = {}, {}
    for layer, other, wrapper in _pairs(original, copy):
        if layer is other:
            continue
        old = own_variables(layer)
        new = _in_order_of(old, other, layer)
        for variable, target in zip(old, new, strict=True):
            targets.setdefault(id(variable), {})[id(target)] = layer
            wrapped[id(variable), id(wrapper)] = target
        # Through Keras's own hooks: layers derive state from what is loaded (Normalization).
        store = {}
        layer.save_own_variables(store)
        other.load_own_variables(store)
        if hasattr(layer, "save_assets"):  # vocabularies
            with tempfile.TemporaryDirectory() as directory:
                layer.save_assets(directory)
                other.load_assets(directory)
        for variable, target in zip(old, new, strict=True):  # LoRA was merged on the way
            target.assign(variable.numpy())
            target.trainable = variable.trainable
        set_own_trainable(other, layer.trainable and (wrapper is None or wrapper.trainable))
    check_ties(original, targets)
    for wrapper in all_layers(original):
        if isinstance(wrapper, SparseWrapper):
            for kernel in wrapper.sparse_kernels:
                target = wrapped[id(kernel.variable), id(wrapper)]
                target.assign(kernel.values())
                if wrapped.get((id(kernel.variable), id(None))) is target:
                    warn(
                        f"The copy of '{original.name}' may predict something else: "
                        f"'{wrapper.name}' is sparse in one place of the model and dense in "
                        "another, and its class makes one layer for both. Make the whole model "
                        "sparse, not a part of it."
                    )


def _in_order_of(old, other, layer):
    """Returns the variables of the layer's copy in the order of the layer's own."""
    new = own_variables(other)
    if [tuple(v.shape) for v in old] == [tuple(v.shape) for v in new]:
        return new
    # A layer that was quantized after it was built has them in another order.
    named = {(v.name, tuple(v.shape)): v for v in new}
    if len(named) == len(new) == len(old) and all((v.name, tuple(v.shape)) in named for v in old):
        return [named[v.name, tuple(v.shape)] for v in old]
    raise ValueError(
        f"`model` cannot be copied: '{layer.name}' ({type(layer).__name__}) has the "
        f"weights {[(v.name, tuple(v.shape)) for v in old]}, and made anew from its "
        f"configuration {[(v.name, tuple(v.shape)) for v in new]}. {_INSTEAD}"
    )
