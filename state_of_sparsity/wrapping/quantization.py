"""Sparse models are not quantized: `sos.strip` comes first."""

from state_of_sparsity.wrapping.keras_internals import all_layers, before_quantizing


def refuse_sparse_models(wrapper_type):
    """Makes `quantize` of every Keras model refuse, before it begins, a model with sparse layers.

    Keras quantizes layer by layer, and so would exchange the kernels inside the wrappers, and have
    quantized the layers before the first wrapper by the time that one could refuse.

    Args:
        wrapper_type: the class of sparse layers.
    """

    def check_not_sparse(model):
        for layer in all_layers(model):
            if isinstance(layer, wrapper_type):
                raise ValueError(refusal(f"The model '{model.name}'", layer))

    before_quantizing(check_not_sparse)


def refusal(what, wrapper) -> str:
    """Returns the message that `what` has the sparse layer `wrapper` and cannot be quantized."""
    return (
        f"{what} must not be quantized while it is sparse: its masks would be lost. "
        f"Received: the sparse layer '{wrapper.name}' ({type(wrapper).__name__}). Nothing was "
        "changed. Call `sos.strip(model)` first, then `quantize` on the plain copy that it "
        "returns, in which every zero stays zero."
    )
