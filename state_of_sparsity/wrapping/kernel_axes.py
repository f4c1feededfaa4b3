"""`kernel_axes`: what each axis of a kernel is for, of every kind of layer, in one place."""

from dataclasses import dataclass

import keras

from state_of_sparsity.wrapping.sparse_kernel import SparseKernel

layers = keras.layers

# What a layer computes with a kernel, as the equation of an `EinsumDense`: the axes it reads, the
# kernel's, and those it writes. "*" stands for the window of a convolution.
_MATRIX = "...a,ab->...b"
_CONVOLUTION = "...a,*ab->...b"
_TRANSPOSED = "...a,*ba->...b"
_DEPTHWISE = "...a,*ab->...ab"

# Layers of one product, an activation and a bias.
_ONE_PRODUCT: dict[type, str | None] = {
    layers.Dense: _MATRIX,
    layers.EinsumDense: None,  # each has an equation of its own
    layers.Embedding: _MATRIX,  # of vectors with a single one in them
    layers.ReversibleEmbedding: _MATRIX,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), _CONVOLUTION),
    **dict.fromkeys(
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _TRANSPOSED
    ),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _DEPTHWISE),
}
# Layers of several: each of their kernels by itself. (A depthwise one is told by its name.)
_SEVERAL_PRODUCTS: dict[type, str | None] = {
    **dict.fromkeys((layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell), _MATRIX),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _CONVOLUTION),
}
_EQUATIONS = _ONE_PRODUCT | _SEVERAL_PRODUCTS
_GATES = {layers.LSTMCell: 4, layers.GRUCell: 3}


@dataclass(frozen=True)
class KernelAxes:
    """What each axis of a kernel is for; axes are numbered from 0.

    Args:
        equation: what the layer computes, as of an `EinsumDense`. A label that neither the inputs
            nor the outputs have is an axis of a convolution's window.
        groups: how many input units share an index along `inputs` (grouped convolutions).
        gates: how many indices along `outputs` an output unit has (4 of an LSTM, 3 of a GRU).
        looks_up: whether the layer looks up rows of it. (A tied embedding that is called with
            `reverse=True` multiplies with its transpose, and sums over `outputs`.)
        assumed: whether it is a matrix of no layer of Keras, taken for one of a product `x @ w`.
    """

    equation: str
    groups: int = 1
    gates: int = 1
    looks_up: bool = False
    assumed: bool = False

    @property
    def summed(self) -> tuple[int, ...]:
        """Axes that every output is a sum over: all but `outputs`."""
        return self._axes(lambda label: label not in self._written)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Axes that tell the outputs apart: a weight counts for those of its own indices alone."""
        return self._axes(lambda label: label in self._written)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Axes that tell the inputs apart: `summed` but the window, and some of `outputs`.

        Those are of a depthwise convolution, or batch-like in an einsum: an output of one index
        reads the inputs of the same index.
        """
        return self._axes(lambda label: label in self._read)

    @property
    def window(self) -> tuple[int, ...]:
        """Axes along which the kernel is moved over positions (convolutions)."""
        return self._axes(lambda label: label not in self._read + self._written)

    @property
    def scatters(self) -> bool:
        """Whether each input is spread over a window of outputs (transposed convolutions)."""
        return bool(self.window) and self.outputs < self.inputs  # Keras has theirs the other way

    @property
    def _read(self):
        return self.equation.partition(",")[0]

    @property
    def _written(self):
        return self.equation.partition("->")[2]

    def _axes(self, chosen):
        kernel = self.equation.partition(",")[2].partition("->")[0]
        return tuple(axis for axis, label in enumerate(kernel) if chosen(label))


def kernel_axes(kernel: SparseKernel) -> KernelAxes | None:
    """Returns what each axis of a kernel is for, or None if it is not known.

    That of every layer of Keras is known, and of layers that inherit from them. A matrix of any
    other layer is taken for one of a product `x @ kernel`; of other shapes nothing is assumed.

    Args:
        kernel: a kernel of a built layer.

    Example:

    >>> from state_of_sparsity.wrapping.kernels import find_kernels
    >>> layer = keras.layers.Conv2D(8, 3)
    >>> layer.build((None, 28, 28, 3))
    >>> axes = kernel_axes(find_kernels(layer)[0])
    >>> axes.summed, axes.outputs, axes.inputs
    ((0, 1, 2), (3,), (2,))
    """
    layer, rank = kernel.owner, len(kernel.shape)
    kind = _first_of(_EQUATIONS, layer)
    equation, gates = _EQUATIONS.get(kind), _GATES.get(kind, 1)
    if kernel.variable.name == "depthwise_kernel":
        equation = _DEPTHWISE
    elif kind is layers.EinsumDense:
        equation = layer.equation.replace(" ", "")
    elif _is_cell_of_conv_lstm(layer):
        equation, gates = _CONVOLUTION, 4
    if equation is not None:
        groups = getattr(layer, "groups", 1) if "*" in equation else 1  # of convolutions
        equation = equation.replace("*", "xyz"[: max(rank - 2, 0)])
        looks_up = kind is not None and issubclass(kind, layers.Embedding)
        axes = KernelAxes(equation, groups, gates, looks_up)
        if len(axes.summed + axes.outputs) == rank:
            return axes
    return KernelAxes(_MATRIX, assumed=True) if rank == 2 else None


def layer_of_one_product(layer) -> type | None:
    """Returns the class of Keras that a layer is of, if that is a product, activation and bias."""
    return _first_of(_ONE_PRODUCT, layer)


def _first_of(kinds, layer):
    return next((kind for kind in type(layer).__mro__ if kind in kinds), None)


def _is_cell_of_conv_lstm(layer):
    # Keras does not export the class.
    return any(
        kind.__name__ == "ConvLSTMCell" and kind.__module__.startswith("keras.")
        for kind in type(layer).__mro__
    )
