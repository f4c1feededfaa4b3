"""Text files of sentence pairs: line i of one file is the translation of line i of the other."""

import contextlib
import gzip
import itertools
import os
import sys
import zlib
from collections.abc import Iterator

from state_of_sparsity.arguments import check_path

_SIDES = ("source", "target")


class ParallelFiles:
    """Sentence pairs in plain UTF-8 text files, one sentence a line.

    Lines end at a line feed and nowhere else; white space at their ends is taken off. Empty lines
    are sentences like others: whoever reads decides what to do with them.

    Args:
        train_source: file of the sentences to train on; names that end in `.gz` are gzip files.
        train_target: their translations, line for line.
        validation_source: the same for validation; None for no validation.
        validation_target: the same.
        test_source: the same for the test; None for no test.
        test_target: the same.
        data_dir: folder of those files whose names do not begin with `/` or `~`; None for the
            working directory.

    Raises:
        ValueError: if a file is not given that must be, or an argument is no text.

    Example:

    >>> text = ParallelFiles("train.en.gz", "train.de.gz", data_dir="data/multi30k")
    >>> next(text.pairs("train"))
    ('A man in a blue shirt.', 'Ein Mann in einem blauen Hemd.')
    """

    def __init__(
        self,
        train_source: str,
        train_target: str,
        validation_source: str | None = None,
        validation_target: str | None = None,
        test_source: str | None = None,
        test_target: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        files = {
            "train": (train_source, train_target),
            "validation": (validation_source, validation_target),
            "test": (test_source, test_target),
        }
        check_path("data_dir", data_dir)
        for split, names in files.items():
            for side, name in zip(_SIDES, names, strict=True):
                check_path(f"{split}_{side}", name)
            for side, name, other in zip(_SIDES, names, names[::-1], strict=True):
                if not name and (other or split == "train"):
                    raise ValueError(
                        f"`{split}_{side}` must be a text file. Received: {name!r}, with "
                        f"{other!r} for the other language. On the command line that is "
                        f"--{split}_{side}=FILE."
                    )
        self._files = {split: names for split, names in files.items() if names[0]}
        self._folder = os.path.expanduser(data_dir or "")

    @property
    def splits(self) -> list[str]:
        """The names of the splits there are."""
        return list(self._files)

    def pairs(self, split: str) -> Iterator[tuple[str, str]]:
        """Yields `(source, target)`, the sentences of a split in the order of its files.

        Raises:
            ValueError: if a file cannot be read or is no UTF-8 text, of "train" also if a file of
                another split is not there; at the end, if the two differ in their number of lines.
        """
        if split == "train":
            self._check_all_are_there()
        paths = [self._path(name) for name in self._files[split]]
        both = [
            read_lines(path, f"{split}_{side}") for path, side in zip(paths, _SIDES, strict=True)
        ]
        for count, pair in enumerate(itertools.zip_longest(*both)):
            if None in pair:
                counts = [
                    count + (line is not None) + sum(1 for _ in lines)
                    for line, lines in zip(pair, both, strict=True)
                ]
                raise ValueError(
                    f"`{split}_source` and `{split}_target` must be files of as many lines each, "
                    f"line i of one the translation of line i of the other. Received: {paths[0]} "
                    f"of {counts[0]} lines and {paths[1]} of {counts[1]} lines."
                )
            yield pair  # type: ignore[misc]  # no line is missing

    def _check_all_are_there(self):
        # What training needs at its end is missed before minutes of learning a vocabulary.
        for split, names in self._files.items():
            for side, name in zip(_SIDES, names, strict=True):
                if name != "-" and not os.path.exists(self._path(name)):
                    raise ValueError(
                        f"`{split}_{side}` must be a text file that can be read, gzipped where its "
                        f"name ends in .gz. Received: {self._path(name)}, which cannot be read "
                        "(No such file or directory)."
                    )

    def _path(self, name):
        return os.path.join(self._folder, os.path.expanduser(name))


def read_lines(path: str | os.PathLike[str], argument: str) -> Iterator[str]:
    """Yields the lines of a UTF-8 text file, stripped.

    Args:
        path: the file, gzipped if its name ends in `.gz`; "-" for the standard input.
        argument: what errors call it.

    Raises:
        ValueError: if it cannot be read or is no UTF-8 text.
    """
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                # Some editors put a byte order mark at the beginning.
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`{argument}` must be UTF-8 text. Received: {path}, of which line {number} has the "
            f"byte {error.object[error.start]:#04x} at place {error.start + 1} "
            f"({error.reason}). Convert it, with `iconv -t utf-8`."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        place = f" after line {number}" if number else ""
        raise ValueError(
            f"`{argument}` must be a text file that can be read, gzipped where its name ends in "
            f".gz. Received: {path}, which cannot be read{place} ({error})."
        ) from error


def _opened(path):
    if path == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    return gzip.open(path) if path.endswith(".gz") else open(path, "rb")
