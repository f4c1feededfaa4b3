"""`report`: what is left of every kernel of a model, in weights, multiply-adds and bytes."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np

from state_of_sparsity import atomic_write, extras, output_path
from state_of_sparsity.accounting.kernel_report import COLUMNS, KernelReport
from state_of_sparsity.accounting.kernel_values import reader
from state_of_sparsity.accounting.multiply_adds import count_uses
from state_of_sparsity.accounting.notebook_table import notebook_table
from state_of_sparsity.accounting.tables import markdown, plain_text
from state_of_sparsity.surgery.structure import check_has_weights, model_kernels, walk
from state_of_sparsity.table_cells import csv_text
from state_of_sparsity.wrapping.additive_tables import attributes_that_hold, is_additive_table
from state_of_sparsity.wrapping.base import SparseWrapper
from state_of_sparsity.wrapping.keras_internals import all_layers
from state_of_sparsity.wrapping.lora import lora_product
from state_of_sparsity.wrapping.quantized_kernels import QuantizedKernel
from state_of_sparsity.wrapping.units import units_left

if TYPE_CHECKING:
    import pandas as pd

# Of one example; for several inputs a list, or a dict by input name.
InputShape = (
    Sequence[int | None] | Sequence[Sequence[int | None]] | Mapping[str, Sequence[int | None]]
)


@dataclass(frozen=True)
class Report:
    """What `report` found; prints as a table.

    Args:
        layers: one row for each kernel, in structural order.
        parameters_outside_kernels: biases, normalization parameters and statistics; nothing else
            here counts them.
        without_kernel: paths of layers that hold no kernel, so that nothing can be made sparse.
        additive_tables: paths of kernels left dense since no rule names them: class tokens,
            position and segment embeddings, relative biases.
        not_built: paths of layers that have no weights yet and are not counted.
        note: why multiply-adds are not known, or None.
        quantized: `(mode, paths)` of the kernels that Keras has quantized.
        with_lora: paths of the kernels that are counted with LoRA's product added to them.
        nothing_masked: whether kernels follow a schedule of sparsity, and none has a zero of it.
    """

    layers: tuple[KernelReport, ...]
    parameters_outside_kernels: int
    without_kernel: tuple[str, ...] = ()
    additive_tables: tuple[str, ...] = ()
    not_built: tuple[str, ...] = ()
    note: str | None = None
    quantized: tuple[tuple[str, tuple[str, ...]], ...] = ()
    with_lora: tuple[str, ...] = ()
    nothing_masked: bool = False

    @property
    def size(self) -> int:
        """Weights of all kernels."""
        return sum(row.size for row in self.layers)

    @property
    def nonzero(self) -> int:
        """Non-zero weights of all kernels."""
        return sum(row.nonzero for row in self.layers)

    @property
    def sparsity(self) -> float:
        """Fraction of the weights of all kernels that is zero."""
        return 1 - self.nonzero / self.size if self.size else 0.0

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds of the dense kernels for one example; None if one is not known."""
        return self._total("multiply_adds")

    @property
    def sparse_multiply_adds(self) -> int | None:
        """Multiply-adds with the zeros left out; None if one is not known."""
        return self._total("sparse_multiply_adds")

    @property
    def bytes_dense(self) -> int:
        """Bytes of all weights."""
        return sum(row.bytes_dense for row in self.layers)

    @property
    def bytes_bitmask(self) -> int:
        """Bytes as bit masks and non-zero values."""
        return sum(row.bytes_bitmask for row in self.layers)

    @property
    def bytes_csr(self) -> int:
        """Bytes as compressed sparse rows with int32 indices."""
        return sum(row.bytes_csr for row in self.layers)

    @property
    def bytes_gzip(self) -> int:
        """Bytes compressed by zlib at level 1."""
        return sum(row.bytes_gzip for row in self.layers)

    def to_csv(self, path: str | os.PathLike | None = None) -> str | None:
        """Returns one line a kernel as CSV, or writes it to a file in one step.

        Args:
            path: the file to write; returns the text if `None`.

        Raises:
            ValueError: if it cannot be written.
        """
        path = None if path is None else output_path.check_file("path", path)
        rows = [{column: getattr(row, column) for column in COLUMNS} for row in self.layers]
        cells = [{**row, "shape": "x".join(map(str, row["shape"]))}.values() for row in rows]
        text = csv_text([COLUMNS, *cells])
        if path is None:
            return text
        atomic_write.write_text(path, text)
        return None

    def to_markdown(self) -> str:
        """Returns the report as a Markdown table."""
        return markdown(self)

    def to_dataframe(self) -> "pd.DataFrame":
        """Returns one row a kernel as a table of pandas, with the columns that the CSV file has.

        But for `bytes_gzip`, which takes seconds for a large model. Numbers are numbers, missing
        where they are not known; `shape` is a tuple.

        Raises:
            ImportError: if pandas is not installed.

        Example:

        >>> table = sos.report(sparse).to_dataframe()
        >>> table.nlargest(3, "nonzero")[["path", "sparsity", "nonzero"]]
        """
        with extras.explained():
            from state_of_sparsity.accounting.data_frame import data_frame
        return data_frame(self)

    def plot(self) -> np.ndarray:
        """Draws the sparsity of each kernel, and its weights with those that are left, as bars.

        By `matplotlib.pyplot`: a notebook shows it, in a script `plt.show()` does.

        Returns:
            The `Axes` of the two panels; `panels[0].figure.savefig("report.png")` writes a file.

        Raises:
            ImportError: if matplotlib is not installed.

        Example:

        >>> panels = sos.report(sparse).plot()
        """
        with extras.explained():
            from state_of_sparsity.accounting.layer_plot import layer_plot
        return layer_plot(self)

    def _repr_html_(self) -> str:
        """Returns the report as notebooks show it."""
        return notebook_table(self)

    def __str__(self) -> str:
        """Returns the report as aligned columns, every path whole."""
        return plain_text(self)

    def _total(self, column: str) -> int | None:
        values = [getattr(row, column) for row in self.layers]
        return None if None in values else sum(values)


