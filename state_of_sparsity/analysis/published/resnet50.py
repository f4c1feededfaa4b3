"""The highest numbers of later papers on ResNet-50 and ImageNet, unstructured sparsity.

Each was read in the source that is named: the authors' own repository or data. Where a paper's
levels are its own, so are these.
"""

from state_of_sparsity.analysis.published.point import Published


def _of(source, technique, values, epochs=None, training=(), inference=()):
    """Yields points by rising sparsity; operations are those of the first of them."""
    for index, (sparsity, value) in enumerate(values):
        costs = [each[index] if index < len(each) else None for each in (training, inference)]
        yield Published(technique, sparsity, value, source, epochs, *costs)


_GAP = "boone891214/GaP README@28582cf"
_RIGL = "google-research/rigl README@d39fc7d"
_ITOP = "In-Time-Over-Parameterization README@1b6a89e"
_ACDC = "IST-DASLab/ACDC README@ac53210"
# 90 epochs, and 90 a round: 7 rounds to 79.0 %, 10 to 89.3 %.
_RENDA = "Renda, Frankle, Carbin 2020, released data, median of trials"

LATER = (
    *_of(_GAP, "S-GaP, non-uniform, 4 partitions", [(0.8, 78.13), (0.9, 77.90)]),
    *_of(_GAP, "S-GaP, uniform", [(0.8, 77.86), (0.9, 76.35)]),
    *_of(_GAP, "P-GaP, uniform", [(0.8, 77.49), (0.9, 76.13)]),
    *_of(
        _RIGL,
        "RigL 5x, ERK",
        [(0.8, 77.17), (0.9, 76.42), (0.95, 74.63), (0.965, 72.77), (0.99, 61.86)],
        500,
        (2.09, 1.23, 0.63),
        (0.42, 0.24, 0.12),
    ),
    *_of(_RIGL, "RigL 100x, ERK", [(0.99, 68.15)], 10_000),
    *_of(
        _RIGL,
        "RigL 5x, uniform",
        [(0.8, 76.71), (0.9, 75.73), (0.95, 73.22), (0.965, 71.31)],
        500,
        (1.14, 0.66, 0.42),
        (0.23, 0.13, 0.08),
    ),
    *_of(
        _RIGL,
        "RigL 1x, ERK",
        [(0.8, 75.12), (0.9, 73.07), (0.95, 70.39)],
        100,
        (0.42, 0.24, 0.13),
    ),
    *_of(_RIGL, "RigL 1x, uniform", [(0.8, 74.60), (0.9, 72.02)], 100, (0.23, 0.13)),
    *_of(_ITOP, "RigL-ITOP 2x", [(0.8, 76.9), (0.9, 75.5)], 200, (0.84, 0.50)),
    *_of(_ITOP, "RigL-ITOP 1x", [(0.8, 75.8), (0.9, 73.8)], 100, (0.42, 0.25)),
    *_of(
        _ACDC,
        "AC/DC, global threshold",
        [(0.8, 76.45), (0.9, 75.03), (0.95, 73.14), (0.98, 68.48)],
        100,
    ),
    *_of(_ACDC, "AC/DC, uniform", [(0.9, 75.04), (0.95, 73.28)], 100),
    *_of(_ACDC, "AC/DC 2x, uniform", [(0.9, 76.09), (0.95, 74.29)], 200),
    *_of(_RENDA, "Iterative learning rate rewinding", [(0.79, 76.21)], 720),
    *_of(_RENDA, "Iterative learning rate rewinding", [(0.893, 75.48)], 990),
    *_of(_RENDA, "One-shot learning rate rewinding", [(0.79, 75.54), (0.893, 73.97)], 180),
    *_of(_RENDA, "Iterative weight rewinding", [(0.79, 75.94)], 720),
    *_of(_RENDA, "Iterative weight rewinding", [(0.893, 75.33)], 990),
    *_of(
        "RAIVNLab/STR README",
        "STR",
        [(0.8127, 76.12), (0.9023, 74.31), (0.9515, 70.23), (0.9805, 61.46)],
        100,
        inference=(0.172, 0.084, 0.040, 0.018),  # of 4.09e9 multiply-adds
    ),
    *_of("M-FAC README", "M-FAC", [(0.95, 72.6), (0.98, 67.6)]),
    *_of("CrAM README@b89d9ff", "CrAM+, one-shot", [(0.8, 75.8), (0.9, 74.8)], 100),
)
