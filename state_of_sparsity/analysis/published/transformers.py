"""The highest numbers of later papers on transformers, each with its model, task and metric.

None is of the study's model and metric, so none stands in its plot. Each was read in the source
that is named.
"""

from state_of_sparsity.analysis.published.point import Published


def _of(source, technique, values, epochs=None):
    return (Published(technique, s, value, source, epochs) for s, value in values)


_GAP = "boone891214/GaP README@28582cf"
_OBERT = "neuralmagic/sparseml research/optimal_BERT_surgeon_oBERT/README.md@1c04a01"
_JAXPRUNER = "google-research/jaxpruner README@f133ee5"
_WANDA = "locuslab/wanda README@8e8fc87"
_BIG = "Transformer-big, WMT14, sacreBLEU"
_BERT = "BERT-base, {task}"
_VIT = "ViT-B/16, ImageNet top-1"
_T5 = "T5-base, C4 validation loss"
_LLAMA = "Llama-2-{size}, WikiText perplexity, one-shot"

NEARBY = (
    *_of(_GAP, f"{_BIG}: S-GaP", [(0.8, 27.65), (0.9, 27.72)]),
    *_of(_GAP, f"{_BIG}: P-GaP", [(0.8, 27.93), (0.9, 27.31)]),
    *_of(
        _OBERT,
        f"{_BERT.format(task='SQuAD F1')}: oBERT",
        [(0.8, 89.04), (0.9, 88.31), (0.97, 85.98)],
        30,
    ),
    *_of(
        _OBERT,
        f"{_BERT.format(task='SQuAD F1')}: pruned upstream, fixed mask",
        [(0.9, 88.49), (0.97, 84.92)],
        8,
    ),
    *_of(
        _OBERT,
        f"{_BERT.format(task='MNLI')}: oBERT",
        [(0.8, 84.32), (0.9, 83.79), (0.97, 81.77)],
    ),
    *_of(
        _OBERT,
        f"{_BERT.format(task='QQP')}: oBERT",
        [(0.8, 91.57), (0.9, 91.35), (0.97, 90.87)],
    ),
    *_of(
        _OBERT,
        f"{_BERT.format(task='SQuAD F1')}: one-shot, 32 recomputations",
        [(0.7, 85.5), (0.8, 78.7), (0.9, 47.7)],
    ),
    *_of(_JAXPRUNER, f"{_VIT}: straight-through", [(0.8, 74.21)], 90),
    *_of(_JAXPRUNER, f"{_VIT}: straight-through", [(0.8, 76.13)], 300),
    *_of(_JAXPRUNER, f"{_VIT}: magnitude", [(0.8, 75.73)], 300),
    *_of(_JAXPRUNER, f"{_VIT}: RigL", [(0.8, 75.64)], 300),
    *_of(_JAXPRUNER, f"{_T5}: straight-through", [(0.8, 2.712)]),
    *_of(_JAXPRUNER, f"{_T5}: magnitude", [(0.8, 2.954)]),
    *_of(_JAXPRUNER, f"{_T5}: RigL", [(0.8, 3.124)]),
    *_of(_WANDA, f"{_LLAMA.format(size='7B')}: Wanda", [(0.5, 6.42)]),
    *_of(_WANDA, f"{_LLAMA.format(size='13B')}: Wanda", [(0.5, 5.56)]),
    *_of(_WANDA, f"{_LLAMA.format(size='70B')}: SparseGPT, Wanda", [(0.5, 3.98)]),
)
