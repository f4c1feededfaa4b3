"""The tables of the page."""

import math
import statistics

from cells import TECHNIQUES
from published import ARCHITECTURES, KERNELS, NETWORKS, OTHERS, VARIATIONAL_DROPOUT, multiply_adds

from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.pages.tables import with_deviation


def claims(cells):
    """Returns what was to be reached, what was, and whether it was met."""
    rows = []
    for network, (error, compression, _) in VARIATIONAL_DROPOUT.items():
        for cell in _of(cells, network, "variational_dropout"):
            met = [
                e <= error + 1e-9 and c >= compression
                for e, c in zip(cell.errors, cell.compressions, strict=True)
            ]
            goal = f"{error:.2f} % with {compression} times fewer"
            reached = [
                f"{e:.2f} % with {c:.0f}"
                for e, c in zip(cell.errors, cell.compressions, strict=True)
            ]
            rows.append(_claim(network, "variational_dropout", goal, reached, met))
    for network, architectures in ARCHITECTURES.items():
        for cell in _of(cells, network, "l0_groups"):
            points = list(zip(cell.errors, cell.multiply_adds(), strict=True))
            met = [
                all(
                    e <= error + 1e-9 or macs <= multiply_adds(network, a) for a, error in published
                )
                for (e, macs), published in ((point, architectures) for point in points)
            ]
            goal = "; ".join(
                f"{_units(a)} at {error} %, {multiply_adds(network, a):,}"
                for a, error in architectures
            )
            reached = [
                f"{_units(units)} at {e:.2f} %, {macs:,}"
                for units, (e, macs) in zip(cell.units(), points, strict=True)
            ]
            rows.append(_claim(network, "l0_groups", goal, reached, met))
    return table(["Network", "Technique", "Published", "Measured, a line a seed", "Met"], rows)


def _claim(network, technique, goal, reached, met):
    return [
        NETWORKS[network],
        TECHNIQUES[technique],
        goal,
        "<br>".join(reached),
        f"{sum(met)} of {len(met)} seeds",
    ]


def techniques(cells, network):
    """Returns every cell of a network beside the published figures."""
    rows = [
        [f"*published:* {name}", f"{error:.2f}", None, f"{compression}", None]
        for name, error, compression in OTHERS[network]
    ]
    rows += [
        [
            TECHNIQUES[cell.technique],
            _mean(cell.errors),
            ", ".join(f"{error:.2f}" for error in cell.errors),
            f"{statistics.fmean(cell.compressions):.1f}",
            f"{cell.nonzero:,.0f}",
        ]
        for cell in cells
        if cell.network == network
    ]
    header = ["Technique", "Test error (%)", "each seed", "times fewer weights", "weights left"]
    return table(header, rows)


def gates(cells):
    """Returns the curve of L0 regularization with a gate a weight, a line a run."""
    rows = [
        [
            NETWORKS[cell.network],
            run["run"].split("l0_weight_")[1].split("_")[0],
            run["seed"],
            f"{100 * run['sparsity']:.2f}",
            run["nonzero"],
            f"{error:.2f}",
        ]
        for network in NETWORKS
        for cell in _of(cells, network, "l0_regularization")
        for run, error in zip(cell.runs, cell.errors, strict=True)
    ]
    header = ["Network", "L0_WEIGHT", "Seed", "Sparsity (%)", "Weights left", "Test error (%)"]
    return table(header, rows)


def layers(cells, network):
    """Returns the sparsity of each layer, learned and given."""
    published = [f"{value:.1f}" for value in VARIATIONAL_DROPOUT[network][2]]
    rows = [["*published:* variational dropout (Molchanov et al., 2017)", *published]]
    rows += [
        [_with_size(cell), *(f"{value:.1f}" for value in cell.layer_sparsities())]
        for cell in cells
        if cell.network == network and cell.technique != "dense"
    ]
    return table(["Sparsity (%) of", *KERNELS[network]], rows)


def architectures(cells, network):
    """Returns the units that L0 regularization left, beside those published."""
    rows = [
        [
            "*published* (Louizos et al., 2018)",
            None,
            _units(a),
            f"{error:.1f}",
            multiply_adds(network, a),
        ]
        for a, error in ARCHITECTURES[network]
    ]
    rows += [
        [TECHNIQUES[cell.technique], run["seed"], _units(units), f"{error:.2f}", macs]
        for cell in _of(cells, network, "l0_groups")
        for run, units, error, macs in zip(
            cell.runs, cell.units(), cell.errors, cell.multiply_adds(), strict=True
        )
    ]
    return table(["Technique", "Seed", "Units left", "Test error (%)", "Multiply-adds"], rows)


def times(cells):
    """Returns what a step and a run took."""
    rows = [
        [
            NETWORKS[cell.network],
            _with_size(cell)
            if cell.technique == "l0_regularization"
            else TECHNIQUES[cell.technique],
            cell.runs[0]["steps"],
            f"{1000 * statistics.median(r['wall_time_s'] / r['steps'] for r in cell.runs):.1f}",
            f"{statistics.median(r['wall_time_s'] for r in cell.runs) / 60:.1f}",
        ]
        for cell in cells
    ]
    return table(["Network", "Technique", "Steps", "ms a step", "Minutes a run"], rows)


def step_times(rows):
    """Returns what a step takes, timed by itself; nothing where it was not.

    Args:
        rows: dicts of text, as step_time.py writes them.
    """
    if not rows:
        return ""
    lines = [
        [NETWORKS[r["network"]], TECHNIQUES[r["technique"]], r["ms_per_step"], r["ratio_to_dense"]]
        for r in rows
    ]
    return table(["Network", "Technique", "ms a step", "times dense"], lines)


def _of(cells, network, technique):
    return [c for c in cells if (c.network, c.technique) == (network, technique)]


def _with_size(cell):
    return f"{TECHNIQUES[cell.technique]} ({cell.nonzero:,.0f} left)"


def _units(units):
    return "-".join(map(str, units))


def _mean(values):
    deviation = statistics.stdev(values) if len(values) > 1 else math.nan
    return with_deviation(statistics.fmean(values), deviation)
