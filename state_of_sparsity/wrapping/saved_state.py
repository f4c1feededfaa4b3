"""`SavedState`: a sparse layer's own variables in files, and a warning where they would be lost."""

import sys
import types
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from state_of_sparsity.user_warnings import warn
from state_of_sparsity.wrapping.keras_internals import own_variables
from state_of_sparsity.wrapping.powerpropagation import Powerpropagation
from state_of_sparsity.wrapping.tensorflow_tracking import save_in_checkpoints

if TYPE_CHECKING:  # the methods it overrides are those of a layer, which `SparseWrapper` is
    _OfALayer = keras.layers.Layer
else:
    _OfALayer = object


class SavedState(_OfALayer):
    """Saves and loads the variables of a wrapper: masks, gates, seeds; part of `SparseWrapper`."""

    reparametrization: Powerpropagation | None  # as `Contract` says
    # The class of the model that holds the wrapper, if no file of that model can hold it.
    _placed_in = None

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        """Creates a variable of the layer, which TensorFlow's checkpoints hold too."""
        variable = super().add_weight(*args, **kwargs)
        save_in_checkpoints(self, variable)
        return variable

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if isinstance(value, keras.random.SeedGenerator):
            save_in_checkpoints(self, value.state)

    def save_assets(self, directory: str) -> None:
        """Writes nothing; Keras asks when it saves a model whole: warns if it cannot be loaded."""
        self._warn_if_lost("file")

    def load_assets(self, directory: str) -> None:
        """Reads nothing: what is wrapped keeps its own assets."""

    def save_own_variables(self, store: Any) -> None:
        """Saves the state beside the kernels, and the power by which these store weights."""
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_name != "save_to_preset":
            frame = frame.f_back
        if frame is not None:  # keras-hub saves weights as `save_weights` does, which is right
            self._warn_if_lost("preset")
        super().save_own_variables(store)
        if self.reparametrization is not None:
            store["alpha"] = np.float64(self.reparametrization.alpha)

    def load_own_variables(self, store: Any) -> None:
        """Loads the state beside the kernels, and says what to do where a file has none."""
        own = own_variables(self)
        keys = [str(number) for number in range(len(own))]
        store = self._without_alpha(store)
        if sorted(store.keys()) != sorted(keys) or any(
            (keras.backend.standardize_dtype(v.dtype) == "bool") != (store[key].dtype == "bool")
            for v, key in zip(own, keys, strict=True)
        ):
            raise ValueError(
                f"The file must hold the state of the sparse layer '{self.name}' "
                f"({type(self).__name__}): {[v.name for v in own]}. Received: {len(store.keys())} "
                "variables, which seem to be those of a plain layer. Load the weights into the "
                "plain model first, then sparsify it."
            )
        super().load_own_variables(store)

    def _without_alpha(self, store):
        """Returns a store without the power in it, which has to be that of the layer."""
        own = self.reparametrization
        saved = float(store["alpha"]) if "alpha" in store.keys() else None  # noqa: SIM118
        if saved != (None if own is None else own.alpha):
            made_with = None if saved is None else Powerpropagation(saved)
            raise ValueError(
                f"The file must be of a model with the same `reparametrization` as the layer "
                f"'{self.name}', {own}: its kernels hold other numbers for the same weights. "
                f"Received: one made with {made_with}. Make the layers as that had them, or load "
                "the weights of a plain model before it is made sparse."
            )
        return store if saved is None else {k: store[k] for k in store.keys() if k != "alpha"}  # noqa: SIM118

    def _warn_if_lost(self, what):
        if self._placed_in is not None:
            of_a_layer = not issubclass(self._placed_in, keras.Model)
            whole = "; or sparsify with `whole_blocks=True`" if of_a_layer else ""
            warn(
                f"The {what} of this sparse model cannot be loaded: '{self._placed_in.__name__}' "
                "makes plain layers anew. Use `model.save_weights`, and later build, sparsify and "
                f"`load_weights`; or save sos.strip(model){whole}."
            )
