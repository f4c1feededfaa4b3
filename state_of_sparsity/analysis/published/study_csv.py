"""Reads the CSV files that the study published: every configuration that was tried, and its result.

The files have defects; what is done about each is said in the notes.
"""

import dataclasses
import os
import pathlib
import statistics

from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.pareto import upper_envelope
from state_of_sparsity.analysis.published import study_files

_NEAR = 0.003  # of the sparsity of a run that counts as one of a nominal sparsity


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A configuration that was tried.

    Args:
        technique: in words.
        sparsity: what was measured, or the target where the file has no other.
        value: percent of top-1 accuracy, or BLEU.
        row: the file, and the cells of its row that are settings.
    """

    technique: str
    sparsity: float
    value: float
    row: str


@dataclasses.dataclass(frozen=True)
class Repeats:
    """Runs of one configuration that differ by chance: tickets, and training from scratch.

    Args:
        name: what was run, in words.
        sparsity: the nominal one.
        values: one a run, those of failed runs left out.
    """

    name: str
    sparsity: float
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over runs."""
        return statistics.fmean(self.values)

    @property
    def std(self) -> float:
        """Sample standard deviation over runs, 0 of one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


@dataclasses.dataclass(frozen=True)
class StudyRuns:
    """What the files of one model hold.

    Args:
        dense: values of dense runs.
        configurations: of every technique, in the order of the files.
        repeats: by name and sparsity.
        notes: what is wrong with the files, and what was done about it.
    """

    dense: tuple[float, ...]
    configurations: tuple[Configuration, ...]
    repeats: tuple[Repeats, ...]
    notes: tuple[str, ...]

    def of(self, technique: str) -> list[Configuration]:
        """Returns the configurations of a technique."""
        return [each for each in self.configurations if each.technique == technique]

    def near(self, technique: str, sparsity: float) -> list[Configuration]:
        """Returns the configurations of a technique within 0.3 % of a sparsity."""
        return [c for c in self.of(technique) if abs(c.sparsity - sparsity) <= _NEAR + 1e-9]

    def best(self, technique: str, sparsity: float) -> Configuration | None:
        """Returns the best configuration within 0.3 % of a sparsity, as the study lists them."""
        return max(self.near(technique, sparsity), key=lambda c: c.value, default=None)

    def frontier(self, technique: str) -> list[tuple[float, float]]:
        """Returns sparsity and value of the configurations that none beats in both."""
        return upper_envelope((c.sparsity, c.value) for c in self.of(technique))


def read(model: str, folder: str | os.PathLike) -> StudyRuns:
    """Returns what the CSV files of a model hold.

    Args:
        model: `resnet50` or `transformer`.
        folder: the study's `sparse_rn50` or `sparse_transformer`. Files that are not there are
            noted and passed over.

    Raises:
        ValueError: if it holds no file of the study on that model, or one that is damaged.
    """
    folder, files = pathlib.Path(folder).expanduser(), study_files.FILES[model]
    there = [file for file in files if (folder / file.path).is_file()]
    if not there:
        raise ValueError(
            "`paper_csv` must be a folder with the study's CSV files on that model, such as "
            f"{files[0].path}. Received: {folder}, which has none of them."
        )
    notes = [note for file in there for note in file.notes]
    notes += [f"{file.path} is not there." for file in files if file not in there]
    dense, configurations, values = [], [], {}
    for file in there:
        for number, line in enumerate(_lines(folder / file.path), start=1):
            place = f"{folder / file.path}, row {number}"
            for name, sparsity, cells in _results(file, line, place):
                _check_range(place, sparsity, cells)
                if file.kind == "dense":
                    dense += cells
                elif file.kind == "technique":
                    row = study_files.described(file, line)
                    configurations += [Configuration(name, sparsity, v, row) for v in cells]
                else:
                    nominal = min(study_files.SPARSITIES, key=lambda s: abs(s - sparsity))
                    values.setdefault((name, nominal), []).extend(cells)
    repeats, failed = [], 0
    for (name, sparsity), found in values.items():
        kept = tuple(value for value in found if value > 0)
        failed += len(found) - len(kept)
        repeats += [Repeats(name, sparsity, kept)] if kept else []
    if failed:
        notes.append(f"{failed} runs of BLEU 0 among the repeated ones failed and are left out.")
    return StudyRuns(tuple(dense), tuple(configurations), tuple(repeats), tuple(notes))


def _lines(path):
    try:
        return file_text.read_csv(path)
    except ValueError as error:
        raise ValueError(
            f"`paper_csv` must hold the study's CSV files. Received: {path.parent}: {error}. Get "
            "that file again."
        ) from None


def _results(file, line, place):
    """Yields name, sparsity and values of each result in a row."""
    try:
        for name, sparsity, cells in file.results(line):
            yield name, float(sparsity), [file.factor * float(cell) for cell in cells]
    except KeyError as error:
        raise _damaged(place, f"the file has no column {error}") from None
    except ValueError as error:
        raise _damaged(place, str(error)) from None


def _check_range(place, sparsity, values):
    if not 0 <= sparsity <= 1 or not all(0 <= value <= 100 for value in values):
        raise _damaged(place, f"sparsity {sparsity:g} or a value of {values} is out of range")


def _damaged(place, reason):
    return ValueError(
        f"`paper_csv` must hold the study's CSV files. Received: {place}: {reason}. Get that file "
        "again."
    )
