"""The plots of the HTML page, which say more where one points at them; models of bokeh."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.analysis import metrics, plots, words
from state_of_sparsity.analysis.markdown import percent, percents
from state_of_sparsity.analysis.results import Aggregate
from state_of_sparsity.analysis.run_report import sensitivity as boxes
from state_of_sparsity.analysis.run_report.by_sparsity import mean

with extras.explained():
    from bokeh.layouts import column
    from bokeh.models import (
        BoxAnnotation,
        ColumnDataSource,
        FactorRange,
        HoverTool,
        Span,
        UIElement,
        Whisker,
    )
    from bokeh.plotting import figure

# What matplotlib calls a marker, and bokeh.
_MARKERS = {"o": "circle", "v": "inverted_triangle", "P": "plus", "s": "square", "^": "triangle"}
_MARKERS |= {"D": "diamond", "X": "x", "*": "star", "<": "hex", ">": "asterisk", "h": "cross"}
_WIDE = 25  # characters of a label, two of which fit beside each other on a phone


def trade_off(aggregates: Sequence[Aggregate], metric: str) -> UIElement:
    """Returns the metric against sparsity: a line a curve, a point a run.

    Below it the same without the lowest quarter of the means, where those lie far below.

    Args:
        aggregates: what to draw, dense runs included.
        metric: its key in `result.json`.
    """
    close = plots.close_limits(aggregates, metrics.factor(metric))
    if not plots.needs_close(aggregates, metrics.factor(metric)):
        return _trade_off(aggregates, metric)
    title = "Without the lowest quarter"
    charts = [
        _trade_off(aggregates, metric, title="All runs"),
        _trade_off(aggregates, metric, title=title, y_range=close),
    ]
    return column(charts, sizing_mode="stretch_width")


def _trade_off(aggregates, metric, **options):
    factor, sparse = metrics.factor(metric), [a for a in aggregates if a.technique != "dense"]
    options |= {"y_axis_label": words.capital(metrics.label(metric)), "height": 420}
    chart = _figure(**options)
    chart.xaxis.axis_label = "Sparsity of all kernels (%), density in logarithms"
    chart.xaxis.ticker = [_place(s) for s in plots.SPARSITY_TICKS]
    chart.xaxis.major_label_overrides = {_place(s): f"{100 * s:.4g}" for s in plots.SPARSITY_TICKS}
    for baseline in (a for a in aggregates if a.technique == "dense"):
        low, high = baseline.min * factor, baseline.max * factor
        chart.add_layout(BoxAnnotation(bottom=low, top=high, fill_color="gray", fill_alpha=0.2))
        span = {"line_color": "gray", "line_dash": "dashed"}
        chart.add_layout(Span(location=baseline.mean * factor, dimension="width", **span))
    drawn = sparse or aggregates
    for curve, style in plots.curve_styles(a.curve for a in drawn).items():
        own = sorted((a for a in drawn if a.curve == curve), key=lambda a: a.sparsity)
        _draw_curve(chart, words.capital(curve), own, metric, style)
    _place_legend(chart)
    return chart


def _draw_curve(chart, name, own, metric, style):
    factor, color, marker = metrics.factor(metric), style[0], _MARKERS.get(style[1], "circle")
    means = ColumnDataSource(
        {
            "x": [_place(a.sparsity) for a in own],
            "y": [a.mean * factor for a in own],
            "low": [a.min * factor for a in own],
            "high": [a.max * factor for a in own],
            "name": [name] * len(own),
            "setting": [a.setting or "-" for a in own],
            "sparsity": [percent(a.sparsity) for a in own],
            "value": [f"{mean(a, metric)} ({a.n} seeds)" for a in own],
        }
    )
    options = {"color": color, "legend_label": name}
    line = chart.line("x", "y", source=means, line_width=1.5, **options)
    marks = chart.scatter("x", "y", source=means, marker=marker, size=8, **options)
    bars = Whisker(base="x", lower="low", upper="high", source=means, line_color=color)
    chart.add_layout(bars)
    runs = [(run, a) for a in own for run in a.runs]
    each = ColumnDataSource(
        {
            "x": [_place(run.sparsity) for run, _ in runs],
            "y": [run.result[metric] * factor for run, _ in runs],
            "name": [name] * len(runs),
            "setting": [a.setting or "-" for _, a in runs],
            "sparsity": [percent(run.sparsity) for run, _ in runs],
            "value": [f"{run.result[metric] * factor:.2f}" for run, _ in runs],
            "seed": [str(run.result.get("seed")) for run, _ in runs],
        }
    )
    dots = chart.scatter("x", "y", source=each, size=4, alpha=0.6, **options)
    for bar in (line, marks, dots):  # a click on the legend hides all of a curve
        bar.js_link("visible", bars, "visible")
    told = [("Technique", "@name"), ("Setting", "@setting"), ("Sparsity", "@sparsity")]
    told += [("Value", "@value")]
    chart.add_tools(
        HoverTool(renderers=[marks], tooltips=told),
        HoverTool(renderers=[dots], tooltips=[*told, ("Seed", "@seed")]),
    )


def sparsity_by_layer(layers: Mapping[str, Sequence[Mapping]]) -> figure:
    """Returns the sparsity of each kernel as bars beside each other, a colour a curve.

    Args:
        layers: what `layers.rows` returned.
    """
    names = [row["path"].removesuffix("/kernel") for row in next(iter(layers.values()))]
    chart = _figure(y_axis_label="Sparsity (%)", height=420)
    chart.xaxis.ticker = list(range(len(names)))
    chart.xaxis.major_label_overrides = dict(enumerate(names))
    chart.xaxis.major_label_orientation = math.pi / 4
    width = 0.8 / len(layers)
    for place, (curve, (color, _)) in enumerate(plots.curve_styles(layers).items()):
        rows, name = layers[curve], words.capital(curve)
        shift = (place - (len(layers) - 1) / 2) * width
        source = ColumnDataSource(
            {
                "x": [number + shift for number in range(len(names))],
                "path": names,
                "top": [100 * (1 - row["nonzero"] / row["size"]) for row in rows],
                "name": [name] * len(rows),
                "size": [f"{row['size']:,}" for row in rows],
                "nonzero": [f"{row['nonzero']:,.0f}" for row in rows],
                "seeds": [f"{_zeros(row, 'most')} to {_zeros(row, 'fewest')} %" for row in rows],
            }
        )
        bars = chart.vbar(
            "x", width * 0.95, "top", source=source, color=color, legend_label=name, alpha=0.85
        )
        told = [("Technique", "@name"), ("Kernel", "@path"), ("Sparsity", "@top{0.00} %")]
        told += [("Seeds", "@seeds"), ("Non-zeros", "@nonzero of @size")]
        chart.add_tools(HoverTool(renderers=[bars], tooltips=told))
    _place_legend(chart)
    return chart


def _zeros(row, name):
    return f"{100 * (1 - row[name] / row['size']):.2f}"


def sensitivity(found: Mapping[float, Mapping[str, Sequence[Aggregate]]], metric: str) -> figure:
    """Returns a box for each sparsity and curve over all runs, with the runs as points.

    Args:
        found: what `sensitivity.groups` returned.
        metric: its key in `result.json`.
    """
    names = percents(found)
    factors = [(names[s], words.capital(c)) for s, curves in found.items() for c in curves]
    chart = _figure(
        y_range=FactorRange(factors=factors[::-1], range_padding=0.05),
        x_axis_label=words.capital(metrics.label(metric)),
        height=120 + 32 * len(factors),
    )
    chart.yaxis.group_label_orientation = "horizontal"
    styles = plots.curve_styles(curve for curves in found.values() for curve in curves)
    for sparsity, curves in found.items():
        for curve, settings in curves.items():
            place = names[sparsity], words.capital(curve)
            _draw_box(chart, place, settings, metric, styles[curve][0])
    return chart


def _draw_box(chart, place, settings, metric, color):
    data = boxes.values(settings, metric)
    low, first, middle, third, high = np.quantile(data, (0, 0.25, 0.5, 0.75, 1))
    source = ColumnDataSource(
        {"place": [place], "low": [low], "high": [high], "first": [first], "third": [third]}
        | {"middle": [middle], "settings": [len(settings)], "runs": [len(data)]}
    )
    chart.segment("low", "place", "high", "place", source=source, color=color)
    box = chart.hbar(
        "place", 0.6, "third", "first", source=source, color=color, alpha=0.4, line_color=color
    )
    chart.scatter("middle", "place", source=source, marker="dash", angle=math.pi / 2, size=16)
    runs = [(run, a.setting) for a in settings for run in a.runs]
    each = ColumnDataSource(
        {
            "place": [place] * len(runs),
            "x": data,
            "setting": [setting or "-" for _, setting in runs],
            "seed": [str(run.result.get("seed")) for run, _ in runs],
        }
    )
    dots = chart.scatter("x", "place", source=each, color=color, size=5)
    told = [("Settings", "@settings"), ("Runs", "@runs"), ("Median", "@middle{0.00}")]
    told += [("Quartiles", "@first{0.00} to @third{0.00}"), ("All", "@low{0.00} to @high{0.00}")]
    of_run = [("Value", "@x{0.00}"), ("Setting", "@setting"), ("Seed", "@seed")]
    chart.add_tools(
        HoverTool(renderers=[box], tooltips=told), HoverTool(renderers=[dots], tooltips=of_run)
    )


def _figure(**options):
    chart = figure(
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_scroll=None,
        sizing_mode="stretch_width",
        toolbar_location="above",
        **options,
    )
    chart.toolbar.logo = None
    return chart


def _place_legend(chart):
    if not chart.legend:
        return
    legend = chart.legend[0]
    chart.add_layout(legend, "below")
    longest = max(len(item.label.value) for item in legend.items)
    legend.ncols = 1 if longest > _WIDE else 2
    legend.click_policy, legend.border_line_color = "hide", None
    legend.location = "center"
    legend.label_text_font_size = "8pt"


def _place(sparsity):
    return -math.log10(max(1 - sparsity, plots.LEAST_DENSITY))
