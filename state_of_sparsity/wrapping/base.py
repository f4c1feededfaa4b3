"""`SparseWrapper`: a Keras layer that runs another layer with its kernels replaced."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self, TypedDict

import keras

from state_of_sparsity.arguments import several_names
from state_of_sparsity.wrapping.additive_tables import kernels_to_wrap
from state_of_sparsity.wrapping.compiled_methods import check_not_compiled
from state_of_sparsity.wrapping.contract import Contract
from state_of_sparsity.wrapping.effective_terms import EffectiveConstraint, act_on_effective_kernel
from state_of_sparsity.wrapping.held_kernels import check_held, holders
from state_of_sparsity.wrapping.keras_internals import (
    BuildsForCall,
    all_layers,
    build_for_call,
    has_default_build,
    layers_inside,
    name_like,
)
from state_of_sparsity.wrapping.keras_variables import lay_out_like, set_path
from state_of_sparsity.wrapping.kernels import distinct_prefixes, find_kernels
from state_of_sparsity.wrapping.pass_through import PassThrough
from state_of_sparsity.wrapping.powerpropagation import (
    Powerpropagation,
    check_reparametrization,
    reparametrization_config,
    reparametrization_in,
)
from state_of_sparsity.wrapping.saved_state import SavedState
from state_of_sparsity.wrapping.sparse_kernel import SparseKernel
from state_of_sparsity.wrapping.stored_weights import check_can_be_reparametrized
from state_of_sparsity.wrapping.substitution import call_with
from state_of_sparsity.wrapping.training_mode import (
    call_like,
    takes_training,
    with_check_in_gradient,
)


class WrapperArguments(TypedDict, total=False):
    """What every technique takes beside its own arguments, as a Keras layer does."""

    name: str
    trainable: bool
    reparametrization: Powerpropagation | None


class SparseWrapper(Contract, SavedState, PassThrough, BuildsForCall, keras.layers.Wrapper):
    """Runs the wrapped layer with an effective kernel in place of each of its kernels.

    The wrapped layer does all the arithmetic, so one wrapper serves every kind of layer. A
    technique is a subclass that overrides methods of `Contract`. One that does more than to replace
    kernels overrides `sparse_call`, not `call`.

    Args:
        layer: the Keras layer to make sparse, built or not.
        kernels: names of the kernels to make sparse, as in `find_kernels`; if `None` every kernel
            but class tokens, position and segment embeddings and relative biases.
        reparametrization: a `sos.Powerpropagation`, to train another form of the weights; a
            technique that is to have one goes by `weight(kernel)`, not by the kernel's variable.
        **kwargs: `name` (the wrapped layer's by default) and `trainable`.

    Raises:
        ValueError: if `layer` is no layer, or is sparse already.
    """

    def __init_subclass__(cls, **kwargs):
        """Refuses a subclass that defines `call`: no instance would use it, but one of its own."""
        super().__init_subclass__(**kwargs)
        if cls.call is not SparseWrapper.call:
            owner = next(kind for kind in cls.__mro__ if "call" in vars(kind))
            raise TypeError(
                f"`{cls.__name__}` must not define `call`: a sparse wrapper is called as its layer "
                f"is. Received: `call` of {owner.__name__}. Override "
                "`sparse_call(self, args, kwargs, training)` instead."
            )

    def __init__(
        self,
        layer: keras.layers.Layer,
        *,
        kernels: Sequence[str] | None = None,
        reparametrization: Powerpropagation | None = None,
        **kwargs: Any,
    ) -> None:
        _check_layer(layer)
        check_reparametrization(reparametrization)
        # State stays float32 under mixed precision; the wrapped layer casts what it is given.
        kwargs.update(dtype="float32", autocast=False)
        kwargs.setdefault("name", layer.name)
        kwargs.setdefault("trainable", layer.trainable)
        # Keras reads the signature of `call` once, in its constructor, and goes by it: which inputs
        # are tensors, whether `mask` and `training` are passed. It has to be the wrapped layer's.
        self.__dict__["call"] = call_like(layer, self)
        super().__init__(layer, **kwargs)
        self._kernel_names = several_names("kernels", kernels)
        self.reparametrization = reparametrization
        self.sparse_kernels: tuple[SparseKernel, ...] = ()  # which Keras does not look into
        # By the names of kernels, what `add_kernel_state` returned, and all of `add_beside`.
        self.kernel_state: dict[str, keras.Variable] = {}
        self.beside: dict[str, dict[str, keras.Variable]] = {}
        self._prefixes: dict[str, str] = {}  # by the names of kernels, how names of state begin
        self._holders = {}  # by the names of kernels, the attributes that hold them
        self._driven = False  # whether something updates the layer as it is trained
        # Set by what updates the layer: a name alone need not be unique in a model.
        self.path_in_model: str | None = None

    # How it runs.

    def sparse_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None
    ) -> Any:
        """Runs the wrapped layer with the effective kernels; a technique may override it."""
        values = [(k.variable, self.guarded(k, training)) for k in self.sparse_kernels]
        return self.run_layer(values, args, kwargs)

    def guarded(self, kernel: SparseKernel, training: bool | None) -> Any:
        """Returns the effective kernel; training with it fails if `UpdateSparsity` is missing."""
        value = self.effective_kernel(kernel, training)
        if training and isinstance(kernel.variable.constraint, EffectiveConstraint):
            kernel.variable.constraint.see()
        return self.guard(kernel, value) if training else value

    def guard(self, kernel: SparseKernel, value: Any) -> Any:
        """Returns `value`; taking its gradient fails if `UpdateSparsity` is needed and missing.

        In the gradient, not in the call: a call with `training=True` alone trains nothing.
        """
        # TensorFlow's tape would run the check for a frozen kernel too.
        if not self.needs_driver or not kernel.variable.trainable:
            return value
        return with_check_in_gradient(value, self._check_driven)

    def run_layer(
        self,
        values: Sequence[tuple[keras.Variable, Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        method: str | None = None,
    ) -> Any:
        """Calls the wrapped layer, or a method of it, with tensors in place of some variables.

        Whatever else the layer does takes effect: it assigns its other variables (moving averages,
        seeds) and adds its losses.

        Args:
            values: list of `(variable, tensor)`.
            args: positional arguments of the call.
            kwargs: keyword arguments of the call.
            method: what is called; the layer itself if `None`.
        """
        self._check_kernels()
        outputs, updates, losses = call_with(self.layer, values, args, kwargs, method)
        substituted = {id(variable): value for variable, value in values}
        for variable, value in updates:
            if id(variable) in substituted:
                value = self.merge_update(variable, value)
                if value is None and method is not None:
                    raise RuntimeError(
                        f"A method of the layer '{self.layer.name}' assigns its own kernel, which "
                        f"{type(self).__name__} computes from another. Call it on the layer "
                        "itself, `wrapper.layer`."
                    )
            if value is not None:
                variable.assign(value)
        for loss in losses:
            self.add_loss(loss)
        return outputs

    def _check_kernels(self):
        """Raises a `RuntimeError` if the wrapped layer's kernels were exchanged for others."""
        for kernel in self.sparse_kernels:
            check_held(self, kernel, self._holders[kernel.name])

    def _check_driven(self):
        """Raises a `RuntimeError` if the sparsity follows a schedule and nothing updates it."""
        if self.needs_driver and not self._driven:
            raise RuntimeError(
                f"The sparse layer '{self.name}' ({type(self).__name__}) is being trained, but "
                "nothing updates its sparsity: its schedule would be ignored in silence. Pass "
                "`callbacks=[sos.UpdateSparsity()]` to `fit`, or call "
                "`sos.UpdateSparsity().update(model, step)` before each step of a custom loop. To "
                "train with the masks it has, `frozen = sos.freeze(model)` and train `frozen`. "
                "(With the JAX backend, rebuild the model first: Keras frees its variables when a "
                "training step fails.)"
            )

    # Building, and what is passed on to the wrapped layer.

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Builds the wrapped layer if it is not built, and creates the state beside its kernels."""
        if not self.layer.built:
            name_like(self.layer, self)  # its variables are named as without the wrapper
            self.layer.build(*args, **kwargs)
        if not self.sparse_kernels:
            kernels = self.kernels_to_wrap()
            self.sparse_kernels = tuple(replace(kernel, wrapper=self) for kernel in kernels)
            for kernel, prefix in zip(
                self.sparse_kernels, distinct_prefixes(self.sparse_kernels), strict=True
            ):
                self._holders[kernel.name] = holders(kernel)
                self._prefixes[kernel.name], self.beside[kernel.name] = prefix, {}
                self.kernel_state[kernel.name] = self.add_kernel_state(kernel)
                if self.reparametrization is not None:
                    check_can_be_reparametrized(kernel)
            for kernel in self.sparse_kernels:
                act_on_effective_kernel(self, kernel)
        self._made = True  # from now on, to set an attribute that the layer has sets the layer's

    def kernels_to_wrap(self) -> list[SparseKernel]:
        """Returns the kernels of the built layer that are made sparse."""
        return kernels_to_wrap(self.layer, self._kernel_names)

    def add_beside(self, kernel: SparseKernel, name: str, **arguments: Any) -> keras.Variable:
        """Creates a variable that goes with a kernel: `beside[kernel.name][name]`.

        Args:
            kernel: the kernel.
            name: what it is called, after the kernel's name where a layer has several kernels.
            **arguments: those of `add_weight`.
        """
        variable = self.add_weight(name=f"{self._prefixes[kernel.name]}{name}", **arguments)
        # Beside the kernel's, so that paths are unique. Not below it: in `get_state_tree` and Orbax
        # checkpoints a path that ends at the kernel hides all below it.
        set_path(variable, f"{kernel.variable.path}_{variable.name}")
        lay_out_like(variable, kernel.variable)
        self.beside[kernel.name][name] = variable
        return variable

    def build_if_possible(self) -> None:
        """Creates the state now if the layer is built: the last statement of a constructor."""
        if self.layer.built and find_kernels(self.layer):
            # State is named as the kernels are: Orbax tells variables by their paths.
            name_like(self, self.layer)
            self.build()

    def _build_for_call(self, call_spec):
        """Builds the wrapped layer for the arguments of the wrapper's first call."""
        if not takes_training(self.layer):
            call_spec.arguments_dict.pop("training", None)
        name_like(self.layer, self)
        build_for_call(self.layer, call_spec)
        if not self.layer.built:  # it builds itself when it is called
            self.layer(**call_spec.arguments_dict)

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns the wrapped layer's; None where only a call can build the layers inside."""
        built_by_call = has_default_build(self.layer) and any(layers_inside(self.layer))
        return None if built_by_call else self.layer.get_build_config()

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the wrapped layer and the wrapper, as they were when saved."""
        if not self.layer.built:
            self.layer.build_from_config(config)
        self.build()

    def write_zeros(self, kernel: SparseKernel) -> None:
        """Writes the zeros of evaluation into the stored kernel; predictions stay the same."""
        kernel.variable.assign(self.to_store(kernel, self.evaluation_kernel(kernel)))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, the wrapped layer's included."""
        config = super().get_config()
        del config["dtype"]
        # The wrapper builds its layer: Keras would mark one without `build` as built too early.
        config["layer"].pop("build_config", None)
        own = reparametrization_config(self.reparametrization)
        return {**config, "kernels": self._kernel_names, **own}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        """Creates the wrapper from its configuration, which stays as it is."""
        return super().from_config({**config, **reparametrization_in(config)}, custom_objects)


def _check_layer(layer):
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "`layer` must be a Keras layer, such as keras.layers.Dense(10). "
            f"Received: {layer!r} (of type {type(layer).__name__})."
        )
    check_not_compiled(layer)
    inside = all_layers(layer)
    sparse = next((inner for inner in inside if isinstance(inner, SparseWrapper)), None)
    if sparse is not None:
        raise ValueError(
            "`layer` must not be sparse already: one technique acts on a kernel. "
            f"Received: '{layer.name}', which is or holds '{sparse.name}' "
            f"({type(sparse).__name__}). Wrap `wrapper.layer`, or `sos.strip` the model first."
        )
    if isinstance(layer, keras.Model):
        raise ValueError(
            "`layer` must be a layer, not a whole model. "
            f"Received: the model '{layer.name}'. Use `sos.sparsify(model, rules)`."
        )
