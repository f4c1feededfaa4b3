"""`write`: a scaling law fitted to a table of runs, as a page, a plot and a JSON file."""

import dataclasses
import json
import os
import pathlib

import numpy as np

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import scaling_law, scaling_law_plot, scaling_law_table
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.tables import aligned

PAGE, TITLE = "scaling_law.md", "# A scaling law of sparse networks"
_COMPARED = {"log": "logarithms of the losses", "loss": "losses"}
_MEANINGS = {
    "a": "factor of the size that sparsity takes away",
    "b": "exponent of the density",
    "c": "factor of the size that it leaves",
    "d": "exponent of the nonzero weights",
    "e": "factor of the data",
    "f": "exponent of the data",
    "g": "loss that neither size nor data lowers",
}


def write(table_path: str | os.PathLike, output_dir: pathlib.Path, residuals: str) -> list[str]:
    """Fits a law to a table; writes `scaling_law.md`, `.json`, and `.png`, `.svg` and `.pdf`.

    Args:
        table_path: the CSV file of runs, as `scaling_law_table.read` says.
        output_dir: the folder to write to; made if need be.
        residuals: what is compared: `log`, logarithms of the losses, or `loss`, the losses.

    Returns:
        What was found, in lines for a terminal.

    Raises:
        ValueError: if the table is none that a law can be fitted to.
    """
    runs = scaling_law_table.read(table_path)
    fit = scaling_law.fit(runs, residuals)
    found = _as_json(fit, runs)
    atomic_write.write_text(output_dir / "scaling_law.json", json.dumps(found, indent=2) + "\n")
    scaling_law_plot.plot(fit.law, runs, output_dir / "scaling_law.png")
    tables = [_coefficients(fit.law, runs), _dense_equivalents(found), _optimal(found, runs)]
    told = _told(fit, runs)
    lines = []
    for (header, rows), sides in zip(tables, ("<><", "<>", "<>"), strict=True):
        lines += [*aligned([header, *rows], sides), ""]
    page = [
        TITLE,
        "L(S, N, D) = (a (1 - S)^b + c) N^-d + e D^-f + g, of Frantar et al. (2023): the loss at "
        f"sparsity S with N nonzero weights, in millions, trained on D, in {runs.unit}.",
        *told,
        table(*tables[0]),
        "![Measured against predicted losses](scaling_law.png)",
        "Also as [SVG](scaling_law.svg) and [PDF](scaling_law.pdf).",
        "## Dense networks of the same loss",
        table(*tables[1]),
        "## Sparsity of the least loss",
        _optimal_in_words(runs),
        table(*tables[2]),
    ]
    atomic_write.write_text(output_dir / PAGE, "\n\n".join(page) + "\n")
    return [*lines, *told]


def _as_json(fit, runs):
    sparsities = [sparsity for sparsity in runs.sparsities if sparsity]
    return {
        "coefficients": dataclasses.asdict(fit.law),
        "nonzero_unit": "millions of weights",
        "data_unit": runs.unit,
        "runs": len(runs.loss),
        "residuals": fit.residuals,
        "huber_delta": scaling_law.DELTAS[fit.residuals],
        "huber_loss": fit.huber_loss,
        "starts": fit.starts,
        "starts_agreeing": fit.agreeing,
        "undetermined": list(fit.undetermined),
        "dense_equivalent": [
            {"sparsity": sparsity, "times": fit.law.dense_equivalent(sparsity)}
            for sparsity in sparsities
        ],
        "optimal_sparsity": [
            {
                "nonzero": size,
                "dense_data": data,
                "sparsity": fit.law.optimal_sparsity(size, data, runs.sparsities[-1]),
            }
            for size in _ends(runs.nonzero)
            for data in _ends(runs.data)
        ],
    }


def _ends(values):
    """Returns the least, the middle in proportion, and the most."""
    low, high = float(values.min()), float(values.max())
    return [low, float(np.sqrt(low * high)), high]


def _coefficients(law, runs):
    values = dataclasses.asdict(law)
    rows = [[name, f"{value:.4f}", _MEANINGS[name]] for name, value in values.items()]
    return ["Coefficient", "Value", "Meaning"], rows


def _dense_equivalents(found):
    rows = [
        [percent(each["sparsity"], 1), f"{each['times']:.2f}"] for each in found["dense_equivalent"]
    ]
    return ["Sparsity", "Times the nonzero weights"], rows


def _optimal(found, runs):
    above = f"above {percent(runs.sparsities[-1], 1)}"
    by_size = {}
    for each in found["optimal_sparsity"]:
        cell = above if each["sparsity"] is None else percent(each["sparsity"], 1)
        by_size.setdefault(each["nonzero"], []).append(cell)
    header = ["Nonzero weights (millions)", *(f"D = {data:.3g}" for data in _ends(runs.data))]
    return header, [[f"{size:.3g}", *cells] for size, cells in by_size.items()]


def _optimal_in_words(runs):
    return (
        "For as many operations of training as a dense network of N nonzero weights takes on D "
        f"({runs.unit}), where a sparse one begins dense, loses weights by the cubic schedule from "
        "a quarter to three quarters of its steps, and so takes more a step."
    )


def _told(fit, runs):
    delta = scaling_law.DELTAS[fit.residuals]
    lines = [
        f"{len(runs.loss)} runs; Huber loss {fit.huber_loss:.3g} of {_COMPARED[fit.residuals]}, "
        f"delta {delta:g}.",
        f"{fit.agreeing} of {fit.starts} starts end at this Huber loss and these coefficients.",
    ]
    if 2 * fit.agreeing <= fit.starts:
        lines.append("The starts do not agree: these runs do not determine the law.")
    if fit.undetermined:
        names = ", ".join(fit.undetermined)
        lines.append(f"At the edge of what it may be, so that runs do not determine it: {names}.")
    return lines
