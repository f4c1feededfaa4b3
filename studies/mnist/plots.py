"""The plots of the page."""

from cells import TECHNIQUES
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from published import ARCHITECTURES, NETWORKS, OTHERS, multiply_adds

from state_of_sparsity.analysis.plots import save

# Of Okabe and Ito, which colour-blind readers can tell apart.
_STYLES = {
    "variational_dropout": ("#009E73", "^"),
    "l0_regularization": ("#CC79A7", "D"),
    "l0_groups": ("#CC79A7", "s"),
    "magnitude_global": ("#0072B2", "o"),
    "magnitude_learned": ("#56B4E9", "P"),
    "magnitude_erdos_renyi_kernel": ("#E69F00", "v"),
    "magnitude_pruning": ("#D55E00", "X"),
    "random_pruning": ("#7F7F7F", "*"),
}
_PUBLISHED = {"color": "black", "marker": "+", "s": 70, "zorder": 5}


def trade_off(cells, path):
    """Draws test error against weights left, a panel a network, a point a run."""

    def draw(axes, network):
        own = [cell for cell in cells if cell.network == network]
        for cell in own:
            if cell.technique == "dense":
                axes.axhspan(min(cell.errors), max(cell.errors), color="0.6", alpha=0.4, lw=0)
                axes.axhline(cell.mean_error, color="0.3", ls="--", label="dense (band: seeds)")
                continue
            weights = [run["nonzero"] for run in cell.runs]
            _points(axes, weights, cell.errors, cell.technique)
        size = {"lenet_300_100": 266_200, "lenet_5": 430_500}[network]
        known = [(size / c, error) for _, error, c in OTHERS[network] if c > 1]
        axes.scatter(*zip(*known, strict=True), label="published", **_PUBLISHED)

    _save_panels(draw, "Weights left", 5.2, path)


def architectures(cells, path):
    """Draws test error against multiply-adds of what L0 regularization of units left."""

    def draw(axes, network):
        for cell in cells:
            if (cell.network, cell.technique) == (network, "l0_groups"):
                _points(axes, cell.multiply_adds(), cell.errors, cell.technique)
        known = [(multiply_adds(network, a), error) for a, error in ARCHITECTURES[network]]
        axes.scatter(*zip(*known, strict=True), label="published", **_PUBLISHED)
        for (macs, error), (units, _) in zip(known, ARCHITECTURES[network], strict=True):
            text = "-".join(map(str, units))
            above = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}
            axes.annotate(text, (macs, error), fontsize=8, **above)

    _save_panels(draw, "Multiply-adds of the units left", 4.6, path)


def _save_panels(draw, quantity, height, path):
    """Writes a figure with a panel a network, which `draw(axes, network)` fills."""
    figure = Figure(figsize=(11, height), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, network in zip(panels, NETWORKS, strict=True):
        draw(axes, network)
        axes.set_title(NETWORKS[network], fontsize=10)
        axes.set_xlabel(quantity)
        _finish(axes)
    panels[0].set_ylabel("Test error (%)")
    _legend(figure, panels)
    save(figure, path, dpi=120)


def _points(axes, x, y, technique):
    color, marker = _STYLES[technique]
    axes.scatter(x, y, s=26, color=color, marker=marker, alpha=0.8, label=TECHNIQUES[technique])


def _finish(axes):
    axes.margins(x=0.16, y=0.1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(
        FixedLocator([m * 10**e for e in range(2, 8) for m in (1, 2, 3, 5)])
    )
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k")
    axes.xaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    ticks = [0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 90]
    if high < 10 * low:
        ticks = [0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 1.8, 2]
    axes.set_yticks([t for t in ticks if low <= t <= high])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color="0.9")
    axes.set_axisbelow(True)


def _legend(figure, panels):
    entries = {}
    for axes in panels:
        entries |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(entries.values(), entries, loc="outside lower center", ncols=4, frameon=False)
