import json
import time

import pytest

from state_of_sparsity.bin.round_plan import PlannedRun
from state_of_sparsity.bin.round_progress import RoundProgress

NAMES = ("round_00", "round_01", "round_02")
RUNS = [PlannedRun(name, (), ()) for name in NAMES]
TRAINING = {"step": 250, "steps": 1000, "eta_s": 30.0, "val_accuracy": 0.9712, "sparsity": 0.488}


def says(directory, name, *lines):
    (directory / name).mkdir(exist_ok=True)
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    (directory / name / "progress.jsonl").write_text(text)


def finish(directory, name, wall_time_s):
    (directory / name).mkdir(exist_ok=True)
    (directory / name / "result.json").write_text(json.dumps({"wall_time_s": wall_time_s}))


def test_a_line_says_what_runs_how_far_it_is_and_how_long_all_that_is_left_takes(tmp_path):
    progress = RoundProgress(tmp_path, RUNS, workers=1)
    assert (progress.lines(), progress.eta()) == ([], "")
    says(tmp_path, "round_00", {"phase": "training"}, TRAINING, '{"step": 260, "st')
    # 30 s for three quarters of a run: 40 s for each of the two others
    assert progress.lines() == [
        "round_00  step 250 of 1,000  51.2 % of weights left  val_accuracy 0.9712  ETA 0:30  "
        "(0 of 3 runs done, ETA 1:50 for all)"
    ]
    finish(tmp_path, "round_00", 60.0)
    progress.ended("round_00")
    says(tmp_path, "round_01", {"phase": "compiling the first step"})
    assert progress.lines() == [
        "round_01  compiling the first step  (1 of 3 runs done, ETA 2:00 for all)"
    ]
    says(tmp_path, "round_01", {"phase": "training"}, TRAINING, {"phase": "evaluating"})
    assert progress.lines()[0].startswith("round_01  evaluating  (1 of 3 runs done, ETA 1:30")


def test_runs_that_were_finished_before_take_no_time(tmp_path):
    finish(tmp_path, "round_00", 60.0)
    finish(tmp_path, "round_01", 60.0)
    progress = RoundProgress(tmp_path, RUNS, workers=2)
    progress.ended("round_00")
    assert progress.eta() == ", ETA 0:30 for all"
    for name in NAMES[1:]:
        finish(tmp_path, name, 60.0)
        progress.ended(name)
    assert (progress.done, progress.eta()) == (3, "")


@pytest.mark.parametrize("damaged", ["[]", "{", '{"wall_time_s": null}'])
def test_damaged_files_are_no_matter(tmp_path, damaged):
    finish(tmp_path, "round_00", 0)
    (tmp_path / "round_00" / "result.json").write_text(damaged)
    says(tmp_path, "round_01", "[5]\n", "null\n", '{"step": "a"}\n')
    progress = RoundProgress(tmp_path, RUNS, workers=1)
    progress.ended("round_00")
    assert len(progress.lines()) == 1


def test_it_reports_until_the_context_is_left(tmp_path, capsys):
    says(tmp_path, "round_00", {"phase": "training"}, TRAINING)
    with RoundProgress(tmp_path, RUNS, workers=1, every_s=0.01):
        deadline = time.monotonic() + 10
        out = ""
        while "round_00" not in out and time.monotonic() < deadline:
            out += capsys.readouterr().out
    assert out.startswith("    round_00  step 250 of 1,000")
    time.sleep(0.05)
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().out == ""
