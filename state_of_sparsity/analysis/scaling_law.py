"""The loss of sparse networks by sparsity, nonzero weights and data: the law, and its fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from state_of_sparsity import extras

with extras.explained():
    from scipy import optimize

# The least difference that counts as an outlier, by what is compared: those of the released fits
# to language models, as Hoffmann et al. (2022), and to vision transformers.
DELTAS = {"log": 1e-3, "loss": 1e-2}
STARTS = 16
_LARGEST_EXPONENT = 10.0
_EQUAL_LOSS, _EQUAL_COEFFICIENTS = 1e-3, 1e-2  # of two starts, in proportion
_STEP = 1e-3  # of the sparsities among which the best is searched


@dataclasses.dataclass(frozen=True)
class ScalingLaw:
    """The loss that a network reaches, L(S, N, D) = (a (1 - S)^b + c) N^-d + e D^-f + g.

    Args:
        a: factor of the size that sparsity takes away.
        b: exponent of the density 1 - S.
        c: factor of the size that it leaves.
        d: exponent of the nonzero weights N, in millions.
        e: factor of the data; the article writes it (a_D / D)^b_D, with a_D = e^(1/f).
        f: exponent of the data D, in the unit that the law was fitted in.
        g: the loss that neither size nor data lowers.

    Example:

    >>> law = ScalingLaw(0.5678, 0.7216, 1.5227, 0.2451, 0.6336, 0.2027, 0.6507)
    >>> [round(law.dense_equivalent(sparsity), 2) for sparsity in (0.5, 0.75, 0.875)]
    [1.59, 2.16, 2.63]

    Reference: Frantar et al., "Scaling Laws for Sparsely-Connected Foundation Models", 2023.
    """

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    g: float

    def loss(self, sparsity: Any, nonzero: Any, data: Any) -> Any:
        """Returns the loss at a sparsity in [0, 1), with so many nonzero weights and data."""
        of_size = self.a * (1 - sparsity) ** self.b + self.c
        return of_size * nonzero**-self.d + self.e * data**-self.f + self.g

    def dense_equivalent(self, sparsity: float) -> float:
        """Returns how many times the nonzero weights a dense network needs for an equal loss.

        ((a + c) / (a (1 - S)^b + c))^(1/d), whatever the size and the data. NaN where the law has
        no effect of size.

        Args:
            sparsity: that of the sparse network, in [0, 1).
        """
        if not self.d or not self.a + self.c:
            return float("nan")
        of_size = self.a * (1 - sparsity) ** self.b + self.c
        return ((self.a + self.c) / of_size) ** (1 / self.d)

    def optimal_sparsity(self, nonzero: float, data: float, most: float) -> float | None:
        """Returns the sparsity of the least loss for a number of nonzero weights and of operations.

        Sparser networks of as many nonzero weights start out larger, so that the same operations
        train them on less data: `data / training_cost(S)`.

        Args:
            nonzero: nonzero weights of the trained network, in millions.
            data: what these operations would train a dense network of that size on.
            most: the highest sparsity to consider, such as the highest measured, in [0, 1).

        Returns:
            A sparsity in steps of 0.1 %; None if the loss still falls at `most`.
        """
        sparsities = np.arange(0, most + _STEP / 2, _STEP)
        losses = self.loss(sparsities, nonzero, data / training_cost(sparsities))
        least = int(np.argmin(losses))
        return None if least == len(sparsities) - 1 else round(float(sparsities[least]), 3)


def training_cost(sparsity: np.ndarray) -> np.ndarray:
    """Returns operations of training to a sparsity, in those of a dense network as large after it.

    The network is dense for a quarter of the steps, loses weights by the cubic schedule for half
    of them, in which it has on average 1 - 3/4 S of its weights, and is sparse for the last.

    Args:
        sparsity: that of the trained network, in [0, 1).

    Example:

    >>> training_cost(0.0), training_cost(0.5)
    (1.0, 1.375)
    """
    return (0.25 + 0.5 * (1 - 0.75 * sparsity)) / (1 - sparsity) + 0.25


@dataclasses.dataclass(frozen=True)
class Runs:
    """What a law is fitted to: an array each, a run an element.

    Args:
        sparsity: the fraction of zeros, in [0, 1).
        nonzero: weights that are not zero, in millions.
        data: what each run was trained on.
        loss: the loss that it reached.
        unit: what `data` counts, in words.
    """

    sparsity: np.ndarray
    nonzero: np.ndarray
    data: np.ndarray
    loss: np.ndarray
    unit: str

    @property
    def sparsities(self) -> list[float]:
        """The different sparsities in increasing order, in steps of 0.1 %."""
        return sorted(set(np.round(self.sparsity, 3).tolist()))


@dataclasses.dataclass(frozen=True)
class Fit:
    """A law fitted to runs.

    Args:
        law: that of the least Huber loss.
        residuals: what was compared: `log`, logarithms of the losses, or `loss`, the losses.
        huber_loss: mean over runs.
        agreeing: how many of the starts ended at this Huber loss and these coefficients.
        starts: how many there were.
        undetermined: names of coefficients that ended at the edge of what they may be.
    """

    law: ScalingLaw
    residuals: str
    huber_loss: float
    agreeing: int
    starts: int
    undetermined: tuple[str, ...]


def huber_loss(law: ScalingLaw, runs: Runs, residuals: str = "log") -> float:
    """Returns the mean over runs of r^2 / 2, or delta (|r| - delta / 2) of those with |r| > delta.

    Args:
        law: what predicts the losses.
        runs: what was measured.
        residuals: `log`, r is the difference of logarithms and delta is 0.001; or `loss`, r is the
            difference and delta is 0.01.
    """
    predicted, delta = law.loss(runs.sparsity, runs.nonzero, runs.data), DELTAS[residuals]
    if residuals == "log":
        distance = np.abs(np.log(predicted) - np.log(runs.loss))
    else:
        distance = np.abs(predicted - runs.loss)
    outlier = delta * (distance - delta / 2)
    return float(np.mean(np.where(distance > delta, outlier, distance**2 / 2)))


def fit(runs: Runs, residuals: str = "log") -> Fit:
    """Returns the law of the least Huber loss, found from several starts; the same each time.

    All coefficients are at least 0, the exponents at most 10.

    Args:
        runs: what was measured, with three different sparsities, sizes and amounts of data at
            least.
        residuals: `log` or `loss`, as in `huber_loss`.
    """
    sizes, amounts = _geometric_mean(runs.nonzero), _geometric_mean(runs.data)
    # Near 1, so that the coefficients of all tables have sizes that one set of starts is near to.
    near_one = dataclasses.replace(runs, nonzero=runs.nonzero / sizes, data=runs.data / amounts)
    ends = [_minimum(near_one, residuals, start) for start in _starts(runs.loss)]
    least, best = min(ends, key=lambda end: end[0])
    enough = least * (1 + _EQUAL_LOSS) + 1e-12 * DELTAS[residuals] ** 2
    alike = [
        value <= enough and np.allclose(found, best, rtol=_EQUAL_COEFFICIENTS, atol=1e-6)
        for value, found in ends
    ]
    a, b, c, d, e, f, g = best.tolist()
    law = ScalingLaw(a * sizes**d, b, c * sizes**d, d, e * amounts**f, f, g)
    at_the_edge = (best < 1e-6) | (np.isin(range(7), (1, 3, 5)) & (best > 0.999 * 10))
    names = [field.name for field in dataclasses.fields(ScalingLaw)]
    return Fit(
        law=law,
        residuals=residuals,
        huber_loss=huber_loss(law, runs, residuals),
        agreeing=sum(alike),
        starts=len(ends),
        undetermined=tuple(n for n, edge in zip(names, at_the_edge, strict=True) if edge),
    )


def _geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def _starts(losses):
    """Returns coefficients to begin at: exponents below 1, all else below the losses' size."""
    low, high = float(losses.min()), float(losses.max())
    drawn = np.random.default_rng(0).uniform(0.01, 1, size=(STARTS, 7))
    return drawn * np.array([high, 1, high, 1, high, 1, low])


