"""The study's CSV files: which there are, what their columns mean, and what is wrong with them."""

import dataclasses
from collections.abc import Callable, Iterator

SPARSITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_Results = Iterator[tuple[str, str, list[str]]]


@dataclasses.dataclass(frozen=True)
class StudyFile:
    """A CSV file of the study.

    Args:
        path: in the folder of its model.
        kind: `dense`, `technique`, or `repeats` of one configuration.
        results: yields name, sparsity and values of a row, as text.
        factor: what values are multiplied by to be percent, or BLEU.
        settings: columns that say how a row was trained; those of others' order, by what they hold.
        notes: what is wrong with the file, and what is done about it.
    """

    path: str
    kind: str
    results: Callable[[dict[str, str]], _Results]
    factor: float = 1.0
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def described(file: StudyFile, line: dict[str, str]) -> str:
    """Returns a file and the settings of a row of it, in words."""
    cells = ", ".join(f"{name} {line.get(column)}" for name, column in file.settings.items())
    return f"{file.path}: {cells}"


def _columns(name: str, sparsity: str | None, value: str) -> Callable[[dict[str, str]], _Results]:
    def results(line):
        yield name, line[sparsity] if sparsity else "0", [line[value]]

    return results


def _thresholds(line):
    """Variational dropout of the Transformer: each run was evaluated at eleven thresholds."""
    for column in line:
        if column.startswith("MOSES BLEU:"):
            threshold = column.partition(":")[2]
            yield "Variational dropout", line[f"Sparsity:{threshold}"], [line[column]]


def _scratch(rates, masks=""):
    def results(line):
        length = "E" if line["time multiplier"] == "1" else "B"
        start = line["init method" if "init method" in line else ""]
        runs = [column for column in line if column.startswith("Run ")] or ["accuracy"]
        name = f"Scratch-{length}, {rates}, {start} init{masks}"
        yield name, line["sparsity"], [line[column] for column in runs]

    return results


def _same(*names):
    return dict(zip(names, names, strict=True))


_COMPARED, _FROM_MASKS = "technique_comparison", "scratch_lotto"
_PRUNING = _same("begin", "end", "freq", "label smoothing")
_RANDOM_MASKS = " (masks of random pruning)"
_RANDOM_NOTE = (
    "{file}: masks of the best random pruning, one run each; not comparable with the other runs "
    "from scratch, and in no figure."
)
_RESNET50 = (
    StudyFile(f"{_COMPARED}/rn50_baselines.csv", "dense", _columns("Dense", None, "Accuracy"), 1.0),
    StudyFile(
        f"{_COMPARED}/rn50_magnitude_pruning.csv",
        "technique",
        _columns("Magnitude pruning", "Sparsity", "accuracy"),
        100.0,
        _PRUNING,
        ("rn50_magnitude_pruning.csv: at 98 % one configuration, where 50 to 80 % have 54.",),
    ),
    StudyFile(
        f"{_COMPARED}/rn50_random_pruning.csv",
        "technique",
        _columns("Random pruning", "Target Sparsity", "accuracy"),
        100.0,
        _PRUNING,
    ),
    StudyFile(
        f"{_COMPARED}/rn50_variational_dropout.csv",
        "technique",
        _columns("Variational dropout", "global sparsity", "Accuracy"),
        100.0,
        {
            "begin": "DKL loss begin",
            "end": "DKL loss saturate",
            "weight": "DKL loss coeff",
            "label smoothing": "label_smoothing",
        },
    ),
    StudyFile(
        f"{_COMPARED}/rn50_l0_regularization.csv",
        "technique",
        _columns("L0 regularization", "global_sparsity", "accuracy"),
        100.0,
        {
            **_same("initial_log_alpha", "l0_norm_weight"),
            # The headings are exchanged.
            "label smoothing": "weight_decay",
            "weight decay": "label_smoothing",
        },
        (
            "rn50_l0_regularization.csv: the headings label_smoothing and weight_decay are "
            "exchanged; they are read the other way round.",
        ),
    ),
    StudyFile(
        f"{_FROM_MASKS}/rn50_lottery_ticket.csv",
        "repeats",
        _columns("Lottery ticket", "sparsity", "accuracy"),
        100.0,
    ),
    StudyFile(
        f"{_FROM_MASKS}/rn50_scratch_lr_scaled.csv", "repeats", _scratch("rates stretched"), 100.0
    ),
    StudyFile(
        f"{_FROM_MASKS}/rn50_scratch_lr_constant_final.csv",
        "repeats",
        _scratch("longer at the last rate"),
        100.0,
    ),
    StudyFile(
        f"{_FROM_MASKS}/rn50_scratch_lr_constant_decay.csv",
        "repeats",
        _scratch("constant decay", _RANDOM_MASKS),
        100.0,
        notes=(
            "rn50_scratch_lr_constant_decay.csv: the third heading is empty; it is the "
            "initialization.",
            _RANDOM_NOTE.format(file="rn50_scratch_lr_constant_decay.csv"),
        ),
    ),
    StudyFile(
        f"{_FROM_MASKS}/rn50_scratch_lr_continual_decay.csv",
        "repeats",
        _scratch("continual decay", _RANDOM_MASKS),
        100.0,
        notes=(_RANDOM_NOTE.format(file="rn50_scratch_lr_continual_decay.csv"),),
    ),
)


