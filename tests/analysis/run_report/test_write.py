import re

import pytest

from state_of_sparsity.analysis.run_report import write_report


@pytest.fixture
def run_dirs(make_run, tmp_path):
    paths = [make_run("dense", None, 0.97, s) for s in (0, 1)]
    for seed in (0, 1, 2):
        noise = 0.001 * seed
        paths.append(make_run("magnitude_pruning", 0.5, 0.971 - noise, seed))
        paths.append(make_run("magnitude_pruning", 0.9, 0.950 - noise, seed))
        paths.append(make_run("random_pruning", 0.5, 0.970 - noise, seed))
        paths.append(make_run("random_pruning", 0.9, 0.900 - noise, seed))
        for weight, sparsity, accuracy in ((0.1, 0.8, 0.96), (1.0, 1.0, 0.86)):
            setting = f"WEIGHT = {weight}"
            paths.append(make_run("l0_regularization", None, accuracy, seed, sparsity, setting))
    unfinished = tmp_path / "runs" / "magnitude_pruning_0.9" / "9"
    unfinished.mkdir()
    return [*paths, unfinished]


def test_report(run_dirs, tmp_path):
    path = write_report(run_dirs, tmp_path / "report")
    assert path == tmp_path / "report" / "report.md"
    text = path.read_text()
    assert text.startswith("# Report on 20 runs\n")
    assert "Seeds: 0, 1, 2. Not counted: 1 run" in text
    assert "| `magnitude_pruning_0.9/9` | not finished: no result.json |" in text
    assert "| Magnitude pruning | - | 97.00 ± 0.10 (3) | 94.90 ± 0.10 (3) |" in text
    assert "| L0 regularization | - | - | ~91.00 |" in text  # half way from 0.8 to 1.0
    assert "90.0 %: Magnitude pruning, above all others." in text
    assert "50.0 %: Magnitude pruning, not told apart from 1 other." in text
    assert "| L0 regularization | WEIGHT = 0.1 | - | 80.00 % | 3 |" in text
    row = "| `dense_/0` | Dense | - | 0.00 % | 97.00 | 0 | 1,000 | 12.3 | hash0 |"
    assert row in text
    for image in re.findall(r"\]\((.*?)\)", text):
        assert (tmp_path / "report" / image).stat().st_size > 10_000
    assert str(tmp_path) not in text
    html = path.with_suffix(".html").read_text()
    assert len(html) < 5e6 and str(tmp_path) not in html
    assert write_report(reversed(run_dirs), tmp_path / "again").read_text() == text


def test_a_single_run(make_run, tmp_path):
    text = write_report([make_run("dense", None, 0.9, 0)], tmp_path / "out").read_text()
    assert "# Report on 1 run\n" in text and "best at each" not in text and "Pareto" not in text
    assert not (tmp_path / "out" / "sparsity_by_layer.png").exists()


def test_targets_that_differ_by_little_have_columns_of_their_own(make_run, tmp_path):
    paths = [make_run(t, s, 0.9, 0) for t in ("set", "rigl") for s in (0.9911, 0.9914, 0.9995)]
    text = write_report(paths, tmp_path / "out").read_text()
    assert "| Technique | 99.11 % | 99.14 % | 99.95 % |" in text


def test_runs_of_one_sparsity_and_dense_ones_alone(make_run, tmp_path):
    dense = [make_run("dense", None, 0.9, s) for s in (0, 1)]
    sparse = [make_run(t, 0.9, 0.8, s) for t in ("set", "rigl") for s in (0, 1)]
    for name, paths in (("dense", dense), ("all", dense + sparse)):
        path = write_report(paths, tmp_path / name)
        assert path.with_suffix(".html").stat().st_size > 1e6


def test_no_finished_run_is_an_error_with_reasons(tmp_path):
    with pytest.raises(ValueError, match=r"must hold a finished run.*: 1\. .*no such directory"):
        write_report([tmp_path / "nowhere"], tmp_path / "out")