def report(model: keras.Model, input_shape: InputShape | None = None) -> Report:
    """Counts the weights, non-zeros, multiply-adds and bytes of every kernel of a model.

    Kernels alone are counted, wrapped by a technique or left dense; biases and normalization are
    not (the rule of the paper). Non-zeros are those of evaluation. Multiply-adds are for one
    example: `size * uses`, and `nonzero * uses` with the zeros left out. Lookups (`Embedding`) cost
    none; products without a kernel (attention scores) are not counted, and the cropped border of a
    transposed convolution is. Kernels are counted as layers use them: LoRA's product is added where
    it is active, which makes them dense, and two quantized weights in one byte are two.

    Args:
        model: a built Keras model, sparse or not.
        input_shape: shape of one example without the batch dimension, such as `(224, 224, 3)`; a
            list of those, or a dict by input name, for several inputs. The model's own if `None`;
            where that is not fixed, multiply-adds are None.

    Returns:
        A `Report`.

    Raises:
        ValueError: if the model is not built, or `input_shape` does not fit it.

    Example:

    >>> model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    >>> report(model).multiply_adds
    7840

    Reference: Gale, Elsen, Hooker, "The State of Sparsity in Deep Neural Networks", 2019.
    """
    check_has_weights(model, "`sos.report`")
    kernels = model_kernels(model)
    uses, note = count_uses(model, kernels, input_shape)
    return Report(
        layers=tuple(_row(kernel, n) for kernel, n in zip(kernels, uses, strict=True)),
        parameters_outside_kernels=_parameters_outside(model, kernels),
        without_kernel=_without_kernel(model, kernels),
        additive_tables=_additive_tables(model, kernels),
        not_built=tuple(path for path, layer in walk(model) if not layer.built),
        note=note,
        quantized=_quantized(kernels),
        with_lora=_with_lora(kernels),
        nothing_masked=_nothing_masked(kernels),
    )


def _row(kernel, uses: int | None) -> KernelReport:
    technique = "dense" if kernel.wrapper is None else type(kernel.wrapper).__name__
    pattern = getattr(kernel.wrapper, "pattern", None)
    quantized, read = isinstance(kernel, QuantizedKernel), reader(kernel)
    values = read()
    inputs_left, outputs_left = units_left(kernel, values)
    return KernelReport(
        path=kernel.path,
        technique=technique,
        pattern=None if pattern is None else str(pattern),
        shape=kernel.shape,
        nonzero=int(np.count_nonzero(values)),
        uses=uses,
        itemsize=kernel.bits / 8 if quantized else values.dtype.itemsize,
        inputs_left=inputs_left,
        outputs_left=outputs_left,
        _read=read,
        _stored=kernel.variable.numpy if quantized else None,
    )


def _additive_tables(model, kernels) -> tuple[str, ...]:
    if all(kernel.wrapper is None for kernel in kernels):
        return ()  # nothing was made sparse, so nothing was left
    dense = (k for k in kernels if k.wrapper is None and not isinstance(k, QuantizedKernel))
    held_as = attributes_that_hold(model)
    return tuple(
        kernel.path
        for kernel in dense
        if is_additive_table(kernel, held_as.get(id(kernel.owner), ()))
    )


def _nothing_masked(kernels) -> bool:
    follows = [k for k in kernels if k.wrapper is not None and k.wrapper.followed is not None]
    masked = [kernel for kernel in follows if kernel.wrapper.followed.says_sparsity]
    return bool(masked) and all(kernel.mask().all() for kernel in masked)


def _with_lora(kernels) -> tuple[str, ...]:
    products = ((kernel.path, lora_product(kernel.owner, kernel.variable)) for kernel in kernels)
    return tuple(path for path, product in products if product is not None)


def _quantized(kernels) -> tuple[tuple[str, tuple[str, ...]], ...]:
    paths = {}
    for kernel in kernels:
        if isinstance(kernel, QuantizedKernel):
            paths.setdefault(kernel.owner.quantization_mode, []).append(kernel.path)
    return tuple((mode, tuple(found)) for mode, found in paths.items())


def _without_kernel(model, kernels) -> tuple[str, ...]:
    paths = [kernel.path for kernel in kernels]
    return tuple(
        path
        for path, layer in walk(model)
        if layer.built and not any(kernel.startswith(f"{path}/") for kernel in paths)
    )


def _parameters_outside(model, kernels) -> int:
    counted = {id(kernel.variable) for kernel in kernels}
    for layer in all_layers(model):
        if isinstance(layer, SparseWrapper):  # masks and gates are bookkeeping, not parameters
            inner = {id(weight) for weight in layer.layer.weights}
            counted.update(id(weight) for weight in layer.weights if id(weight) not in inner)
    return sum(math.prod(w.shape) for w in model.weights if id(w) not in counted)
