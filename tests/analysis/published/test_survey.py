import math
import os
import pathlib

import pytest

from state_of_sparsity.analysis.published import page, survey

COLUMNS = (
    *("Paper", "Dataset", "Model", "Top1", "OrigTop1", "dTop1", "Err1", "OrigErr1"),
    *("MParams", "OrigMParams", "savedParams", "keptParams", "old/new Nparam"),
)


def table(path, *rows):
    lines = [",".join(COLUMNS)]
    for row in rows:
        cells = {"Paper": "a", "Dataset": "ImageNet", "Model": "ResNet-50", **row}
        lines.append(",".join(cells.get(column, "") for column in COLUMNS))
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "compression", "change"),
    [
        ({"MParams": "5", "OrigMParams": "20", "Top1": "75.0%", "OrigTop1": "76.5%"}, 4, -1.5),
        ({"savedParams": "80.00%", "Err1": "25.5%", "OrigErr1": "25.0%"}, 5, -0.5),
        ({"keptParams": "10%", "dTop1": "0.25%"}, 10, 0.25),
        ({"old/new Nparam": "16", "dTop1": "-1%"}, 16, -1),
        # What is computed of two figures counts before a difference that was rounded.
        ({"savedParams": "50%", "Top1": "74.26%", "OrigTop1": "76%", "dTop1": "-2%"}, 2, -1.74),
    ],
)
def test_compression_and_change_of_what_a_paper_gives(row, compression, change, tmp_path):
    (found,) = survey.read(table(tmp_path / "survey.csv", row))
    assert found.compression == pytest.approx(compression)
    assert found.change == pytest.approx(change)
    assert (found.paper, found.data_set, found.model) == ("a", "ImageNet", "ResNet-50")


def test_rows_without_both_are_passed_over(tmp_path):
    rows = [{"dTop1": "-1%"}, {"savedParams": "50%"}, {"savedParams": "100%", "dTop1": "-1%"}]
    kept = {"savedParams": "50%", "dTop1": "-1%", "Model": "VGG-16"}
    assert [s.model for s in survey.read(table(tmp_path / "a.csv", *rows, kept))] == ["VGG-16"]
    with pytest.raises(ValueError, match="of no network"):
        survey.read(table(tmp_path / "b.csv", *rows))


def test_another_table_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("Paper,Dataset\nx,y\n")
    with pytest.raises(ValueError, match=r"`survey_csv` must be .* it has no column 'Model'"):
        survey.read(tmp_path / "a.csv")


def test_the_survey_is_drawn_with_own_runs_beside_their_own_dense_ones(tmp_path, make_run):
    rows = [{"savedParams": f"{10 * i}%", "dTop1": f"-{i}%"} for i in range(1, 10)]
    rows.append({"savedParams": "50%", "dTop1": "-3%", "Model": "AlexNet", "Paper": "b"})
    runs = [make_run("dense", None, 0.75, 0), make_run("magnitude_pruning", 0.5, 0.7, 0)]
    path = table(tmp_path / "survey.csv", *rows)
    text = page.write("resnet50", None, runs, tmp_path / "out", survey_csv=path).read_text()
    assert "published_survey.png" in text
    drawn = (tmp_path / "out" / "published_survey.svg").read_text()
    for said in ("Survey, ResNet-50 (n=9, 1 papers)", "on ImageNet (n=1, 1 papers)", ", here"):
        assert said in drawn


FOLDER = os.environ.get("SURVEY_RESULTS")


@pytest.mark.skipif(not FOLDER, reason="SURVEY_RESULTS names no folder of the survey's table")
def test_the_survey_itself():
    found = survey.read(pathlib.Path(FOLDER) / "shrinkbench_survey_results.csv")
    assert len({each.paper for each in found}) == 24
    assert all(math.isfinite(each.compression) and each.change > -100 for each in found)
    study = [each for each in found if each.paper == "google-state-of-sparsity"]
    best = [each for each in study if each.model == "ResNet-50"]
    assert [(round(each.compression, 9), round(each.change, 9)) for each in best] == [(5, -0.17)]
