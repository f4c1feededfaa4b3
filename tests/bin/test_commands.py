"""The console commands are the programs."""

import os
import pathlib
import re
import subprocess
import sys

from state_of_sparsity.bin import commands
from tests.setup_arguments import setup_arguments

BIN = pathlib.Path(commands.__file__).parent


def test_every_program_is_a_command():
    scripts = setup_arguments()["entry_points"]["console_scripts"]
    found = [
        re.fullmatch(r"sos-(\w+) = state_of_sparsity\.bin\.commands:(\w+)", s) for s in scripts
    ]
    texts = {path.stem: path.read_text(encoding="utf-8") for path in BIN.glob("*.py")}
    programs = {name for name, text in texts.items() if '__name__ == "__main__"' in text}
    assert {match[1] for match in found} == {match[2] for match in found} == programs
    assert all(callable(getattr(commands, name)) for name in programs)


def test_a_command_shows_the_help_of_its_program():
    start = (
        "import sys; sys.argv[0] = '/bin/sos-report'; from state_of_sparsity.bin import commands"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{start}; commands.report()", "--help"],
        env={**os.environ, "PYTHONPATH": str(BIN.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("Reports on finished runs") and "--runs_glob" in done.stdout
