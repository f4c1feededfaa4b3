"""A report as HTML, as a plot and as a table of pandas."""

import dataclasses
import html.parser
import re
import sys

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos
from state_of_sparsity.extras import MissingExtraError

NAMES = ("$a_{b}$", "<b>bold</b> & more", "plain")


@pytest.fixture(scope="module")
def report():
    """Kernels of 24, 16 and 8 weights, of which 6, 4 and 8 are left, under names that are code."""
    names = ("first", "second", "third")
    dense = [layers.Dense(n, name=name) for n, name in zip((4, 4, 2), names, strict=True)]
    model = keras.Sequential([keras.Input((6,)), *dense])
    rules = [
        ("first", lambda layer: sos.FixedMask(layer, quarter(6, 4))),
        ("second", lambda layer: sos.FixedMask(layer, quarter(4, 4))),
    ]
    found = sos.report(sos.sparsify(model, rules))
    rows = zip(found.layers, NAMES, strict=True)
    return dataclasses.replace(
        found, layers=tuple(dataclasses.replace(row, path=f"{name}/kernel") for row, name in rows)
    )


def quarter(*shape):
    return np.arange(np.prod(shape)).reshape(shape) % 4 == 0


class _Page(html.parser.HTMLParser):
    """Reads the tables of a page, and checks that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.styles = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.styles += [value for name, value in attrs if name == "style"]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def test_html_has_a_row_a_kernel_and_totals(report):
    page = _Page(report._repr_html_())
    header, *kernels, total = page.rows
    assert header[0] == "Kernel" and "Pattern" not in header
    assert [row[0] for row in kernels] == [f"{name}/kernel" for name in NAMES]
    assert kernels[0][1:] == ["FixedMask", "6x4", "24", "6", "75.00%", "24", "6"]
    assert kernels[2][1:] == ["dense", "4x2", "8", "8", "0.00%", "8", "8"]
    assert total == ["Total", "", "", "48", "18", "62.50%", "48", "18"]
    assert {len(row) for row in page.rows} == {len(header)}


def test_html_runs_nothing_fetches_nothing_and_has_the_colours_of_its_page(report):
    page = _Page(report._repr_html_())
    assert not {"script", "link", "img", "iframe", "b"} & {*page.tags}
    assert not any("url(" in style or "#" in style for style in page.styles)
    widths = [re.search(r"width:([\d.]+)%", style) for style in page.styles]
    assert [float(width[1]) for width in widths if width] == [75, 75, 0, 62.5]


def test_html_has_patterns_where_there_are_any_and_a_mark_for_what_is_not_known():
    model = keras.Sequential([keras.Input((None, 8)), layers.Dense(4, name="one"), layers.Dense(4)])
    schedule = sos.schedules.ConstantSparsity(0.5, 0)
    pattern = sos.patterns.NOfM(2, 4)
    rules = [("^one$", lambda layer: sos.MagnitudePruning(layer, schedule, pattern=pattern))]
    report = sos.report(sos.sparsify(model, rules))
    header, first, second, _ = _Page(report._repr_html_()).rows
    assert (first[header.index("Pattern")], second[header.index("Pattern")]) == ("2:4", "")
    assert first[-2:] == ["?", "?"]


def test_html_of_a_model_without_kernels():
    model = keras.Sequential([keras.Input((4,)), layers.ReLU()])
    assert len(_Page(sos.report(model)._repr_html_()).rows) == 2


def test_a_plot_has_bars_for_each_kernel(report):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    sparsity, weights = report.plot()
    try:
        assert [bar.get_width() for bar in sparsity.patches] == [75, 75, 0]
        assert [bar.get_width() for bar in weights.patches] == [24, 16, 8, 6, 4, 8]
        sparsity.figure.canvas.draw()  # a dollar in a name is no formula
        assert [text.get_text() for text in sparsity.get_yticklabels()] == [*NAMES]
        assert sparsity.yaxis_inverted()  # as the table has them
        assert pyplot.gcf() is sparsity.figure is weights.figure  # `plt.show()` shows it
    finally:
        pyplot.close(sparsity.figure)


@pytest.mark.parametrize("kernels", [0, 3, 60])
def test_names_in_a_plot_do_not_lie_upon_each_other(kernels):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    names = [f"a_block_of_the_encoder_{i}" for i in range(kernels)]
    model = keras.Sequential(
        [keras.Input((4,)), layers.ReLU(), *(layers.Dense(4, name=name) for name in names)]
    )
    panels = sos.report(model).plot()
    try:
        figure = panels[0].figure
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in panels[0].get_yticklabels()]
        assert len(boxes) == kernels
        lines = [*boxes, *(label.get_window_extent() for label in panels[1].texts)]
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in lines)
        upper_ends = [box.y1 for box in boxes]
        assert all(box.y0 > below for box, below in zip(boxes, upper_ends[1:], strict=False))
    finally:
        pyplot.close(figure)


def test_pandas_gets_numbers(report):
    pd = pytest.importorskip("pandas")
    table = report.to_dataframe()
    assert list(table["path"]) == [row.path for row in report.layers]
    assert table[["size", "nonzero", "multiply_adds"]].sum().tolist() == [48, 18, 48]
    assert list(table["sparsity"]) == [0.75, 0.75, 0.0]
    assert list(table["shape"]) == [(6, 4), (4, 4), (4, 2)]
    counts = [c for c in table if c not in ("path", "technique", "pattern", "shape", "sparsity")]
    assert all(pd.api.types.is_integer_dtype(table[column]) for column in counts)
    unknown = sos.report(keras.Sequential([keras.Input((None, 3)), layers.Dense(2)]))
    assert unknown.to_dataframe()["multiply_adds"].isna().all()
    nothing = sos.report(keras.Sequential([keras.Input((4,)), layers.ReLU()])).to_dataframe()
    assert len(nothing) == 0 and list(nothing) == list(table)


@pytest.mark.parametrize(
    ("package", "method"), [("matplotlib", "plot"), ("pandas", "to_dataframe")]
)
def test_what_is_missing_is_named_with_its_extra(report, package, method, monkeypatch):
    ours = {"plot": "layer_plot", "to_dataframe": "data_frame"}[method]
    monkeypatch.delitem(sys.modules, f"state_of_sparsity.accounting.{ours}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"`{package}` must .*\[experiments\]"):
        getattr(report, method)()
    report._repr_html_()  # needs neither
