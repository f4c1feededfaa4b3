"""`PassThrough`: a wrapper has the attributes and methods of the layer it wraps."""

import functools
import inspect
from typing import Any

import keras

from state_of_sparsity.wrapping.keras_internals import told_to_train, without_autocast
from state_of_sparsity.wrapping.quantization import refusal
from state_of_sparsity.wrapping.training_mode import takes_training

# Keras calls these on every layer that has them, and so on the wrapped one by itself.
_KEPT_BACK = ("enable_lora", "quantize")


class PassThrough:
    """Shapes, masks, public attributes and methods of the wrapped layer, for `SparseWrapper`.

    Attributes and methods that the wrapper lacks are the wrapped layer's (`units`, `reset_state`).
    Those that give a sparse kernel (`kernel`, `embeddings`) give the effective one, and methods run
    with it: a layer that reads another layer's kernel reads what that layer computes with.
    """

    def __getattr__(self, name):
        # Python calls this only for names that it has not found on the wrapper.
        try:
            return super().__getattr__(name)  # torch keeps layers and variables there
        except AttributeError:
            if name.startswith("_") or name in ("layer", "sparse_kernels", *_KEPT_BACK):
                raise AttributeError(
                    f"'{type(self).__name__}' object has no attribute {name!r}"
                ) from None
        value = getattr(self.layer, name)
        if not self.sparse_kernels:
            return value
        if inspect.ismethod(value) and value.__self__ is self.layer:
            return functools.partial(self._run_method, value)
        # A property of the layer's class may compute from the kernel: it is read with the effective
        # one in place. Plain attributes cannot, and are not worth a run.
        computed = isinstance(inspect.getattr_static(type(self.layer), name, None), property)
        return self._run_method(self._read, name) if computed or self._gives(name) else value

    def __setattr__(self, name, value):
        if self._is_the_layers(name):
            setattr(self.layer, name, value)
        else:
            super().__setattr__(name, value)

    def _is_the_layers(self, name):
        """Returns whether to set `name` is meant for the wrapped layer, not for the wrapper."""
        if name.startswith("_") or name in vars(self) or hasattr(type(self), name):
            return False
        # While it is made, a technique sets attributes of its own, whatever the layer's are called.
        if not vars(self).get("_made") or not hasattr(self.layer, name):
            return False
        if self._gives(name):
            raise AttributeError(
                f"`{name}` of the sparse layer '{self.name}' must not be set: its kernel is a "
                f"variable. Assign to it: `wrapper.layer.{name}.assign(...)`."
            )
        return True

    def _gives(self, name):
        """Returns whether an attribute of the wrapped layer is one of its sparse kernels."""
        value = getattr(self.layer, name)
        return any(value is kernel.variable for kernel in self.sparse_kernels)

    def _read(self, name):
        value = getattr(self.layer, name)
        return value.value if isinstance(value, keras.Variable) else value

    def _run_method(self, method, *args, **kwargs):
        training = told_to_train()
        with without_autocast():  # as in the wrapper's own call
            values = [(k.variable, self.guarded(k, training)) for k in self.sparse_kernels]
        return self.run_layer(values, args, kwargs, method)

    def compute_output_spec(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Returns the wrapped layer's output specification."""
        if training is not None and takes_training(self.layer):
            kwargs["training"] = training
        return self.layer.compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the wrapped layer's output shape."""
        return self.layer.compute_output_shape(*args, **kwargs)

    def compute_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the wrapped layer's mask."""
        return self.layer.compute_mask(*args, **kwargs)

    @property
    def supports_masking(self) -> bool:
        """Whether the wrapped layer supports masking."""
        return self.layer.supports_masking

    def count_params(self) -> int:
        """Returns the wrapped layer's parameters: masks and gates are bookkeeping beside them.

        So it is in the rows of `model.summary()`. Its totals, and the rows of nested models, count
        every variable; `sos.report` counts what is left of the kernels.
        """
        return self.layer.count_params()

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Refuses, since it would exchange the kernels."""
        raise ValueError(refusal(f"The layer '{self.name}'", self))
