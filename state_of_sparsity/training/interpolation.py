"""Loss and metrics on the straight line between two snapshots of one model."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from state_of_sparsity.surgery.variables_by_path import variables_by_path
from state_of_sparsity.training.evaluate import evaluator
from state_of_sparsity.training.experiment import Experiment
from state_of_sparsity.training.experiment_check import check_made

Weights = Mapping[str, np.ndarray]


def plain_model(experiment: Experiment) -> keras.Model:
    """Returns the model of an experiment without its rules and its start: dense, as it is made.

    Keras's dtype policy is float32 from then on, whatever the experiment's precision: rounding
    would look like rises and falls.

    Args:
        experiment: the `Experiment`.
    """
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(experiment.seed)
    model = experiment.model()
    check_made("model", model, keras.Model)
    return model


def places(first: float, last: float, points: int) -> list[float]:
    """Returns evenly spaced places on a line, with both ends, 0 and 1, among them.

    Args:
        first: the first place, at most 0.
        last: the last place, at least 1.
        points: how many to space evenly, at least 2; an end that is not among them is added.

    Example:

    >>> places(-0.2, 1.2, 3)
    [-0.2, 0.0, 0.5, 1.0, 1.2]
    """
    # Rounded, lest 0 comes out as 3e-17 and is added again.
    spaced = np.round(np.linspace(first, last, points), 12) + 0.0
    return sorted({0.0, 1.0, *map(float, spaced)})


def masked(weights: Weights, masks: Weights) -> dict[str, np.ndarray]:
    """Returns weights with zeros where masks have them.

    Args:
        weights: `{path: array}`.
        masks: `{path: boolean array}`, of some of the paths.
    """
    return {p: np.where(masks[p], w, 0) if p in masks else w for p, w in weights.items()}


def between(first: Weights, second: Weights, alpha: float) -> dict[str, np.ndarray]:
    """Returns the weights at a place on the line: `(1 - alpha) first + alpha second`.

    What is not a number with a fraction, such as a count, is the first one's.

    Args:
        first: `{path: array}`.
        second: `{path: array}` of the same paths and shapes.
        alpha: the place; 0 is the first, 1 the second.

    Example:

    >>> between({"kernel": np.zeros(2)}, {"kernel": np.ones(2)}, 0.25)
    {'kernel': array([0.25, 0.25])}
    """
    return {path: _between(array, second[path], alpha) for path, array in first.items()}


def _between(first, second, alpha):
    if not np.issubdtype(first.dtype, np.floating):
        return first
    line = (1 - alpha) * first.astype("float64") + alpha * second.astype("float64")
    return line.astype(first.dtype)


def on_line(
    model: keras.Model,
    ends: tuple[Weights, Weights],
    alphas: Iterable[float],
    splits: Mapping[str, Any],
    loss: Any,
    metrics: Sequence[Any],
    prepare: Callable[[keras.Model], None] = lambda model: None,
) -> Iterator[dict[str, Any]]:
    """Evaluates a model at places on the line between two sets of weights.

    Args:
        model: a built, dense Keras model; it has the weights of the last place when all is done.
        ends: the weights of both ends, `{path: array}` by `variables_by_path`.
        alphas: the places.
        splits: `{name: batches}`, finite batches that can be read repeatedly.
        loss: a Keras loss.
        metrics: a list of Keras metrics or their names.
        prepare: called with the model when it has the weights of a place, such as to recompute its
            batch statistics.

    Returns:
        An iterator over one dict a place and split, made when asked for: `split`, `alpha`, and
        what `evaluate` returns.

    Example:

    >>> from state_of_sparsity.data.images.digits import Digits
    >>> from state_of_sparsity.models.lenet import lenet_300_100
    >>> from state_of_sparsity.training.runs import snapshot
    >>> model, other = lenet_300_100((8, 8, 1)), lenet_300_100((8, 8, 1))
    >>> ends = tuple(snapshot.take(each, step=0).as_evaluated for each in (model, other))
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> for row in on_line(model, ends, [0.0, 0.5], {"test": Digits().test()}, loss, ["accuracy"]):
    ...     print(row["split"], row["alpha"], row["loss"])
    test 0.0 2...
    test 0.5 2...

    Reference: Frankle, Dziugaite, Roy, Carbin, "Linear Mode Connectivity and the Lottery Ticket
    Hypothesis", 2020, section 2; Evci et al., "The Difficulty of Training Sparse Neural Networks",
    2019.
    """
    variables, _ = variables_by_path(model)
    with evaluator(model, loss, metrics) as evaluate_batches:
        for alpha in alphas:
            for path, array in between(*ends, alpha).items():
                variables[path].assign(array)
            prepare(model)
            for split, batches in splits.items():
                yield {"split": split, "alpha": alpha, **evaluate_batches(batches)}
