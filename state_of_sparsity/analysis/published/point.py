"""`Published`: one number that was published, and `Paper`: those of one model and task."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Published:
    """What a technique reached at a sparsity.

    Args:
        technique: in words.
        sparsity: the nominal one, in (0, 1).
        value: in the unit of the paper's metric.
        source: where it stands: a file and its row, or a page and its commit.
        epochs: training in all, where it is stated.
        training: operations of training, relative to training dense once.
        inference: operations of the trained network, relative to dense.

    Example:

    >>> point = Published("RigL, ERK", 0.8, 75.12, "google-research/rigl README@d39fc7d", 100)
    >>> point.cost
    '100 epochs'
    """

    technique: str
    sparsity: float
    value: float
    source: str
    epochs: int | None = None
    training: float | None = None
    inference: float | None = None

    @property
    def cost(self) -> str:
        """What training took, as far as it is stated; empty where nothing is."""
        told = [f"{self.epochs} epochs"] if self.epochs else []
        told += [f"{self.training:g}x training operations"] if self.training else []
        told += [f"{self.inference:g}x inference operations"] if self.inference else []
        return ", ".join(told)


@dataclasses.dataclass(frozen=True)
class Paper:
    """Numbers of one model and task.

    Args:
        model: the model and its task, in words.
        task: model and data set, as results of runs name them.
        metric: what the values are, in words.
        dense: values of the study's dense runs.
        study: of each technique and sparsity what the study gives, in its list of checkpoints.
        later: the highest of later papers, comparable in task and metric.
        nearby: other numbers of later papers, each of another model, task or metric.
    """

    model: str
    task: tuple[str, str]
    metric: str
    dense: tuple[float, ...]
    study: tuple[Published, ...]
    later: tuple[Published, ...] = ()
    nearby: tuple[Published, ...] = ()

    def value(self, technique: str, sparsity: float) -> float | None:
        """Returns what the study gives for a technique at a sparsity, or None."""
        found = (p.value for p in self.study if (p.technique, p.sparsity) == (technique, sparsity))
        return next(found, None)
