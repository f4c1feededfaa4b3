"""Runs whose machine is lost go on elsewhere from what an object store has of them."""

import contextlib
import json
import shutil
import threading
import time

import pytest

from state_of_sparsity.bin import train
from state_of_sparsity.training.runs import mirror, object_store
from state_of_sparsity.training.runs.checkpoint import Checkpoints
from state_of_sparsity.training.runs.mirror import Mirror
from state_of_sparsity.training.runs.run_dir import RunDir, RunDirError, RunInUseError
from tests.stand_in_for_gs import gs  # noqa: F401

FILES = ["quickstart/magnitude_pruning.gin"]
BINDINGS = ["STEPS = 6", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1", "SPARSITY = 0.5"]
BINDINGS += ["BEGIN_STEP = 0", "END_STEP = 4", "FREQUENCY = 1"]
REMOTE = "gs://mine/runs/one"


@pytest.fixture
def store(gs, monkeypatch):  # noqa: F811
    monkeypatch.setattr(mirror, "SECONDS_OF_SILENCE", 0.5)
    return gs / "mine" / "runs" / "one"


def run(path, **keywords):
    return train.run(FILES, BINDINGS, path, verbose=False, **keywords)


def names(folder):
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found)


class Lost(BaseException):
    """Ends a run as the loss of its machine would: nothing more is sent."""


@contextlib.contextmanager
def lost_after(step, monkeypatch):
    """Has every checkpoint sent as it is there, and the machine lost with that of a step."""
    save, send, sent = Checkpoints.save, Mirror.send, []

    def save_and_send(self, model, at, *rest):
        save(self, model, at, *rest)
        if not sent:
            send(kept[0])
        if at == step:
            sent.append(step)
            raise Lost

    kept = []
    keep = Mirror.kept

    def kept_as_one(self):
        kept.append(self)
        return keep(self)

    with monkeypatch.context() as patched, pytest.raises(Lost):
        patched.setattr(Checkpoints, "save", save_and_send)
        patched.setattr(Mirror, "kept", kept_as_one)
        patched.setattr(Mirror, "send", lambda self: None)
        patched.setattr(Mirror, "_let_go", lambda self: None)
        yield


def test_a_run_goes_on_elsewhere_bit_for_bit(store, tmp_path, monkeypatch):
    plain = RunDir(tmp_path / "plain")
    run(plain.path)
    first, second = RunDir(tmp_path / "first"), RunDir(tmp_path / "second")
    with lost_after(3, monkeypatch):
        run(first.path, mirror=REMOTE)
    shutil.rmtree(first.path)
    assert [row["step"] for row in Rows(store)] == [1, 2, 3]
    assert "checkpoints/step_00000003.npz" in names(store)
    assert "checkpoints/step_00000001.npz" not in names(store)
    assert (store / "holder").exists()
    result = run(second.path, mirror=REMOTE)
    assert second.metrics_jsonl.read_text() == plain.metrics_jsonl.read_text()
    assert result["accuracy"] == plain.read_result()["accuracy"]
    assert not (store / "holder").exists()
    assert names(store) == [name for name in names(second.path) if name != "lock"]
    for name in names(store):
        assert (store / name).read_bytes() == (second.path / name).read_bytes(), name


class Rows(list):
    def __init__(self, folder):
        text = (folder / "metrics.jsonl").read_text()
        super().__init__(map(json.loads, text.splitlines()))


def test_a_finished_run_is_left_alone_and_brings_what_describes_it(store, tmp_path):
    assert run(tmp_path / "first", mirror=REMOTE) is not None
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    assert run(tmp_path / "second", mirror=REMOTE) is None
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before
    found = names(tmp_path / "second")
    assert {"result.json", "report.csv", "config.gin", "metrics.csv"} < {*found}
    assert not [name for name in found if name.startswith(("checkpoints", "model", "snap"))]


