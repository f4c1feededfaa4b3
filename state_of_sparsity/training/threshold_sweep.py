"""The threshold of variational dropout, swept after training."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras

from state_of_sparsity import accounting
from state_of_sparsity.layers.variational_dropout import VariationalDropout
from state_of_sparsity.surgery import structure
from state_of_sparsity.surgery.strip import strip
from state_of_sparsity.training.evaluate import evaluator


def threshold_sweep(
    model: keras.Model,
    thresholds: Iterable[float],
    batches: Any,
    loss: Any,
    metrics: Sequence[Any],
    score: Callable[[keras.Model], dict[str, Any]] = lambda model: {},
) -> Iterator[dict[str, Any]]:
    """Evaluates a trained model at several thresholds of log alpha.

    Which weights variational dropout drops is decided at evaluation alone, so that one trained
    model gives a curve of sparsity and quality: the lower the threshold, the sparser.

    Args:
        model: a trained model with `VariationalDropout` layers; it is as before when the sweep has
            ended.
        thresholds: numbers; weights are dropped whose log alpha is at least that.
        batches: finite batches, as `model.evaluate` takes them, which can be read repeatedly.
        loss: a Keras loss.
        metrics: a list of Keras metrics or their names.
        score: callable from the stripped model to a dict of further figures.

    Returns:
        An iterator over one dict a threshold, made when asked for: `threshold`, `sparsity` and
        `nonzero` of all kernels, `sparse_multiply_adds` if they are known, and what `evaluate` and
        `score` return for the stripped model.

    Raises:
        ValueError: if the model has no `VariationalDropout` layer.

    Example:

    >>> from state_of_sparsity.data.images.digits import Digits
    >>> from state_of_sparsity.models.lenet import lenet_300_100
    >>> model = lenet_300_100((8, 8, 1))  # to be trained
    >>> sparse = sos.sparsify(model, lambda layer: sos.VariationalDropout(layer, kl_weight=1e-4))
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> for row in threshold_sweep(sparse, [0.0, 3.0], Digits().test(), loss, ["accuracy"]):
    ...     print(row["threshold"], row["sparsity"], row["accuracy"])
    0.0 0.0... 0...
    3.0 0.0... 0...

    Reference: Gale, Elsen, Hooker, "The State of Sparsity in Deep Neural Networks", 2019, whose
    Transformers were evaluated at thresholds from 0 to 5, the best for each sparsity taken.
    """
    layers = structure.sparse_layers(model).values()
    wrappers = [layer for layer in layers if isinstance(layer, VariationalDropout)]
    if not wrappers:
        kinds = sorted({type(layer).__name__ for layer in layers}) or ["no sparse layers"]
        raise ValueError(
            "`thresholds` are those of variational dropout, which the model does not have. "
            f"Received: a model with {', '.join(kinds)}. Leave them out."
        )
    return _rows(model, wrappers, thresholds, (batches, loss, metrics, score))


def _rows(model, wrappers, thresholds, measured):
    batches, loss, metrics, score = measured
    trained_with = [wrapper.threshold for wrapper in wrappers]
    # One copy for all thresholds, as each new one would be traced and compiled again.
    stripped = strip(model)
    try:
        with evaluator(stripped, loss, metrics) as evaluate_batches:
            for threshold in thresholds:
                for wrapper in wrappers:
                    wrapper.threshold = threshold
                _write_kernels(model, stripped)
                yield {
                    "threshold": threshold,
                    **_figures(accounting.report(stripped)),
                    **evaluate_batches(batches),
                    **score(stripped),
                }
    finally:
        for wrapper, threshold in zip(wrappers, trained_with, strict=True):
            wrapper.threshold = threshold


def _figures(counts):
    names = ("sparsity", "nonzero", "sparse_multiply_adds")
    figures = {name: getattr(counts, name) for name in names}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _write_kernels(model, stripped):
    """Writes the evaluation kernels of a sparse model into its stripped copy."""
    copies = {kernel.path: kernel.variable for kernel in structure.model_kernels(stripped)}
    for kernel in structure.model_kernels(model):
        if kernel.wrapper is not None:
            copies[kernel.path].assign(kernel.values())
