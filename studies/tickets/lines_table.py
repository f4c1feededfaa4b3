"""The lines between two runs: from what bin/interpolate.py wrote of each, to tables."""

import pathlib

from state_of_sparsity.analysis import interpolation
from state_of_sparsity.analysis.markdown import table

# File without its seed, and what the page calls the line.
BARRIERS = {
    "scratch_to_pruned": "scratch to pruned",
    "ticket_to_pruned": "lottery ticket to pruned",
    "sparse_initialization_to_pruned": "scratch, sparse initialization, to pruned",
    "first_weights_to_pruned": "first weights of scratch to pruned",
    "dense_to_pruned": "dense to pruned",
    "scratch_to_scratch": "scratch to scratch of another initialization",
}
INSTABILITIES = {
    "dense_0": "all weights, k = 0",
    "round_07_0": "21 % of weights, k = 0",
    "round_15_0": "3.6 % of weights, k = 0",
}


def read(folder, names):
    """Returns `{title: [curves of each seed]}` of the lines that are there."""
    found = {}
    for name, title in names.items():
        paths = sorted(pathlib.Path(folder).glob(f"{name}_seed_*.csv"))
        if paths:
            found[title] = [interpolation.read(path) for path in paths]
    return found


def lines(found):
    """Returns a line for each pair of runs, split and figure; means over seeds."""
    if not found:
        return "Not measured yet."
    rows = []
    for title, seeds in found.items():
        for curves in zip(*seeds, strict=True):
            rows.append([title, curves[0].split, *_cells(curves), len(curves)])
    header = ["Line", "Data", "Figure", "At 0", "At 1", "Highest", "Above the mean of the ends"]
    return table([*header, "Above their line", "From 0 to 1", "Seeds"], rows)


def _cells(curves):
    is_error = curves[0].figure == "error"
    factor, style = (100, ".2f") if is_error else (1, ".4f")
    columns = [
        [curve.ends[0] for curve in curves],
        [curve.ends[1] for curve in curves],
        [curve.highest[0] for curve in curves],
        [curve.instability for curve in curves],
        [curve.barrier for curve in curves],
    ]
    shown = [f"{factor * sum(values) / len(values):{style}}" for values in columns]
    courses = ", ".join(dict.fromkeys(curve.course for curve in curves))
    return ["error (%)" if is_error else "loss", *shown, courses]
