import html
import html.parser
import re

import pandas as pd
import pytest

from state_of_sparsity.analysis.run_report import html_page, markdown_page
from state_of_sparsity.analysis.run_report.section import Section

EVIL = "<script>alert('|')</script>"


class Page(html.parser.HTMLParser):
    """What a browser would fetch, and what it would show."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.scripts, self.shown, self._within = [], 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.fetched += [v for k, v in attrs if k in ("src", "href") and not v.startswith("data:")]
        self._within.append(tag)

    def handle_endtag(self, tag):
        if tag in self._within:
            while self._within.pop() != tag:
                pass

    def handle_data(self, data):
        if not {"script", "style"} & set(self._within):
            self.shown.append(data)


@pytest.fixture
def sections():
    short = pd.DataFrame({"Run": ["a", EVIL], "Seed": [1, 2]})
    long = pd.DataFrame({"Run": [f"r{i}" for i in range(20)], EVIL: [None, *["1.0"] * 19]})
    return [Section("Short", EVIL, short), Section(EVIL, "text", long)]


def test_it_fetches_nothing_and_carries_nothing_out(sections):
    text = html_page.page("Report & more", "head", sections)
    page = Page(text)
    assert page.fetched == []
    assert page.scripts == Page(html_page.page("Report", "head", sections[1:])).scripts
    assert "alert('|')" in "".join(page.shown)  # as text
    assert "<script>alert" not in text
    (title,) = re.findall(r'"title":"([^"]*alert[^"]*)"', text)
    assert html.unescape(title).startswith("&lt;script&gt;")  # a table takes titles for HTML
    assert 500_000 < len(text) < 5_000_000


def test_numbers_are_cells_in_both_pages(sections):
    text = markdown_page.page("Report", "head", sections)
    assert "| `a` | 1 |" in text and "<script>" not in text
    assert "| `r0` | - |" in text
    empty = Section("Empty", "", pd.DataFrame({"Run": ["a"], "Above": [None]}))
    assert "Above" not in html_page.page("Report", "head", [empty, *sections])
    assert "Above" not in markdown_page.page("Report", "head", [empty])
    assert "<td>1</td>" in html_page.page("Report", "head", sections)  # the short table
