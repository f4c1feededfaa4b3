"""The folder that a page and its plots go to: not one where something else would be lost."""

import pathlib

from state_of_sparsity import output_path
from state_of_sparsity.errors import UsageError


def check_is_no_others(folder: pathlib.Path, name: str, title: str) -> None:
    """Raises for the directory of a run, and for one with a page that this program has not written.

    Args:
        folder: the folder, there or not.
        name: the page's file name.
        title: what pages of the program begin with.

    Raises:
        UsageError: saying which it is.
    """
    page = folder / name
    is_run = (folder / output_path.RUN_FILES[0]).exists()
    if is_run or (page.is_file() and not page.read_bytes().startswith(title.encode())):
        what = "a run directory" if is_run else f"one with {name}, which is no report on runs"
        raise UsageError(
            f"`output_dir` must be a directory for reports. Received: {folder}, {what}. Name "
            "another one."
        )
