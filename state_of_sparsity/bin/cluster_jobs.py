"""Sweeps as others run them: a command a cell, a job array of Slurm, a Job of Kubernetes."""

import dataclasses
import json
import os
import pathlib
import re
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from state_of_sparsity.bin.grid import Cell
from state_of_sparsity.errors import UsageError

_SWEEP = ("-m", "state_of_sparsity.bin.sweep")
_TRIES = 3  # again where a pod is lost, beside those that the cluster itself ends


@dataclasses.dataclass(frozen=True)
class Array:
    """An array of tasks, each of which runs its cells of a sweep by the same command.

    Args:
        arguments: of the sweep, without `--cell`.
        cells: how many cells the sweep has.
        tasks: how many tasks share them.
        name: what the cluster shows.
        gpus: how many each task gets.
    """

    arguments: Sequence[str]
    cells: int
    tasks: int
    name: str
    gpus: int = 0

    def cell(self, index: str) -> str:
        """Returns the flag that has a task run its cells, where `index` stands for its number."""
        return f"--cell={index}" if self.tasks == self.cells else f"--cell={index}::{self.tasks}"


def commands(cells: Sequence[tuple[Cell, str | None]], sweep_dir: str, data_dir: str | None) -> str:
    """Returns a command a cell that trains it where the sweep would, a line each.

    Args:
        cells: pairs of a cell and the mirror of its run directory, None without one.
        sweep_dir: the sweep's directory.
        data_dir: where the data lies, or None.
    """
    found = []
    for cell, mirror in cells:
        bindings = [f"--gin_binding={binding}" for binding in cell.bindings]
        places = [f"--data_dir={data_dir}"] if data_dir else []
        places += [f"--mirror={mirror}"] if mirror else []
        run_dir = f"--run_dir={os.path.join(sweep_dir, cell.directory)}"
        train = ["python", "-m", "state_of_sparsity.bin.train", f"--gin_file={cell.gin_file}"]
        found.append(shlex.join([*train, *bindings, *places, run_dir]))
    return "\n".join(found)


def slurm(array: Array) -> str:
    """Returns a script for `sbatch`; tasks run by this Python, where the script is submitted."""
    gpus = f"#SBATCH --gres=gpu:{array.gpus}\n" if array.gpus else ""
    # The shell is replaced, so that the program itself gets the signals that end a task.
    command = shlex.join([sys.executable, *_SWEEP, *array.arguments])
    index = array.cell('"$SLURM_ARRAY_TASK_ID"')
    return f"""#!/bin/bash
# {array.cells} cells in {array.tasks} tasks: submit it with sbatch, whose options win over these.
# Submitted again it goes on where it was; what is finished is left alone.
#SBATCH --job-name={array.name}
#SBATCH --array=0-{array.tasks - 1}
#SBATCH --requeue
#SBATCH --open-mode=append
{gpus}exec {command} {index}"""


def kubernetes(array: Array, image: str, claim: tuple[str, pathlib.PurePath] | None) -> str:
    """Returns the manifest of an indexed Job, as JSON, which `kubectl apply -f` takes.

    What fails by exit code 2, as the user's errors do, is not tried again; pods that are lost are.

    Args:
        array: the tasks; each is a pod.
        image: of containers that have the package.
        claim: the persistent volume claim with the sweep, and with the data where that is given,
            and where it is mounted; None without one.
    """
    # Kubernetes puts variables in by $(NAME), and takes $$ for $.
    arguments = [argument.replace("$", "$$") for argument in array.arguments]
    command = ["python", *_SWEEP, *arguments, array.cell("$(JOB_COMPLETION_INDEX)")]
    container: dict[str, Any] = {
        "name": "sweep",
        "image": image,
        "command": command,
    }
    pod: dict[str, Any] = {"restartPolicy": "Never", "containers": [container]}
    if claim:
        name, folder = claim
        container["volumeMounts"] = [{"name": "work", "mountPath": str(folder)}]
        volume = {"name": "work", "persistentVolumeClaim": {"claimName": name}}
        pod["volumes"] = [volume]
    if array.gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": array.gpus}}
    users = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [2]}}
    condition = {"type": "DisruptionTarget", "status": "True"}
    lost = {"action": "Ignore", "onPodConditions": [condition]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": array.name},
        "spec": {
            "completionMode": "Indexed",
            "completions": array.tasks,
            "parallelism": array.tasks,
            "backoffLimitPerIndex": _TRIES,
            "podFailurePolicy": {"rules": [users, lost]},
            "template": {"spec": pod},
        },
    }
    return json.dumps(job, indent=2)


def name(sweep_dir: str) -> str:
    """Returns a name for what runs a sweep, of letters, digits and hyphens as Kubernetes wants.

    >>> name("/mnt/runs/ResNet_50")
    'resnet-50'
    """
    last = pathlib.PurePath(sweep_dir).name.lower()
    return re.sub("[^a-z0-9]+", "-", last).strip("-")[:40].strip("-") or "sweep"


def mounted(paths: Sequence[str | None]) -> pathlib.PurePath:
    """Returns the folder that holds all paths, which a volume is mounted as.

    Raises:
        UsageError: if there is none but the root, or a path is not absolute.
    """
    given = [path for path in paths if path]
    if all(map(os.path.isabs, given)):
        folder = pathlib.PurePath(os.path.commonpath(given))
        if folder != pathlib.PurePath(folder.anchor):
            return folder
    raise UsageError(
        "`kubernetes` must have --sweep_dir, --table and --data_dir in one folder, by their whole "
        f"paths, which a volume is mounted as. Received: {', '.join(given)}."
    )
