"""What data a run was begun with, so that it does not go on with others unnoticed."""

import hashlib
import json
import os
import pathlib

from state_of_sparsity import atomic_write, json_files


class DataDigests:
    """SHA-256 digests of a run's data, kept in a JSON file `{what: hexadecimal digits}`.

    Args:
        path: the file, which need not be there yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)

    def check(self, found):
        """Raises where data differ from those kept; what is not kept may be anything.

        Args:
            found: `{what: digest}`, e.g. `{"train text": digest(...)}`.

        Raises:
            ValueError: naming those that differ.
        """
        if not self._path.exists():
            return
        remedy = "Remove it, if the data are sure to be the same; or choose another directory."
        kept = json_files.read(self._path, {}, remedy)
        changed = [what for what in found if kept.get(what, found[what]) != found[what]]
        if changed:
            raise ValueError(
                f"The {' and the '.join(changed)} must be what the run in {self._path.parent} was "
                f"begun with. Received: something else, as the digests in {self._path.name} say. "
                "Put the first back, read with the same settings, and that run goes on; or choose "
                "another directory."
            )

    def keep(self, found):
        """Writes the digests, unless there are some."""
        if not self._path.exists():
            atomic_write.write_text(self._path, json.dumps(found, indent=1) + "\n")


def digest(*parts):
    """Returns the digest of bytes, or of arrays, one after the other."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()
