import json

from state_of_sparsity.analysis.pages import by_sparsity, study_page
from state_of_sparsity.analysis.run_table import RunTable
from tests.analysis.pages.made_up_rows import ROWS


def test_the_page_and_its_plots_are_written(tmp_path, monkeypatch):
    template, table = tmp_path / "page.md", tmp_path / "docs/study/runs.csv"
    template.write_text("# Title\n\n{{runs}}\n\n{{results}}\n\n{{trade off}}\n\n{{layer plot}}\n")
    names = ("path", "nonzero", "size")
    kernels = [[[*map(k.get, names), 1, 1] for k in row["kernels"]] for row in ROWS]
    lines = zip(ROWS, map(json.dumps, kernels), strict=True)
    RunTable(table).add([{**row, "kernels": text} for row, text in lines])

    def parts(rows, folder):
        return by_sparsity.parts(rows, "accuracy", folder)

    def draw(rows, folder):
        by_sparsity.draw_trade_off(rows, "accuracy", folder)
        by_sparsity.draw_layers(rows, "accuracy", folder)

    output = tmp_path / "docs/study.md"
    monkeypatch.setattr("sys.argv", ["page.py", f"--table={table}", f"--output={output}"])
    study_page.main("About it.", template, parts, draw)
    text = output.read_text()
    assert text.startswith("# Title\n\n[9 runs](study/runs.csv)\n\n| Technique |")
    assert "{{" not in text
    for name in ("trade_off.png", "layers.png"):
        assert (tmp_path / "docs/study" / name).read_bytes().startswith(b"\x89PNG")
