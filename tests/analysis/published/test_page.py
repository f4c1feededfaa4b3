import pytest

from state_of_sparsity.analysis.published import page
from state_of_sparsity.analysis.published.page import PAPERS
from tests.analysis.published.study_tables import write_resnet50, write_transformer
from tests.bin.called_program import called


def row(text, start):
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1 + start.count("|") :]


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_typed_numbers_are_in_range_and_named_once(paper):
    points = [*paper.study, *paper.later, *paper.nearby]
    assert all(0 < point.sparsity < 1 and 0 < point.value < 100 for point in points)
    keys = [(point.technique, point.sparsity, point.epochs) for point in points]
    assert len(set(keys)) == len(keys)
    assert all(point.source for point in points)


def test_a_value_is_found_by_technique_and_sparsity():
    paper = PAPERS["transformer"]
    assert paper.value("L0 regularization", 0.5) == 26.72
    assert paper.value("L0 regularization", 0.55) is None
    assert PAPERS["resnet50"].value("Magnitude pruning, extended", 0.965) == 69.26


def test_the_page_of_the_studys_files(tmp_path):
    folder, out = write_resnet50(tmp_path / "csv"), tmp_path / "out"
    text = page.write("resnet50", folder, [], out).read_text()
    best, frontier = text.split("## Penalties")
    assert row(best, "Magnitude pruning, the study")[:5] == [
        "76.01 (listed: 76.53)",
        "76.38",
        "75.58",
        "73.00 (listed: 73.91)",
        "70.59",
    ]
    assert row(frontier, "Lottery ticket")[0] == "74.50 (0.71, 2)"
    assert row(frontier, "RigL 5x, ERK | 80")[:2] == [
        "77.17",
        "500 epochs, 2.09x training operations, 0.42x inference operations",
    ]
    assert "76.50, mean of 2 runs" in text and "are exchanged" in text
    figures = {path.stem for path in out.glob("*.svg")}
    assert figures == {
        f"published_{name}" for name in ("trade_off", "scratch", "tickets", "settings", "later")
    }
    assert all(
        (out / f"{name}{suffix}").exists() for name in figures for suffix in (".png", ".pdf")
    )


def test_the_page_without_files_has_what_the_study_lists(tmp_path):
    text = page.write("transformer", None, [], tmp_path).read_text()
    assert row(text.split("## Where")[0], "L0 regularization, the study")[0] == "26.72"
    assert {path.stem for path in tmp_path.glob("*.png")} == {"published_trade_off"}
    assert "Transformer-big, WMT14, sacreBLEU: P-GaP" in text


def test_own_runs_stand_beside_the_studys(tmp_path, make_run, monkeypatch, capsys):
    runs = [
        make_run("magnitude_pruning", s, a, seed)
        for s, a in ((0.5, 0.7), (0.9, 0.6))
        for seed in (0, 1)
    ]
    runs += [make_run("dense", None, 0.75, 0)]
    ticket = {"start": "lottery_ticket", "model": "resnet50"}
    runs += [make_run("fixed_mask", 0.5, 0.65, 0, **ticket)]
    arguments = [f"--run_dir={path}" for path in runs]
    arguments += ["--paper=resnet50", f"--paper_csv={write_resnet50(tmp_path / 'csv')}"]
    out = tmp_path / "out"
    code, said, errors = called(monkeypatch, capsys, "report", *arguments, f"--output_dir={out}")
    assert (code or 0, errors) == (0, "")
    assert said == f"Report: {out / page.PAGE}\n"
    text = (out / page.PAGE).read_text()
    (cells,) = (
        line
        for line in text.splitlines()
        if line.startswith("| Magnitude pruning") and "here" in line
    )
    assert "70.00" in cells and "60.00" in cells
    assert "Magnitude pruning (not recorded), here (n=2)" in _legend(
        out / "published_trade_off.svg"
    )
    assert "here" in _legend(out / "published_tickets.svg")


def test_own_runs_of_another_metric_are_refused(tmp_path, make_run):
    with pytest.raises(ValueError, match=r"metric is bleu, .* Received: runs with 'accuracy'"):
        page.write("transformer", None, [make_run("dense", None, 0.75, 0)], tmp_path / "out")


def _legend(path):
    """Returns the text in an SVG file, which matplotlib keeps as comments beside the glyphs."""
    lines = path.read_text().splitlines()
    return "\n".join(line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- "))


def test_the_program_says_in_one_line_what_is_wrong(tmp_path, monkeypatch, capsys):
    write_transformer(tmp_path / "csv")
    for arguments, message in (
        ([f"--paper_csv={tmp_path}"], "`paper` must say what"),
        (["--paper=resnet50", f"--paper_csv={tmp_path / 'csv'}"], "which has none of them"),
        (["--paper=lenet"], "lenet"),
        (["--paper=transformer", "--survey_csv=a.csv"], "must come with --paper=resnet50"),
        (["--paper=resnet50", "--survey_csv=a.csv"], "`survey_csv` must be the table"),
    ):
        arguments = [*arguments, f"--output_dir={tmp_path / 'out'}"]
        code, said, errors = called(monkeypatch, capsys, "report", *arguments)
        assert (code, said) == (2, "")
        assert message in errors and errors.count("\n") == 1


def test_of_ones_own_settings_the_best_is_shown(make_run, tmp_path):
    runs = [
        make_run("magnitude_pruning", 0.8, accuracy, seed, setting=f"a.b = {seed}")
        for seed, accuracy in enumerate([0.76, 0.60])
    ]
    text = page.write("resnet50", write_resnet50(tmp_path / "csv"), runs, tmp_path / "out")
    (line,) = (line for line in text.read_text().splitlines() if ", here |" in line)
    assert "76.00" in line and "60.00" not in line
