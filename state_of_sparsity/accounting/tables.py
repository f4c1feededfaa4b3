"""How a `Report` is written: plain text for a terminal, Markdown for a page."""

import textwrap
from typing import Any

from state_of_sparsity.table_cells import for_markdown
from state_of_sparsity.tables import aligned, line_width, markdown_line, widths

WIDTH = 100
_NAMES_LISTED = 8
_PLAIN_HEADER = ("Kernel", "Shape", "Weights", "Non-zeros", "Sparsity", "Mult-adds", "sparse")
_PATTERN_COLUMN = _PLAIN_HEADER.index("Sparsity") + 1  # where a kernel has one
_MARKDOWN_HEADER = (
    "Kernel",
    "Technique",
    "Shape",
    "Weights",
    "Non-zeros",
    "Sparsity",
    "Multiply-adds",
    "sparse",
    "Bytes dense",
    "bitmask",
    "CSR",
    "gzip",
)


def plain_text(report: Any) -> str:
    """Returns a report as aligned columns, totals and remarks below.

    Lines have at most 100 characters. A path for which that leaves no room stands on a line of its
    own, above its figures and however long it is: rules need it whole.
    """
    rows = [_plain_cells(row, row.path, _shape(row)) for row in report.layers]
    cells = [_PLAIN_HEADER, *rows, _plain_cells(report, "total", "")]
    patterns = [row.pattern or "" for row in report.layers]
    if any(patterns):
        at, named = _PATTERN_COLUMN, ["Pattern", *patterns, ""]
        cells = [(*c[:at], name, *c[at:]) for c, name in zip(cells, named, strict=True)]
    room = max(12, WIDTH - line_width([0, *widths(cells)[1:]]))
    above = [f"{path}\n" if len(path) > room else "" for path, *_ in cells]
    cells = [("" if len(path) > room else path, *figures) for path, *figures in cells]
    rule = "-" * line_width(widths(cells))
    header, *lines, total = map("".join, zip(above, aligned(cells, "<<>"), strict=True))
    remarks = [_wrapped(remark) for remark in _remarks(report)]
    return "\n".join([header, rule, *lines, rule, total, "", *remarks])


def markdown(report: Any) -> str:
    """Returns a report as a Markdown table, totals and remarks below; computes gzip sizes."""
    lines = [_MARKDOWN_HEADER, ("---",) * 3 + ("---:",) * 9]
    lines += [
        _markdown_cells(row, for_markdown(row.path), _technique(row), _shape(row))
        for row in report.layers
    ]
    lines.append(_markdown_cells(report, "**total**", "", ""))
    table = "\n".join(map(markdown_line, lines))
    return table + "\n\n" + "\n".join(f"- {remark}" for remark in _remarks(report)) + "\n"


def _plain_cells(row, path, shape):
    dense = getattr(row, "technique", None) == "dense"
    return (
        path,
        shape,
        f"{row.size:,}",
        f"{row.nonzero:,}",
        "dense" if dense and not row.sparsity else f"{row.sparsity:.2%}",
        _scaled(row.multiply_adds),
        _scaled(row.sparse_multiply_adds),
    )


def _markdown_cells(row, path, technique, shape):
    counts = (row.multiply_adds, row.sparse_multiply_adds)
    sizes = (row.bytes_dense, row.bytes_bitmask, row.bytes_csr, row.bytes_gzip)
    return (
        path,
        technique,
        shape,
        f"{row.size:,}",
        f"{row.nonzero:,}",
        f"{row.sparsity:.2%}",
        *("?" if count is None else f"{count:,}" for count in counts),
        *(f"{size:,}" for size in sizes),
    )


def _remarks(report):
    yield _techniques(report)
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
        f"Stored: {_scaled(report.bytes_dense)}B dense, {_scaled(report.bytes_bitmask)}B as bitmask"
        f" and values, {_scaled(report.bytes_csr)}B as CSR with int32 indices."
    )


def _techniques(report):
    paths = {}
    for row in report.layers:
        paths.setdefault(_technique(row), []).append(row.path)
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


def _technique(row):
    return row.technique if row.pattern is None else f"{row.technique} ({row.pattern})"


def _multiply_adds(report):
    if report.note:
        return f"Multiply-adds not known: {report.note}."
    known = [row for row in report.layers if row.uses is not None]
    dense = _scaled(sum(row.multiply_adds for row in known)).strip()
    sparse = _scaled(sum(row.sparse_multiply_adds for row in known)).strip()
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


def _shape(row):
    return "x".join(map(str, row.shape))


def _wrapped(text):
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _scaled(count):
    """Four significant digits and a decimal prefix: 4089184256 is `4.089 G`."""
    if count is None:
        return "?"
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= max(factor, 1e5):
            return f"{count / factor:.4g} {prefix}"
    return f"{count:,} "
