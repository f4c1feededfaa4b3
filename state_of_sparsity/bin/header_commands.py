"""The commands in the headers of gin files, found by what they make."""

import re
import shlex

_TRAIN = "python -m state_of_sparsity.bin.train "


def that_makes(run_dir, gin_configs):
    """Returns the command of a header that trains in a run directory, None if there is none.

    Args:
        run_dir: the directory, as the header writes it.
        gin_configs: folder of the package's gin files.
    """
    for path in sorted(gin_configs.rglob("*.gin")):
        for command in in_header(path.read_text(encoding="utf-8")):
            if f"--run_dir={run_dir}" in arguments(command):
                return command
    return None


def arguments(command):
    """Returns the arguments of a command, as a shell would give them to the program."""
    return shlex.split(command.removeprefix(_TRAIN))


def in_header(text):
    """Returns the commands that train in the comment a gin file begins with, each in one line.

    Args:
        text: of the gin file.
    """
    header = re.match(r"(?:#.*\n)*", text)[0]
    lines = re.sub(r" *\\\n# *", " ", header).splitlines()
    stripped = (line.removeprefix("#").strip() for line in lines)
    return [line for line in stripped if line.startswith(_TRAIN)]
