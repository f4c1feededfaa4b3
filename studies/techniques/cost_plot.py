"""The plot of the page: accuracy against what training costs, a panel for each sparsity."""

from matplotlib.figure import Figure

from state_of_sparsity.analysis import plots, words


def draw(found, levels, path):
    """Draws a point for each technique with its cost, bars from the worst to the best seed.

    Args:
        found: what `cells` returned.
        levels: sparsities, a panel each.
        path: the PNG file to write; SVG and PDF are written beside it.
    """
    # Of those far below the others only the tables tell.
    shown = {k: c for k, c in found.items() if c.training is not None and k[0] != "random_pruning"}
    figure = Figure(figsize=(5 * len(levels) + 1, 5), layout="constrained")
    styles = plots.curve_styles(dict.fromkeys(cell.title for cell in shown.values()))
    panels = figure.subplots(1, len(levels), squeeze=False)[0]
    for axes, level in zip(panels, levels, strict=True):
        for (_, sparsity), cell in shown.items():
            if sparsity in (0.0, level):
                _point(axes, cell, *styles[cell.title])
        axes.set_title(f"{100 * level:g} % of weights zero")
        axes.set_xlabel("Multiply-adds of training (% of dense)")
        axes.set_xscale("log")
        axes.set_xticks([10, 20, 50, 100], ["10", "20", "50", "100"])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("Test accuracy (%)")
    entries = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    figure.legend(
        entries.values(), entries, loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    return plots.save(figure, path)


def _point(axes, cell, color, marker):
    mean, low, high = (100 * value for value in (cell.runs.mean, cell.runs.min, cell.runs.max))
    axes.errorbar(
        100 * cell.training,
        mean,
        [[mean - low], [high - mean]],
        color=color,
        marker=marker,
        linestyle="none",
        capsize=3,
        label=words.capital(cell.title),
    )
