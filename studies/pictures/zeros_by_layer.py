"""Draws where the zeros are: the share of weights that each technique leaves in each layer.

    python studies/pictures/zeros_by_layer.py --table=docs/results/cifar10/runs.csv \
        --table=docs/results/techniques/runs.csv --title="VGG-7 on CIFAR-10 (JPEG q75)" \
        --output=docs/pictures/zeros_by_layer.png

Each row is a technique at a sparsity near --sparsity, mean over its seeds.
"""

import argparse
import collections
import pathlib

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import words
from state_of_sparsity.analysis.run_table import RunTable

# What no technique touches: fixed filters.
_LEFT_OUT = "whitening/kernel"
_CLOSEST = 2.0  # of densities: the furthest that one may be from the one asked for, as a factor


def nearest_runs(rows, sparsity):
    """Returns `{technique in words: rows}`, of each the setting whose density is nearest."""
    settings = collections.defaultdict(lambda: collections.defaultdict(list))
    for title, named in _by_technique(rows).items():
        for name, runs in named.items():
            # One class may be two techniques, as RigL is another with a schedule that grows.
            own = title if name.lower() in title.lower() or len(named) == 1 else f"{title} ({name})"
            for row in runs:
                settings[own][row["run"].rpartition("seed_")[0]].append(row)
    found = {}
    for title, groups in settings.items():
        runs = min(groups.values(), key=lambda runs: _distance(runs, sparsity))
        if _distance(runs, sparsity) <= _CLOSEST:
            found[title] = runs
    return found


def _by_technique(rows):
    """Returns `{technique in words: {the experiment's name: rows}}`, dense ones left out."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        title = words.technique(row["technique"], row.get("distribution"), row.get("start"))
        if row["technique"] != "dense":
            found[title][row["name"]].append(row)
    return found


def shares_left(runs):
    """Returns `{kernel's path: share of its weights that is left}`, mean over runs."""
    paths = [kernel["path"] for kernel in runs[0]["kernels"] if kernel["path"] != _LEFT_OUT]
    left = [{k["path"]: k["nonzero"] / k["size"] for k in run["kernels"]} for run in runs]
    return {path: float(np.mean([each[path] for each in left])) for path in paths}


def draw(rows, sparsity, title, path):
    """Writes the picture.

    Args:
        rows: what `RunTable.read` returned, of one network.
        sparsity: that techniques are compared at.
        title: what was trained.
        path: the PNG file.
    """
    found = nearest_runs(rows, sparsity)
    shares = {title: shares_left(runs) for title, runs in found.items()}
    sizes = {k["path"]: k["size"] for k in next(iter(found.values()))[0]["kernels"]}
    layers = list(next(iter(shares.values())))
    # Those last that leave least of the largest layer, and so most of the others.
    largest = max(layers, key=sizes.get)
    titles = sorted(shares, key=lambda title: (-shares[title][largest], title))
    table = np.array([[shares[title][layer] for layer in layers] for title in titles])
    figure = Figure(
        figsize=(1.15 * len(layers) + 4, 0.42 * len(titles) + 1.6), layout="constrained"
    )
    axes = figure.subplots()
    norm = LogNorm(0.01, 1)
    image = axes.imshow(np.maximum(table, 0.01), cmap="cividis_r", norm=norm, aspect="auto")
    for (row, column), share in np.ndenumerate(table):
        color = "white" if norm(share) > 0.55 else "black"
        axes.text(column, row, _percent(share), ha="center", va="center", color=color, fontsize=9)
    names = [
        f"{layer.removesuffix('/kernel').replace('_', ' ')}\n{sizes[layer]:,}" for layer in layers
    ]
    axes.set_xticks(range(len(layers)), names, fontsize=8)
    axes.set_yticks(range(len(titles)), titles, fontsize=9)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(titles)), [_reached(found[title]) for title in titles], fontsize=8)
    for each in (axes, right):
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
    # White lines between the cells.
    axes.set_xticks(np.arange(len(layers) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(titles) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    text = ": ".join(filter(None, [title, "share of weights left in each layer (%)"]))
    axes.set_title(words.capital(text), fontsize=11, loc="left")
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
    bar.set_ticks([0.01, 0.03, 0.1, 0.3, 1], labels=["1", "3", "10", "30", "100"], fontsize=8)
    bar.ax.minorticks_off()
    with atomic_write.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _distance(runs, sparsity):
    density = np.mean([1 - run["sparsity"] for run in runs])
    return max(density / (1 - sparsity), (1 - sparsity) / max(density, 1e-9))


def _percent(share):
    return f"{100 * share:.2g}" if share < 0.995 else "100"


def _reached(runs):
    sparsity = 100 * np.mean([run["sparsity"] for run in runs])
    accuracy = 100 * np.mean([run["accuracy"] for run in runs])
    return f"{sparsity:.1f} % zero, {accuracy:.1f} % accuracy (n={len(runs)})"


def main():
    """Reads the arguments, and writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", required=True, action="append", help="that bin/sweep.py wrote")
    parser.add_argument("--sparsity", type=float, default=0.95)
    parser.add_argument("--title", default="", help="what was trained")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the PNG file")
    arguments = parser.parse_args()
    rows = [row for table in arguments.table for row in RunTable(table).read()]
    draw(rows, arguments.sparsity, arguments.title, arguments.output)


if __name__ == "__main__":
    main()
