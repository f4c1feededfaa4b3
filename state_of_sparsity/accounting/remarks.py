"""What a `Report` says in sentences, and its figures in words: the same in all of its tables."""

from collections.abc import Iterator
from typing import Any

_NAMES_LISTED = 8


def remarks(report: Any) -> Iterator[str]:
    """Yields what stands below a report's table, a sentence or two each."""
    yield _techniques(report)
    if report.nothing_masked:
        yield (
            "No weight is masked yet: `sos.UpdateSparsity()` follows the schedule, as a callback "
            "of `fit`, or by its `update(model, step)`."
        )
    gated = [row for row in report.layers if row.technique == "L0Regularization"]
    if gated and not any(row.sparsity for row in gated):
        yield (
            "No gate of L0Regularization is shut yet. After training that means: train longer, or "
            "raise `l0_weight`, `gate_speed` or the learning rate (docs/l0_regularization.md)."
        )
    yield (
        f"Outside kernels: {report.parameters_outside_kernels:,} parameters (biases, "
        "normalization, ...), not counted above."
    )
    if report.without_kernel:
        yield f"No kernel, left alone: {_listed(report.without_kernel)}."
    if report.additive_tables:
        yield (
            f"Left dense unless a rule names them, as tables that are added to activations (class "
            f"tokens, position and segment embeddings, relative biases): "
            f"{_listed(report.additive_tables)}."
        )
    if report.not_built:
        yield f"Not built, so not counted: {_listed(report.not_built)}."
    for mode, paths in report.quantized:
        yield f"Quantized to {mode}: {_kernels(len(paths))} ({_listed(paths)})."
    if report.with_lora:
        yield f"LoRA's product is added, as the layers add it, to {_listed(report.with_lora)}."
    yield _multiply_adds(report)
    yield (
        f"Stored: {scaled(report.bytes_dense)}B dense, {scaled(report.bytes_bitmask)}B as bitmask"
        f" and values, {scaled(report.bytes_csr)}B as CSR with int32 indices."
    )


def technique_name(row: Any) -> str:
    """Returns the technique of a kernel, with its pattern where it has one."""
    return row.technique if row.pattern is None else f"{row.technique} ({row.pattern})"


def shape_text(row: Any) -> str:
    """Returns the shape of a kernel, such as `3x3x64`."""
    return "x".join(map(str, row.shape))


def scaled(count: int | None) -> str:
    """Returns four digits and a decimal prefix: `4.089 G` of 4089184256, `?` of None."""
    if count is None:
        return "?"
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= max(factor, 1e5):
            return f"{count / factor:.4g} {prefix}"
    return f"{count:,} "


def _techniques(report):
    paths = {}
    for row in report.layers:
        paths.setdefault(technique_name(row), []).append(row.path)
    dense = paths.pop("dense", [])
    parts = [f"{technique} on {_kernels(len(found))}" for technique, found in paths.items()]
    if not report.layers:
        return "The model has no kernel."
    if not parts:
        zeros = any(row.sparsity for row in report.layers)
        return "Plain kernels all, zeros in them." if zeros else "Left dense: every kernel."
    if dense:
        parts.append(f"{_kernels(len(dense))} left dense: {_listed(dense)}")
    return "; ".join(parts) + "."


def _multiply_adds(report):
    if report.note:
        return f"Multiply-adds not known: {report.note}."
    known = [row for row in report.layers if row.uses is not None]
    dense = scaled(sum(row.multiply_adds for row in known)).strip()
    sparse = scaled(sum(row.sparse_multiply_adds for row in known)).strip()
    text = f"Multiply-adds of one example: {dense} dense, {sparse} with the zeros left out"
    unknown = len(report.layers) - len(known)
    if unknown:
        text += f", and {_kernels(unknown)} (?) whose use the layer's shapes do not tell"
    return text + "."


def _listed(names):
    more = len(names) - _NAMES_LISTED
    return ", ".join(names[:_NAMES_LISTED]) + (f" and {more} more" if more > 0 else "")


def _kernels(count):
    return f"{count} kernel" + ("s" if count != 1 else "")
