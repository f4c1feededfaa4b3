import json

import matplotlib.image
import pytest

from state_of_sparsity.analysis import file_text, plots, rounds, rounds_plot

METRICS = """step,learning_rate,loss,val_accuracy,val_loss
100,0.1,0.5,0.90,0.30
200,0.1,0.4,0.93,0.25
300,0.1,0.3,0.94,0.25
400,0.1,0.2,0.95,0.31
"""


@pytest.fixture
def rounds_dir(make_run, tmp_path):
    """Returns a directory of three rounds, two branches, and an unfinished round."""
    directory = tmp_path / "rounds"
    directory.mkdir()
    sparsities = {
        "round_00": 0.0,
        "round_01": 0.2,
        "round_02": 0.36,
        "reinitialized_1/round_01": 0.2,
        "reinitialized_1/round_02": 0.36,
    }
    for seed, (name, sparsity) in enumerate(sparsities.items()):
        path, accuracy = directory / name, 0.97 - 0.01 * seed
        path.parent.mkdir(exist_ok=True)
        figures = {"val_accuracy": 0.95, "start": "lottery_ticket" if sparsity else None}
        technique = "fixed_mask" if sparsity else "dense"
        make_run(technique, sparsity, accuracy, seed, **figures).rename(path)
        (path / "metrics.csv").write_text(METRICS)
    (directory / "round_03").mkdir()
    (directory / "rounds.csv").write_text("")
    return directory


def test_finished_rounds_are_read_in_order(rounds_dir):
    found = rounds.read(rounds_dir)
    assert [(each.name, each.number, each.branch) for each in found] == [
        ("round_00", 0, ""),
        ("round_01", 1, ""),
        ("round_02", 2, ""),
        ("reinitialized_1/round_01", 1, "reinitialized_1"),
        ("reinitialized_1/round_02", 2, "reinitialized_1"),
    ]
    assert [each.weights_left for each in found] == pytest.approx([1, 0.8, 0.64, 0.8, 0.64])


def test_a_damaged_round_is_named(rounds_dir):
    (rounds_dir / "round_01" / "result.json").write_text("{")
    with pytest.raises(ValueError, match=r"round_01: result\.json cannot be read"):
        rounds.read(rounds_dir)


def test_the_early_stop_is_the_first_step_of_the_smallest_validation_loss(rounds_dir):
    path = rounds_dir / "round_00"
    assert rounds.early_stop(path) == {"step": 200, "val_accuracy": 0.93, "val_loss": 0.25}
    (path / "metrics.csv").write_text("step,loss,val_loss\n1,0.5,nan\n2,0.4,\n3,0.3,2.0\n")
    assert rounds.early_stop(path) == {"step": 3, "val_loss": 2.0}
    (path / "metrics.csv").write_text("step,loss\n1,0.5\n")
    assert rounds.early_stop(path) == {}
    (path / "metrics.csv").unlink()
    assert rounds.early_stop(path) == {}


def test_the_csv_file_holds_what_plots_need(rounds_dir):
    rounds.write_csv(rounds.read(rounds_dir), rounds_dir / "rounds.csv")
    lines = file_text.read_csv(rounds_dir / "rounds.csv")
    row = {key: file_text.parse_cell(cell) for key, cell in lines[3].items()}
    assert row["weights_left"] == pytest.approx(0.8)
    assert {
        "run": "reinitialized_1/round_01",
        "round": 1,
        "branch": "reinitialized_1",
        "seed": 3,
        "steps": 1000,
        "accuracy": 0.94,
        "val_accuracy": 0.95,
        "early_stop_step": 200,
        "early_stop_val_loss": 0.25,
        "early_stop_val_accuracy": 0.93,
    }.items() <= row.items()
    assert {"target_sparsity", "learning_rate", "wall_time_s"}.isdisjoint(row)


def test_the_csv_file_is_read_back(rounds_dir):
    found = rounds.read(rounds_dir)
    rounds.write_csv(found, rounds_dir / "rounds.csv")
    again = rounds.read_csv(rounds_dir / "rounds.csv")
    assert rounds.table(again) == rounds.table(found)
    for one, other in zip(again, found, strict=True):
        assert one.as_row() == other.as_row()


def test_the_table_shows_what_there_is(rounds_dir):
    lines = rounds.table(rounds.read(rounds_dir))
    assert lines[2].split() == ["round_01", "80.00", "96.00", "95.00", "200", "93.00"]
    for path in rounds_dir.rglob("metrics.csv"):
        path.unlink()
    for path in rounds_dir.rglob("result.json"):
        result = json.loads(path.read_text())
        del result["accuracy"], result["val_accuracy"]
        path.write_text(json.dumps({**result, "bleu": 20.5}))
    lines = rounds.table(rounds.read(rounds_dir))
    assert lines[0].split("  ")[-1] == "test BLEU"
    assert lines[1].split() == ["round_00", "100.00", "20.50"]
    assert rounds.table([]) == []


def test_plots_join_the_means_of_each_round(rounds_dir, tmp_path):
    found = rounds.read(rounds_dir)
    accuracy = rounds_plot.by_round(found, lambda each: each.run.result["accuracy"])
    assert accuracy == [
        (100.0, [0.97]),
        (pytest.approx(80.0), [0.96, 0.94]),
        (pytest.approx(64.0), [0.95, pytest.approx(0.93)]),
    ]
    assert rounds_plot.by_round(found, lambda each: None) == []
    curves = {
        "tickets": [each for each in found if not each.branch],
        "re-initialized": [each for each in found if each.branch],
    }
    path = rounds_plot.weights_left(curves, tmp_path / "rounds.png")
    two_panels = matplotlib.image.imread(path)
    for each in found:
        each.early_stop.clear()
    one_panel = matplotlib.image.imread(rounds_plot.weights_left(curves, path))
    assert two_panels.shape[1] > 1.5 * one_panel.shape[1]
    assert set(plots.curve_styles(curves)) == {"tickets", "re-initialized"}
    assert sorted(p.suffix for p in tmp_path.glob("rounds.*")) == [".pdf", ".png", ".svg"]
