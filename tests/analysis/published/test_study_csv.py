import os
import pathlib
import statistics

import pytest

from state_of_sparsity.analysis.pareto import interpolate
from state_of_sparsity.analysis.published import figures, study_csv
from state_of_sparsity.analysis.published.page import PAPERS
from tests.analysis.published.study_tables import write_resnet50, write_transformer


@pytest.fixture
def resnet50(tmp_path):
    return study_csv.read("resnet50", write_resnet50(tmp_path))


def test_the_best_of_a_target_sparsity_in_percent(resnet50):
    best = resnet50.best("Magnitude pruning", 0.5)
    assert best.value == pytest.approx(76.01)
    assert best.row == (
        "technique_comparison/rn50_magnitude_pruning.csv: begin 40000, end 68000, freq 2000, "
        "label smoothing 0.1"
    )
    assert resnet50.best("Magnitude pruning", 0.9).value == 73
    assert resnet50.best("Magnitude pruning", 0.7) is None
    assert resnet50.dense == (76, 77)


def test_where_a_penalty_decides_the_sparsity_runs_within_0_3_percent_count(resnet50):
    assert resnet50.best("Variational dropout", 0.5).value == 74  # that at 50.31 % is too far off
    assert resnet50.frontier("Variational dropout") == [(0.5031, 76), (0.9, 66), (0.901, 60)]


def test_repeated_runs_in_columns_and_in_rows(resnet50):
    found = {each.name: each for each in resnet50.repeats}
    assert found["Lottery ticket"].values == (74, 75)
    assert found["Lottery ticket"].mean == 74.5
    assert found["Lottery ticket"].std == pytest.approx(0.5**0.5)
    assert found["Scratch-E, rates stretched, baseline init"].values == (72, 73)
    assert found["Scratch-B, rates stretched, baseline init"].values == (73, 75)


def test_exchanged_and_empty_headings_are_read_as_what_they_hold(resnet50):
    (l0,) = resnet50.of("L0 regularization")
    assert l0.row.endswith("label smoothing 0.1, weight decay 0.000101")
    (decay,) = (each for each in resnet50.repeats if "constant decay" in each.name)
    assert decay.name == "Scratch-B, constant decay, sparse init (masks of random pruning)"
    assert decay.std == 0
    notes = " ".join(resnet50.notes)
    for said in ("are exchanged", "heading is empty", "rn50_scratch_lr_constant_final.csv is not"):
        assert said in notes


