"""A folder in place of an object store: `gs://` for `etils.epath`, with what sets stores apart.

A file is there once it was closed, folders need not be made, and lines cannot be added.
"""

import contextlib
import io
import os
import pathlib
import shutil

import pytest
from etils.epath import backend, gpath

os_backend = gpath.PosixGPath._backend


class Folder(backend._OsPathBackend):
    """Files of `gs://` in a folder of this machine."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def place(self, path):
        """Returns where a path lies here, whether of the store or of this machine."""
        path = os.fspath(path)
        return self.root / path.removeprefix("gs://") if path.startswith("gs://") else path

    @contextlib.contextmanager
    def open(self, path, mode):
        place = pathlib.Path(self.place(path))
        if "r" in mode or place == pathlib.Path(path):
            with super().open(place, mode) as file:
                yield file
            return
        assert "w" in mode, "an object store adds nothing to a file"
        buffer = io.BytesIO() if "b" in mode else io.StringIO()
        yield buffer
        place.parent.mkdir(parents=True, exist_ok=True)
        content = buffer.getvalue()
        place.write_bytes(content if "b" in mode else content.encode())

    def exists(self, path):
        return super().exists(self.place(path))

    def isdir(self, path):
        return super().isdir(self.place(path))

    def listdir(self, path):
        place = pathlib.Path(self.place(path))
        return [f"{p.name}/" if p.is_dir() else p.name for p in place.iterdir()]

    def makedirs(self, path, *, exist_ok=False, mode=None):
        """Does nothing: a folder is there when a file is."""

    mkdir = makedirs

    def remove(self, path):
        super().remove(self.place(path))

    def replace(self, path, dst):
        shutil.move(self.place(path), self.place(dst))

    def stat(self, path):
        return super().stat(self.place(path))


@pytest.fixture
def gs(tmp_path, monkeypatch):
    """Returns the folder in which `gs://` lies."""
    root = tmp_path / "store"
    folder = Folder(root)

    def choose(path):
        return folder if path._uri_scheme == "gs" else os_backend.fget(path)

    monkeypatch.setattr(gpath.PosixGPath, "_backend", property(choose))
    return root
