"""How a sparse layer learns whether it trains, and checks that run when it does."""

import functools
import inspect

import keras
from keras import ops

from state_of_sparsity.wrapping.keras_internals import (
    entry_layer,
    passes_training,
    set_passes_training,
    telling,
)


def tell_training(model):
    """Makes Keras tell the layers of a model whether they train.

    Keras's trainer passes `training` to a model only if the model's `call` takes it: layers inside
    such a model cannot tell training from prediction, and a sparse layer has to. When it is passed
    all the same, Keras tells the layers inside.
    """
    set_passes_training(model, True)
    if keras.backend.backend() == "jax" and "call" not in vars(model) and not takes_training(model):
        # Keras's trainer for JAX hands the argument to `call` itself.
        model.__dict__["call"] = functools.partial(_call_told, model, model.call)


def forget_training(model):
    """Takes back what `tell_training` did to a model."""
    if isinstance(vars(model).get("call"), functools.partial):
        del model.__dict__["call"]
    set_passes_training(model, takes_training(model))


def _call_told(model, call, *args, training=None, **kwargs):
    if training is None:
        return call(*args, **kwargs)
    with telling(model, training):
        return call(*args, **kwargs)


def with_check_in_gradient(value, check):
    """Returns `value`; `check()` runs whenever a gradient is taken through it, on any backend.

    When the gradient is traced, that is: once for a compiled training step, not at each step.
    """
    if not ops.is_tensor(value) or not keras.backend.is_float_dtype(value.dtype):
        return value

    @ops.custom_gradient
    def identity(x):
        def gradient(*args, upstream=None):
            check()
            return args[0] if upstream is None else upstream

        return x, gradient

    return identity(value)


def takes_training(layer) -> bool:
    """Returns whether the `call` of a layer has an argument `training`."""
    return "training" in inspect.signature(layer.call).parameters


def _learn_the_mode(wrapper, outputs):
    """Sees to it that a model whose `call` takes no `training` says so from now on.

    Args:
        wrapper: a sparse layer inside it that was called and not told whether it trains.
        outputs: what the sparse layer has computed.

    Returns:
        The outputs; training of this one call fails, since it was computed as for evaluation.
    """
    model = entry_layer()
    if not isinstance(model, keras.Model) or passes_training(model):
        return outputs
    tell_training(model)

    def fail():
        model.train_function = None  # TensorFlow cannot trace it again
        raise RuntimeError(
            f"The model '{model.name}' was trained the first time it was called, and its "
            f"`call` takes no `training`: the sparse layer '{wrapper.name}' could not know. Call "
            "the model on a batch before `fit`, or write `def call(self, x, training=None)`. "
            "It is mended now: `compile` and `fit` again."
        )

    checked = (with_check_in_gradient(x, fail) for x in keras.tree.flatten(outputs))
    return keras.tree.pack_sequence_as(outputs, list(checked))


def call_like(layer, wrapper):
    """Returns the `call` of a wrapper: the signature is the layer's, with `training` in any case.

    Keras reads the signature to know which arguments are tensors, which get a mask, and whether to
    pass `training`. A wrapper that took `*args` would get no masks, and one without `training`
    could not tell training from prediction: so each instance has a function made for its layer.

    Args:
        layer: the layer that is wrapped.
        wrapper: the wrapper, whose `sparse_call` is to do the work.
    """
    signature = inspect.signature(layer.call)
    told = takes_training(layer)

    def call(*args, **kwargs):
        training = full_signature.bind(*args, **kwargs).arguments.get("training")
        if not told:  # the wrapped layer would not know the argument
            kwargs.pop("training", None)
        outputs = wrapper.sparse_call(args, kwargs, bool(training))
        return _learn_the_mode(wrapper, outputs) if training is None else outputs

    parameters = list(signature.parameters.values())
    if not told:
        # Last, by keyword alone, so that the layer's own arguments keep their places; but nothing
        # may follow `**kwargs`.
        training = inspect.Parameter("training", inspect.Parameter.KEYWORD_ONLY, default=None)
        catch_all = parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
        parameters.insert(len(parameters) - bool(catch_all), training)
    full_signature = signature.replace(parameters=parameters)
    call.__signature__ = full_signature  # what `inspect.signature`, and so Keras, will see
    return call
