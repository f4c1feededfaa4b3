"""The study's Transformer on WMT14 English to German: Gale, Elsen, Hooker, 2019."""

from state_of_sparsity.analysis.published.point import Paper, Published
from state_of_sparsity.analysis.published.transformers import NEARBY

_RESULTS = "state_of_sparsity/results/sparse_transformer/technique_comparison/transformer_"


def _of(technique, file, rows):
    return (Published(technique, s, value, f"{_RESULTS}{file}: {row}") for s, value, row in rows)


_BOTH, _SMOOTHING = "dropout+label_smoothing", "label_smoothing"
_PRUNED = [
    (0.5, 26.33, f"begin 100000, end 400000, freq 10000, {_BOTH}"),
    (0.6, 25.94, f"begin 100000, end 400000, freq 1000, {_BOTH}"),
    (0.7, 25.21, f"begin 100000, end 300000, freq 1000, {_BOTH}"),
    (0.8, 24.65, f"begin 200000, end 400000, freq 10000, {_SMOOTHING}"),
    (0.9, 23.26, f"begin 0, end 400000, freq 10000, {_SMOOTHING}"),
    (0.95, 20.75, f"begin 100000, end 300000, freq 1000, {_SMOOTHING}"),
    (0.98, 16.37, "begin 0, end 300000, freq 1000, none"),
]
_RANDOM = [
    (0.5, 24.56, f"begin 200000, end 500000, freq 1000, {_SMOOTHING}"),
    (0.6, 24.45, f"begin 0, end 300000, freq 1000, {_SMOOTHING}"),
    (0.7, 24.01, f"begin 0, end 400000, freq 1000, {_SMOOTHING}"),
    (0.8, 23.15, f"begin 0, end 300000, freq 10000, {_SMOOTHING}"),
    (0.9, 20.67, f"begin 0, end 100000, freq 1000, {_SMOOTHING}"),
    (0.95, 17.42, "begin 0, end 100000, freq 1000, none"),
    (0.98, 10.94, "begin 0, end 100000, freq 1000, none"),
]
# Of variational dropout and L0 the study lists the run nearest to a sparsity, not the best trade.
_VARIATIONAL = [
    (0.5, 26.26, f"cubic from 400000 over 100000, weight 2.22e-8, {_BOTH}, threshold 2.5"),
    (0.6, 25.37, f"linear from 0 over 500000, weight 2.22e-8, {_SMOOTHING}, threshold 2.5"),
    (0.7, 25.08, "linear from 0 over 500000, weight 2.22e-8, none, threshold 1.5"),
    (0.8, 24.33, f"cubic from 0 over 300000, weight 2.22e-8, {_SMOOTHING}, threshold 1.5"),
    (0.9, 21.43, f"cubic from 0 over 200000, weight 8.89e-8, {_SMOOTHING}, threshold 2.5"),
    (0.95, 19.13, "cubic from 0 over 200000, weight 2.22e-7, none, threshold 2.5"),
    (0.98, 14.45, f"linear from 0 over 1, weight 2.22e-7, {_SMOOTHING}, threshold 2.0"),
]
_L0 = [
    (0.5, 26.72, f"cubic from 100000 over 200000, weight 2.89e-7, {_SMOOTHING}"),
    (0.6, 26.16, "cubic from 200000 over 100000, weight 7.78e-7, none"),
    (0.7, 25.29, "cubic from 0 over 100000, weight 2.89e-7, none"),
    (0.8, 24.15, "linear from 0 over 100000, weight 5.56e-7, none"),
    (0.9, 20.05, f"cubic from 200000 over 100000, weight 2.222e-6, {_BOTH}"),
    (0.95, 19.78, "cubic from 0 over 400000, weight 2.222e-6, none"),
    (0.98, 16.83, f"linear from 0 over 1, weight 2.222e-6, {_SMOOTHING}"),
]

TRANSFORMER = Paper(
    model="Transformer-base on WMT14 English to German",
    task=("transformer_base", "wmt14_translate_en_de"),
    metric="BLEU of tokenized text, multi-bleu.perl",
    dense=(27.13, 27.39, 27.30, 27.52, 27.12),
    study=(
        *_of("Magnitude pruning", "magnitude_pruning.csv", _PRUNED),
        *_of("Random pruning", "random_pruning.csv", _RANDOM),
        *_of("Variational dropout", "variational_dropout.csv", _VARIATIONAL),
        *_of("L0 regularization", "l0_regularization.csv", _L0),
    ),
    nearby=NEARBY,
)