def _minimum(runs, residuals, start):
    """Returns the sum of the Huber losses at a minimum, and the coefficients there."""
    data = (runs.sparsity, runs.nonzero, runs.data)

    def differences(coefficients):
        predicted = ScalingLaw(*coefficients).loss(*data)
        return np.log(predicted / runs.loss) if residuals == "log" else predicted - runs.loss

    def derivatives(coefficients):
        found = _derivatives(coefficients, *data)
        predicted = ScalingLaw(*coefficients).loss(*data)
        return found / predicted[:, None] if residuals == "log" else found

    highest = np.array([np.inf, _LARGEST_EXPONENT] * 3 + [np.inf])
    found = optimize.least_squares(
        differences,
        start,
        jac=derivatives,
        bounds=(0, highest),
        loss="huber",
        f_scale=DELTAS[residuals],
        x_scale="jac",
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-14,
        max_nfev=2000,
    )
    return found.cost / len(runs.loss), found.x


def _derivatives(coefficients, sparsity, nonzero, data):
    a, b, c, d, e, f, _ = coefficients
    density, size, amount = (1 - sparsity) ** b, nonzero**-d, data**-f
    return np.stack(
        [
            density * size,
            a * density * np.log(1 - sparsity) * size,
            size,
            -(a * density + c) * np.log(nonzero) * size,
            amount,
            -e * np.log(data) * amount,
            np.ones_like(size),
        ],
        axis=1,
    )
