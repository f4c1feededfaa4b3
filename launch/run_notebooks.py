"""Runs the notebooks of examples/ from the top, and stores them with their outputs.

    pip install -e ".[examples]"
    python launch/run_notebooks.py                       # all of them
    python launch/run_notebooks.py examples/01*.ipynb    # one

Each runs in an empty folder, on the package of this clone. What is stored holds no times, versions
or paths of the machine. The table of examples/README.md has the processor time that is printed.
"""

import argparse
import os
import pathlib
import resource
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MOST_SECONDS = 600
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebooks():
    """Returns the paths of the notebooks, in order."""
    return sorted((ROOT / "examples").glob("*.ipynb"))


def run(path, folder):
    """Returns a notebook as its run leaves it.

    Args:
        path: the notebook's file, which is left as it is.
        folder: the working directory of the run.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
        nbclient.exceptions.CellTimeoutError: if a cell takes more than `MOST_SECONDS`.
    """
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    found = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    client = nbclient.NotebookClient(
        notebook,
        timeout=MOST_SECONDS,
        kernel_name="python3",
        record_timing=False,
        # What libraries write to the terminal past Python stays there.
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],
        resources={"metadata": {"path": str(folder)}},
    )
    environment = {**os.environ, "PYTHONPATH": found}
    environment.pop("KERAS_BACKEND", None)  # a notebook says which it takes, if not the default
    client.execute(env=environment)
    notebook.metadata = METADATA
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def main():
    """Runs what the command line names."""
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path, default=notebooks())
    for path in parser.parse_args().notebooks:
        begin, used = time.monotonic(), _processor_seconds()
        with tempfile.TemporaryDirectory() as folder:
            notebook = run(path, folder)
        nbformat.write(notebook, path)
        took, used = time.monotonic() - begin, _processor_seconds() - used
        print(f"{path.name}: {took:.0f} s, {used:.0f} s of processor time", flush=True)


def _processor_seconds():
    """Returns the processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