def test_the_transformers_thresholds_and_failed_runs(tmp_path):
    runs = study_csv.read("transformer", write_transformer(tmp_path))
    assert [(c.sparsity, c.value) for c in runs.of("Variational dropout")] == [
        (0.95, 20.5),
        (0.5, 24.25),
    ]
    assert [c.value for c in runs.near("Magnitude pruning", 0.5)] == [26.33, 0]
    (scratch,) = runs.repeats
    assert (scratch.name, scratch.sparsity, scratch.values) == ("Scratch-E", 0.5, (24.5, 24.1))
    assert "1 runs of BLEU 0" in " ".join(runs.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sparsity,begin\n0.5,1\n", "the file has no column 'accuracy'"),
        ("Sparsity,accuracy\nhalf,0.7\n", "row 1: could not convert string to float: 'half'"),
        ("Sparsity,accuracy\n0.5,76.5\n", "row 1: sparsity 0.5 or a value of .* is out of range"),
        ("Sparsity,accuracy\n0.5,nan\n", "is out of range"),
        ("Sparsity,accuracy\n0.5\n", "row 1 has 1 cells"),
    ],
)
def test_a_damaged_file_is_named(text, message, tmp_path):
    path = write_resnet50(tmp_path) / "technique_comparison" / "rn50_magnitude_pruning.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"magnitude_pruning.csv.*{message}") as caught:
        study_csv.read("resnet50", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`paper_csv` must be a folder .* has none of them"):
        study_csv.read("transformer", write_resnet50(tmp_path))


FOLDER = os.environ.get("STUDY_RESULTS")
real = pytest.mark.skipif(not FOLDER, reason="STUDY_RESULTS names no folder of the study's files")
FOLDERS = {"resnet50": "sparse_rn50", "transformer": "sparse_transformer"}


@pytest.fixture(scope="module")
def study():
    return {m: study_csv.read(m, pathlib.Path(FOLDER) / FOLDERS[m]) for m in FOLDERS}


def rounded(values):
    return [None if value is None else f"{value:.2f}" for value in values]


@real
@pytest.mark.parametrize("model", ["resnet50", "transformer"])
def test_what_the_study_lists_are_its_files_best_but_for_what_is_known(study, model):
    paper, runs = PAPERS[model], study[model]
    assert runs.dense == paper.dense
    differing = {}
    for point in paper.study:
        best = runs.best(point.technique, point.sparsity)
        found = None if best is None else round(best.value, 2)
        if found is None or abs(best.value - point.value) >= 0.0061:
            differing[point.technique, point.sparsity] = found
    extended = dict.fromkeys([("Magnitude pruning, extended", s) for s in (0.8, 0.9, 0.95, 0.965)])
    expected = {
        ("Random pruning", 0.7): 72.22,
        ("Random pruning", 0.95): 58.08,
        ("Variational dropout", 0.95): 71.82,
    }
    assert differing == (expected | extended if model == "resnet50" else {})


@real
def test_frontiers_of_penalties(study):
    def read(model, technique, *sparsities):
        return rounded(interpolate(study[model].frontier(technique), s) for s in sparsities)

    assert read("resnet50", "Variational dropout", 0.5, 0.7, 0.8, 0.9, 0.95) == (
        ["76.55", "76.22", "75.47", "73.96", "71.93"]
    )
    levels = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
    assert read("transformer", "Variational dropout", *levels) == (
        ["26.24", "25.70", "24.34", "21.42", "19.16", "13.69"]
    )
    assert read("transformer", "L0 regularization", 0.5, *levels[:-1]) == (
        ["26.79", "26.52", "25.98", "24.76", "22.60", "19.76"]
    )
    assert read("transformer", "L0 regularization", 0.98) == [None]
    l0 = study["resnet50"].of("L0 regularization")
    assert len(l0) == 323 and max(c.value for c in l0 if c.sparsity > 0.2) < 3.8


@real
def test_scratch_and_ticket_runs(study):
    def of(model, name):
        found = [each for each in study[model].repeats if each.name == name]
        return sorted(found, key=lambda each: each.sparsity)

    means = {
        "Lottery ticket": "74.64 72.94 71.21 67.38 62.86 51.28",
        "Scratch-E, rates stretched, baseline init": "74.68 72.71 71.02 67.31 62.63",
        "Scratch-B, rates stretched, baseline init": "75.67 74.17 72.59 69.00 64.55",
        "Scratch-B, longer at the last rate, baseline init": "74.87 73.08 71.35 67.54 62.81",
    }
    for name, expected in means.items():
        assert rounded(each.mean for each in of("resnet50", name)) == expected.split(), name
    medians = {
        "Lottery ticket": "23.89 22.87 23.28 23.51 21.76 18.91 13.40",
        "Scratch-E": "24.56 23.95 23.18 22.74 20.65 17.94 13.27",
        "Scratch-B": "26.04 25.37 24.56 22.63 21.04 18.44 14.08",
    }
    for name, expected in medians.items():
        found = rounded(statistics.median(each.values) for each in of("transformer", name))
        assert found == expected.split(), name


@real
def test_quartiles_over_every_configuration(study):
    expected = {
        0.5: "75.29 75.60 75.87 76.02 76.53",
        0.7: "74.63 75.11 75.41 75.65 76.38",
        0.8: "74.06 74.61 74.97 75.20 75.58",
        0.9: "72.52 73.19 73.43 73.63 73.91",
        0.95: "68.19 69.48 69.90 70.32 70.59",
    }
    for sparsity, values in expected.items():
        near = [c.value for c in study["resnet50"].near("Magnitude pruning", sparsity)]
        assert rounded(figures.five_numbers(near)) == values.split()
    near = [study["transformer"].near("Magnitude pruning", s) for s in (0.5, 0.6, 0.7, 0.8, 0.98)]
    found = rounded(statistics.median(c.value for c in each) for each in near)
    assert found == ["23.75", "24.05", "23.99", "23.48", "9.78"]
