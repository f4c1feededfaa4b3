"""What clusters are given: each task runs its cells, and what is quoted stays as it was."""

import json
import pathlib
import shlex
import subprocess
import sys

import pytest

from state_of_sparsity.bin import cell_check, cluster_jobs, grid
from state_of_sparsity.errors import UsageError
from tests.bin.called_program import called

GRID = "quickstart/dense.gin SEED=0,1,2,3 STEPS=10"
ARGUMENTS = ["--sweep_dir=runs/my own", '--gin_binding=A = "it\'s $HOME $(B)"', f"--grid={GRID}"]


def array(cells=4, tasks=2, gpus=0):
    return cluster_jobs.Array(ARGUMENTS, cells, tasks, "mine", gpus)


def test_a_command_a_cell():
    cells = grid.all_cells([GRID], ["NAME = 'a b'"])
    runs = [(cell, None) for cell in cells[:3]] + [(cells[3], "gs://mine/3")]
    lines = cluster_jobs.commands(runs, "runs", "data").splitlines()
    assert "mirror" not in lines[0]
    assert len(lines) == 4
    assert shlex.split(lines[3]) == [
        *("python", "-m", "state_of_sparsity.bin.train", "--gin_file=quickstart/dense.gin"),
        *("--gin_binding=NAME = 'a b'", "--gin_binding=SEED = 3", "--gin_binding=STEPS = 10"),
        *("--data_dir=data", "--mirror=gs://mine/3", "--run_dir=runs/dense/seed_3_steps_10"),
    ]


@pytest.mark.parametrize(("tasks", "index"), [(4, "1"), (2, "1::2")])
def test_a_script_of_slurms_runs_what_it_says(tmp_path, monkeypatch, tasks, index):
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    script = cluster_jobs.slurm(array(tasks=tasks, gpus=1))
    for line in (f"#SBATCH --array=0-{tasks - 1}", "#SBATCH --gres=gpu:1", "#SBATCH --requeue"):
        assert line in script.splitlines()
    ran = subprocess.run(
        ["bash", "-eu", "-c", script],
        env={"SLURM_ARRAY_TASK_ID": "1", "HOME": "elsewhere"},
        capture_output=True,
        text=True,
    )
    given = ["-m", "state_of_sparsity.bin.sweep", *ARGUMENTS, f"--cell={index}"]
    assert (ran.stderr, ran.stdout.splitlines()) == ("", given)
    assert "gres" not in cluster_jobs.slurm(array())


def test_a_job_of_kubernetes():
    claim = ("mine", pathlib.PurePosixPath("/mnt"))
    job = json.loads(cluster_jobs.kubernetes(array(tasks=4, gpus=2), "me/sos:1", claim))
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
    pod = spec["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    assert pod["restartPolicy"] == "Never"  # or its policy for failures would be refused
    assert container["command"][-1] == "--cell=$(JOB_COMPLETION_INDEX)"
    assert container["command"][4] == '--gin_binding=A = "it\'s $$HOME $$(B)"'
    assert container["image"] == "me/sos:1"
    assert container["resources"] == {"limits": {"nvidia.com/gpu": 2}}
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/mnt"}]
    assert volume["persistentVolumeClaim"] == {"claimName": "mine"}
    less = json.loads(cluster_jobs.kubernetes(array(), "me/sos:1", None))
    assert less["spec"]["completions"] == 2
    (container,) = less["spec"]["template"]["spec"]["containers"]
    assert container["command"][-1] == "--cell=$(JOB_COMPLETION_INDEX)::2"
    assert not {"resources", "volumeMounts"} & {*container}
    assert "volumes" not in less["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("sweep_dir", "name"), [("runs/ResNet_50/", "resnet-50"), ("a" * 70, "a" * 40), ("é", "sweep")]
)
def test_names_that_kubernetes_takes(sweep_dir, name):
    assert cluster_jobs.name(sweep_dir) == name


def test_the_folder_that_is_mounted():
    found = cluster_jobs.mounted(["/mnt/runs/a", None, "/mnt/data"])
    assert found == pathlib.PurePosixPath("/mnt")
    for paths in (["/mnt/runs", "/data"], ["runs"], ["/mnt/runs", "data"], ["/"]):
        with pytest.raises(UsageError, match=r"`kubernetes` must have.*one folder.*Received: "):
            cluster_jobs.mounted(paths)


def test_what_flags_print(monkeypatch, capsys, tmp_path):
    (tmp_path / "mine.grid").write_text(GRID)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cell_check, "check", lambda *_: None)  # A is a binding of nothing
    flags = [
        "--sweep_dir=/mnt/runs",
        "--grid=mine.grid",
        "--only=dense",
        "--data_dir=/mnt/data",
    ]
    flags += ["--table=/mnt/runs.csv", "--workers=1", "--gin_binding=A = 1"]
    given = ["--sweep_dir=/mnt/runs", "--workers=1", "--table=/mnt/runs.csv"]
    given += ["--data_dir=/mnt/data", "--only=dense", "--gin_binding=A = 1", f"--grid={GRID}"]
    code, out, err = called(
        monkeypatch, capsys, "sweep", *flags, *("--kubernetes=i", "--claim=c", "--tasks=3")
    )
    job = json.loads(out)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"][3:-1] == given
    assert (code, err, job["spec"]["completions"]) == (None, "", 3)
    code, out, err = called(monkeypatch, capsys, "sweep", *flags, "--slurm")
    assert shlex.split(out.splitlines()[-1])[4:-1] == given
    assert "--array=0-3" in out
    code, out, err = called(monkeypatch, capsys, "sweep", *flags, "--print", "--cell=2")
    assert "SEED = 2" in out and out.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.grid"]
