import errno
import re
import subprocess
import sys

import pytest

from state_of_sparsity.bin import system_errors, train
from state_of_sparsity.errors import UsageError

SHORT = ["STEPS = 2", "EVAL_EVERY = 1", "STEPS_PER_EXECUTION = 1"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device: runs. Free"),
        (OSError(errno.EROFS, "Read-only file system", "a.txt"), "Read-only file system: a.txt. C"),
        (
            OSError("Can't write data (file write failed: errno = 28, ...)"),
            "Can't write.*Free some",
        ),
        (OSError("several\nlines"), "several lines: runs. See that"),
        (OSError(), "OSError: runs. See that"),
        (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"), "denied: a and b. Ch"),
    ],
)
def test_what_the_system_says_is_one_line(error, line):
    text = system_errors.explain(error, "runs")
    assert re.search(line, text)
    assert "\n" not in text and text.endswith("then run the same command again.")


def test_a_disk_that_fills_up_is_one_line_and_the_run_goes_on_later(tmp_path, monkeypatch):
    from state_of_sparsity.training.runs.checkpoint import Checkpoints

    save = Checkpoints.save

    def fails_at_step_2(self, model, step, *arguments):
        if step == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, model, step, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", fails_at_step_2)
        with pytest.raises(UsageError, match=f"^No space left on device: {tmp_path}. Free"):
            train.run(["quickstart/dense.gin"], SHORT, tmp_path, verbose=False)
    assert train.run(["quickstart/dense.gin"], SHORT, tmp_path, verbose=False)["steps"] == 2


PROGRAM = """
import sys
from state_of_sparsity.bin import gin_app
from state_of_sparsity.errors import UsageError

def main(_):
    for line in range(100_000):
        print(line)

gin_app.run(main)
"""


def ends(stdout):
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_an_output_that_takes_no_more_is_one_line_or_none():
    with open("/dev/full", "w", encoding="utf-8") as full, ends(full) as process:
        _, errors = process.communicate()
    assert process.returncode == 2
    assert errors.startswith("Error: No space left on device") and errors.count("\n") == 1
    with ends(subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()  # as `head -1` does
        assert process.stderr.read() == ""
    assert process.returncode == 141
