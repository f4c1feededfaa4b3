import json
import time

import pytest

from state_of_sparsity.training.runs.progress import Progress, duration


def run_two_epochs(progress):
    for epoch in range(2):
        progress.on_epoch_begin(epoch)
        for batch in range(5):
            progress.on_train_batch_begin(batch)
            progress.on_train_batch_end(batch, {"loss": 1.0})
        progress.on_epoch_end(epoch, {"loss": 0.5, "sparsity": 0.25})


def test_says_phases_steps_rate_and_time_left_as_text_and_as_json(tmp_path, capsys):
    progress = Progress(tmp_path / "p.jsonl", 10, 5, examples=32)
    run_two_epochs(progress)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line.get("phase") for line in lines[:2]] == ["compiling the first step", "training"]
    assert [line["step"] for line in lines[2:]] == [5, 10]
    assert lines[-1]["eta_s"] == 0.0 and lines[-1]["sparsity"] == 0.25
    assert lines[-1]["examples_per_s"] > 0
    text = capsys.readouterr().out.splitlines()
    assert text[0] == "[0:00] compiling the first step"
    assert "step 5/10  " in text[2] and " examples/s  ETA 0:00  loss 0.5  sparsity 0.25" in text[2]


def test_rates_and_the_time_left_are_those_of_the_clock(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress(tmp_path / "p.jsonl", 10, 5, examples=32, verbose=False)
    for epoch, seconds in enumerate((2.0, 0.5)):
        progress.on_epoch_begin(epoch)
        for batch in range(5):
            progress.on_train_batch_begin(batch)
            now[0] += 60.0 if epoch == batch == 0 else seconds  # the first step compiles
            progress.on_train_batch_end(batch)
        progress.on_epoch_end(epoch)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    first, last = (line for line in lines if "step" in line)
    # Four steps took 8 seconds: 16 examples a second, and five more steps take 10.
    assert (first["examples_per_s"], first["eta_s"], first["elapsed_s"]) == (16.0, 10.0, 68.0)
    assert (last["examples_per_s"], last["eta_s"], last["elapsed_s"]) == (64.0, 0.0, 70.5)


def test_a_long_epoch_is_reported_on_the_way(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress(tmp_path / "p.jsonl", 20, 20, examples=1, verbose=False)
    progress.on_epoch_begin(0)
    for batch in range(6):
        now[0] += 5.0
        progress.on_train_batch_end(batch, {"loss": 1.0})
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    reports = [(line["step"], line["eta_s"]) for line in lines if "step" in line]
    assert reports == [(4, 80.0)]  # more than 10 seconds after the first step, and no 10 since


def test_is_silent_when_asked_to_be(tmp_path, capsys):
    run_two_epochs(Progress(tmp_path / "p.jsonl", 10, 5, examples=32, verbose=False))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3661, "1:01:01")])
def test_duration(seconds, text):
    assert duration(seconds) == text
