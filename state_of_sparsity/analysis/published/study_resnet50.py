"""The study's ResNet-50 on ImageNet: Gale, Elsen, Hooker, 2019."""

from state_of_sparsity.analysis.published.point import Paper, Published
from state_of_sparsity.analysis.published.resnet50 import LATER

_README = "google-research/google-research state_of_sparsity/README.md"
_RESULTS = "state_of_sparsity/results/sparse_rn50/technique_comparison/"
_MAGNITUDE = "{file}: begin {begin}, end {end}, freq {freq}, label smoothing {smoothing}"
_DROPOUT = "{file}: begin {begin}, end {end}, weight {weight}, label smoothing {smoothing}"


def _scheduled(technique, file, rows):
    names = ("begin", "end", "freq", "smoothing")
    for sparsity, value, *settings, cost in rows:
        row = _MAGNITUDE.format(file=_RESULTS + file, **dict(zip(names, settings, strict=True)))
        yield Published(technique, sparsity, value, row, 102, *cost)


def _dropped(rows):
    names = ("begin", "end", "weight", "smoothing")
    file = _RESULTS + "rn50_variational_dropout.csv"
    for sparsity, value, *settings in rows:
        row = _DROPOUT.format(file=file, **dict(zip(names, settings, strict=True)))
        yield Published("Variational dropout", sparsity, value, row, 102)


# Sparsity, top-1, begin, end, frequency, label smoothing; operations of training and inference as
# Evci et al. (2020) count them.
_PRUNED = [
    (0.5, 76.53, 40_000, 100_000, 2000, 0.1, ()),
    (0.7, 76.38, 40_000, 100_000, 4000, 0.1, ()),
    (0.8, 75.58, 40_000, 100_000, 2000, 0.1, (0.56, 0.23)),
    (0.9, 73.91, 40_000, 76_000, 2000, 0.1, (0.51, 0.10)),
    (0.95, 70.59, 40_000, 68_000, 2000, 0, ()),
    (0.98, 57.90, 40_000, 100_000, 2000, 0.1, ()),
]
_RANDOM = [
    (0.5, 74.59, 20_000, 40_000, 4000, 0.1, ()),
    (0.7, 72.20, 8000, 40_000, 8000, 0.1, ()),
    (0.8, 70.21, 0, 40_000, 8000, 0, ()),
    (0.9, 65.00, 0, 40_000, 2000, 0, ()),
    (0.95, 58.04, 0, 40_000, 2000, 0, ()),
    (0.98, 43.99, 20_000, 40_000, 8000, 0, ()),
]
# Sparsity, top-1, begin, end, weight, label smoothing. The configuration at 95 % is in no CSV file.
_VARIATIONAL = [
    (0.5, 76.55, 8000, 68_000, "7.80538368534e-09", 0.1),
    (0.8, 75.28, 40_000, 68_000, "3.90269184267e-08", 0),
    (0.9, 73.84, 20_000, 68_000, "7.80538368534e-08", 0),
    (0.95, 71.91, 40_000, 100_000, "3.90269184267e-07", 0.1),
    (0.98, 67.36, 8000, 76_000, "7.80538368534e-07", 0.1),
]
# In the list of checkpoints alone: 1.5 times as long, the first layer dense, the last at 80 %.
_EXTENDED = [
    (0.8, 76.52, "0.8_12500_40000_2000_0.1", (0.84,)),
    (0.9, 75.16, "0.91_12500_36000_2000_0.1", (0.76,)),
    (0.95, 72.71, "0.96_7500_36000_1000_0.0", ()),
    (0.965, 69.26, "0.98_12500_36000_500_0.0", ()),
]

RESNET50 = Paper(
    model="ResNet-50 on ImageNet",
    task=("resnet50", "image_net"),
    metric="top-1 accuracy (%)",
    dense=(76.67, 76.80, 76.59),
    study=(
        *_scheduled("Magnitude pruning", "rn50_magnitude_pruning.csv", _PRUNED),
        *(
            Published(
                "Magnitude pruning, extended", sparsity, value, f"{_README}: {name}", 153, *cost
            )
            for sparsity, value, name, cost in _EXTENDED
        ),
        *_scheduled("Random pruning", "rn50_random_pruning.csv", _RANDOM),
        *_dropped(_VARIATIONAL),
    ),
    later=LATER,
)