def _transformer(name, file, notes=()):
    return StudyFile(
        f"{_FROM_MASKS}/transformer_{file}.csv",
        "repeats",
        _columns(name, "Sparsity", "MOSES BLEU"),
        notes=notes,
    )


_STEPS = {"begin": "begin_pruning_step", "end": "end_pruning_step", "freq": "pruning_frequency"}
_REGULARIZED = {**_STEPS, "with": "regularization"}
_VARIATIONAL = {
    **{"ramp": "dkl_weight_fn", "from": "dkl_weight_start", "over": "dkl_weight_diff"},
    **{"weight": "dkl_weight", "with": "regularization"},
}
_L0 = {**_VARIATIONAL, "ramp": "l0_norm_weight_fn", "weight": "l0_norm_weight"}
_TRANSFORMER = (
    StudyFile(
        f"{_COMPARED}/transformer_baselines.csv", "dense", _columns("Dense", None, "MOSES BLEU")
    ),
    StudyFile(
        f"{_COMPARED}/transformer_magnitude_pruning.csv",
        "technique",
        _columns("Magnitude pruning", "Sparsity", "Moses BLEU"),
        settings=_REGULARIZED,
    ),
    StudyFile(
        f"{_COMPARED}/transformer_random_pruning.csv",
        "technique",
        _columns("Random pruning", "Sparsity", "Moses BLEU"),
        settings=_REGULARIZED,
    ),
    StudyFile(
        f"{_COMPARED}/transformer_variational_dropout.csv",
        "technique",
        _thresholds,
        settings=_VARIATIONAL,
    ),
    StudyFile(
        f"{_COMPARED}/transformer_l0_regularization.csv",
        "technique",
        _columns("L0 regularization", "Sparsity", "MOSES BLEU"),
        settings=_L0,
        notes=(
            "transformer_l0_regularization.csv: 336 rows, of the four least weights and ramps over "
            "100,000 to 400,000 steps, carry labels in another order than their results (312 wrong "
            "ones). Sparsity and BLEU are as read; no best row is one of these, and no figure goes "
            "by their labels.",
            "transformer_l0_regularization.csv: the columns dkl_weight_start and dkl_weight_diff "
            "are those of the L0 weight.",
        ),
    ),
    _transformer("Lottery ticket", "lottery_ticket"),
    _transformer("Scratch-E", "scratche"),
    _transformer("Scratch-E, sparse init", "scratche_augmented_init"),
    _transformer("Scratch-B", "scratchb"),
    _transformer(
        "Scratch-B, sparse init",
        "scratchb_augmented_init",
        (
            "transformer_scratchb_augmented_init.csv: its values are those of Scratch-E, not "
            "of Scratch-B; how long its runs were is not recorded. In the table, in no figure.",
        ),
    ),
)
FILES = {"resnet50": _RESNET50, "transformer": _TRANSFORMER}