def made(folder, step, config="A = 1", content="", finished=False):
    """Makes what a run that has a checkpoint of a step looks like."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"config": config}))
    (folder / f"checkpoints/step_{step:08d}.npz").write_text(content)
    (folder / "metrics.jsonl").write_text(f'{{"step": {step}}}\n')
    if finished:
        (folder / "result.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("here", "there", "last"), [(2, 3, 3), (3, 2, 3), (100, 99, 100)])
def test_who_is_further_is_gone_on_from(store, tmp_path, here, there, last):
    run_dir = made(tmp_path / "here", here, content="here")
    made(store, there, content="there")
    with Mirror(run_dir, REMOTE).kept():
        assert max(names(run_dir / "checkpoints")) == f"step_{last:08d}.npz"
        assert RunDir(run_dir).read_metrics() == [{"step": last}]
    assert Rows(store) == [{"step": last}]


def test_another_configuration_is_refused(store, tmp_path):
    run_dir = made(tmp_path / "here", 2)
    made(store, 3, config="A = 2")
    before = names(run_dir)
    with (
        pytest.raises(
            RunDirError, match=r"`mirror` must be of this run. Received: gs://mine/runs/"
        ),
        Mirror(run_dir, REMOTE).kept(),
    ):
        pass
    assert names(run_dir) == before
    assert RunDir(run_dir).read_config() == "A = 1"


def test_nothing_is_brought_through_a_link(store, tmp_path):
    made(store, 3)
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here" / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunDirError, match="which is a link"):
        Mirror(tmp_path / "here", REMOTE).fetch()
    assert names(tmp_path / "elsewhere") == []


def test_what_is_refused_is_not_sent(store, tmp_path):
    """The directory of another run, whose mirror is new."""
    made(tmp_path / "here", 2)
    with pytest.raises(RunDirError, match="was started with another configuration"):
        run(tmp_path / "here", mirror=REMOTE)
    assert names(store) == []


def test_a_copy_that_breaks_off_leaves_what_is_there(store, tmp_path, monkeypatch):
    made(tmp_path / "here", 2)
    made(store, 3)
    before, copy, count = names(store), object_store.copy, []

    def break_off(*places):
        count.append(places)
        if len(count) > 1:
            raise OSError(5, "Input/output error")
        copy(*places)

    monkeypatch.setattr(object_store, "copy", break_off)
    with pytest.raises(OSError, match="Input/output"), Mirror(tmp_path / "here", REMOTE).kept():
        pass
    assert names(store) == before
    assert Rows(store) == [{"step": 3}]


def test_at_every_time_there_is_a_run_to_go_on_from(store, tmp_path, monkeypatch):
    """What is there after each file that is sent has the metrics of its last checkpoint."""
    put, steps, wrong = Mirror._put, [], []

    def check(self, name):
        put(self, name)
        found = sorted(path.name for path in store.glob("checkpoints/step_*"))
        steps.append(int(found[-1][5:13]) if found else 0)
        begun = (store / "run.json").exists()
        has_metrics = not steps[-1] or steps[-1] in [row["step"] for row in Rows(store)]
        whole = (store / "model.keras").exists() or not (store / "result.json").exists()
        wrong.extend([] if begun and has_metrics and whole else [(name, names(store))])

    monkeypatch.setattr(Mirror, "_put", check)
    monkeypatch.setattr(mirror, "SECONDS_BETWEEN_COPIES", 0.001)
    run(tmp_path / "one", mirror=REMOTE)
    assert wrong == []
    assert len({*steps}) > 2
    assert len(list(store.glob("checkpoints/*"))) == 2  # as many as here


def test_a_mirror_that_another_process_keeps(store, tmp_path, monkeypatch):
    monkeypatch.setattr(mirror, "SECONDS_BETWEEN_COPIES", 0.02)
    with (
        Mirror(made(tmp_path / "one", 1), REMOTE).kept(),
        pytest.raises(RunInUseError, match=r"`mirror` gs://mine/runs/one is being written by .*\."),
        Mirror(tmp_path / "two", REMOTE).kept(),
    ):
        pass
    assert not (tmp_path / "two").exists()
    with Mirror(tmp_path / "two", REMOTE).kept():
        assert "run.json" in names(tmp_path / "two")


def test_who_was_taken_for_dead_writes_no_more(store, tmp_path, monkeypatch):
    monkeypatch.setattr(mirror, "SECONDS_BETWEEN_COPIES", 0.02)
    with (
        pytest.raises(RunInUseError, match="was taken over while this process was not heard of"),
        Mirror(made(tmp_path / "one", 1), REMOTE).kept(),
    ):
        until(lambda: (store / "holder").exists())
        (store / "holder").write_text("elsewhere process 7 1")
        until(lambda: threading.active_count() == 1 or not keeping())
        made(tmp_path / "one", 2)
    assert (store / "holder").read_text() == "elsewhere process 7 1"
    assert "checkpoints/step_00000002.npz" not in names(store)


def keeping():
    return any(thread.name == mirror.THREAD for thread in threading.enumerate())


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_store_that_refuses_is_one_line(store, tmp_path, monkeypatch):
    import tensorflow as tf

    def refuse(*_):
        raise tf.errors.PermissionDeniedError(None, None, "not\nyours")

    monkeypatch.setattr(object_store, "copy", refuse)
    made(store, 1)
    with pytest.raises(object_store.MirrorError, match=r"`mirror` gs://.*written: not yours\. See"):
        Mirror(tmp_path / "one", REMOTE).fetch()
