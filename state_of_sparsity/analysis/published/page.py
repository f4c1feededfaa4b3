"""`write`: a page with the study's numbers and figures, and one's own runs beside them."""

import operator
import os
import pathlib
import statistics
from collections.abc import Callable, Sequence

from state_of_sparsity import atomic_write
from state_of_sparsity.analysis import metrics, run_facts
from state_of_sparsity.analysis.markdown import percent, table
from state_of_sparsity.analysis.pareto import interpolate
from state_of_sparsity.analysis.published import (
    figures,
    own_runs,
    study_csv,
    study_files,
    survey,
    survey_figure,
)
from state_of_sparsity.analysis.published.study_resnet50 import RESNET50
from state_of_sparsity.analysis.published.study_transformer import TRANSFORMER
from state_of_sparsity.analysis.words import capital
from state_of_sparsity.table_cells import for_markdown

PAGE, TITLE = "published.md", "# Beside the published:"
PAPERS = {"resnet50": RESNET50, "transformer": TRANSFORMER}
_SURVEY = (
    "Change in top-1 against that of the dense network, as each paper has it; in grey the networks "
    "on ImageNet of Blalock et al., 2020, channels and blocks among them."
)
_METRICS = {"resnet50": "accuracy", "transformer": "bleu"}
# What the study's figures of runs from masks show; the rest stands in the table.
_TICKETS = ("Lottery ticket", "Scratch-E", "Scratch-E, rates stretched, baseline init")
_SCRATCH = (
    *("Scratch-E", "Scratch-B", "Scratch-E, rates stretched, baseline init"),
    *("Scratch-B, rates stretched, baseline init",),
    *("Scratch-B, longer at the last rate, baseline init",),
)


def write(
    name: str,
    csv_dir: str | os.PathLike | None,
    run_dirs: Sequence[pathlib.Path],
    output_dir: pathlib.Path,
    tell: Callable[[str], None] = lambda line: None,
    survey_csv: str | os.PathLike | None = None,
) -> pathlib.Path:
    """Writes `published.md` and its figures, each as PNG, SVG and PDF.

    Args:
        name: `resnet50` or `transformer`.
        csv_dir: the study's own CSV files on it; without them, what the study lists is drawn.
        run_dirs: one's own runs, if any.
        output_dir: the folder to write to; made if need be.
        tell: called with a line on each run that is not counted, and on runs of another task.
        survey_csv: the table of the survey of 81 papers, for `resnet50`; its networks are drawn in
            grey.

    Returns:
        Path of the page.

    Raises:
        ValueError: if the files are not the study's, or no run of several can be used.
    """
    paper = PAPERS[name]
    study = study_csv.read(name, csv_dir) if csv_dir else None
    surveyed = survey.read(survey_csv) if survey_csv else []
    own, metric = own_runs.read(run_dirs, _METRICS[name], tell)
    parts = [f"{TITLE} {paper.model}", _head(paper, study)]
    runs = [run for each in own for run in each.runs]
    if runs:
        parts.append(f"Here: {len(runs)} runs. {for_markdown(run_facts.facts(runs))}")
    if others := own_runs.of_other_tasks(runs, paper):
        tell(others)
        parts.append(for_markdown(others))
    parts += [
        _at_each_sparsity(paper, study, own, metric),
        _figures(paper, study, own, metric, output_dir),
    ]
    if surveyed:
        survey_figure.draw(surveyed, paper, own, metric, output_dir / "published_survey.png")
        parts.append(_figure("The survey of 81 papers", "published_survey", _SURVEY))
    if study:
        parts += [_frontiers(paper, study), _repeats(study), _settings(study)]
    parts += [_later(paper), _sources(paper, study)]
    if study and study.notes:
        notes = "\n".join(f"* {for_markdown(note)}" for note in study.notes)
        parts.append(f"## What is wrong with the study's files\n\n{notes}")
    path = output_dir / PAGE
    atomic_write.write_text(path, "\n\n".join(part for part in parts if part) + "\n")
    return path


def _head(paper, study):
    source = (
        "the CSV files that the study published"
        if study
        else "what the study lists with its checkpoints"
    )
    dense = study.dense if study and study.dense else paper.dense
    return (
        f"{capital(paper.metric)}. The study is Gale, Elsen, Hooker, 'The State of Sparsity in "
        f"Deep Neural Networks', 2019; its numbers are {source}. Dense: "
        f"{statistics.fmean(dense):.2f}, mean of {len(dense)} runs from {min(dense):.2f} to "
        f"{max(dense):.2f}."
    )


def _techniques(paper):
    return list(dict.fromkeys(point.technique for point in paper.study))


def _sparsities(paper):
    return sorted({point.sparsity for point in paper.study})


def _cell(paper, study, technique, sparsity):
    """Returns the best of the files, and what the study lists where that differs."""
    listed = paper.value(technique, sparsity)
    best = study.best(technique, sparsity) if study else None
    if best is None:
        return None if listed is None else f"{listed:.2f}"
    text = f"{best.value:.2f}"
    differs = listed is not None and f"{listed:.2f}" != text  # the study cuts where others round
    return f"{text} (listed: {listed:.2f})" if differs else text


def _at_each_sparsity(paper, study, own, metric):
    sparsities = _sparsities(paper)
    rows = [
        [f"{technique}, the study", *(_cell(paper, study, technique, s) for s in sparsities)]
        for technique in _techniques(paper)
    ]
    factor = metrics.factor(metric) if own else 1.0
    by_mean = sorted(own, key=operator.attrgetter("mean"))  # of several settings the best stays
    for curve in dict.fromkeys(a.curve for a in own if a.technique != "dense"):
        means = {a.target_sparsity: a.mean for a in by_mean if a.curve == curve}
        cells = [f"{means[s] * factor:.2f}" if s in means else None for s in sparsities]
        rows.append([f"{for_markdown(curve)}, here", *cells])
    text = "Of each technique the best configuration within 0.3 % of a sparsity." if study else ""
    if any("listed" in (cell or "") for row in rows for cell in row):
        text += (
            " In brackets what the study lists with its checkpoints, where that is another number."
        )
    header = ["Technique", *(percent(s, 1) for s in sparsities)]
    return f"## The best at each sparsity\n\n{table(header, rows)}\n\n{text}".rstrip()


def _figures(paper, study, own, metric, output_dir):
    from_masks = [a for a in own if a.runs[0].start]
    others = [a for a in own if not a.runs[0].start]
    figures.trade_off(paper, study, others, metric, output_dir / "published_trade_off.png")
    parts = [_figure("Trade-off", "published_trade_off")]
    for title, file, names in (
        ("Training from scratch", "published_scratch", _SCRATCH),
        ("Lottery tickets", "published_tickets", _TICKETS),
    ):
        found = [each for each in study.repeats if each.name in names] if study else []
        if found:
            figures.repeated(paper, found, from_masks, metric, output_dir / f"{file}.png")
            parts.append(_figure(title, file, "Means over runs; bars from worst to best."))
    values = _by_setting(study) if study else {}
    if values:
        figures.sensitivity(paper, values, output_dir / "published_settings.png")
        parts.append(_figure("How much settings matter", "published_settings"))
    if paper.later:
        figures.later(paper, others, metric, output_dir / "published_later.png")
        parts.append(_figure("Later papers", "published_later", "Open marks: as they report it."))
    return "\n\n".join(parts)


def _figure(title, file, text=""):
    formats = f"Also as [SVG]({file}.svg) and [PDF]({file}.pdf). {text}".rstrip()
    return f"## {title}\n\n![{title}]({file}.png)\n\n{formats}"


def _by_setting(study):
    """Returns values of every configuration by sparsity, of techniques that have targets."""
    found = {}
    for technique in ("Magnitude pruning", "Random pruning"):
        values = {
            sparsity: [each.value for each in study.near(technique, sparsity)]
            for sparsity in study_files.SPARSITIES
        }
        values = {sparsity: each for sparsity, each in values.items() if each}
        if values:
            found[technique] = values
    return found


def _frontiers(paper, study):
    sparsities = _sparsities(paper)
    rows = []
    for technique in figures.PENALIZED:
        frontier = study.frontier(technique)
        read = [interpolate(frontier, s) for s in sparsities]
        if frontier:
            rows.append([technique, *(None if v is None else f"{v:.2f}" for v in read)])
    if not rows:
        return ""
    text = (
        "Of the configurations that none beats in sparsity and metric at once, read between two of "
        "them. The study lists the run nearest to a sparsity, which can be far below."
    )
    header = ["Technique", *(percent(s, 1) for s in sparsities)]
    return f"## Penalties: the frontier\n\n{table(header, rows)}\n\n{text}"


def _repeats(study):
    sparsities = sorted({each.sparsity for each in study.repeats})
    rows = []
    for name in dict.fromkeys(each.name for each in study.repeats):
        cells = {each.sparsity: each for each in study.repeats if each.name == name}
        rows.append([name, *(_repeated(cells.get(s)) for s in sparsities)])
    if not rows:
        return ""
    header = ["Run", *(percent(s, 1) for s in sparsities)]
    text = "Mean (sample standard deviation, runs); median / best where there are more than 9 runs."
    return f"## From the masks of pruning\n\n{table(header, rows)}\n\n{text}"


def _repeated(each):
    if each is None:
        return None
    if len(each.values) == 1:
        return f"{each.mean:.2f} (1)"
    text = f"{each.mean:.2f} ({each.std:.2f}, {len(each.values)})"
    if len(each.values) > 9:
        text += f"; {statistics.median(each.values):.2f} / {max(each.values):.2f}"
    return text


def _settings(study):
    rows = [
        [
            technique,
            percent(sparsity, 1),
            len(values),
            *(f"{value:.2f}" for value in figures.five_numbers(values)),
        ]
        for technique, by_sparsity in _by_setting(study).items()
        for sparsity, values in by_sparsity.items()
    ]
    if not rows:
        return ""
    header = ["Technique", "Sparsity", "Configurations", "Worst", "1st quartile", "Median"]
    return f"## Every configuration\n\n{table([*header, '3rd quartile', 'Best'], rows)}"


def _later(paper):
    parts = []
    for title, points in (
        ("Numbers of later papers", paper.later),
        ("Later papers, each of another model, task or metric", paper.nearby),
    ):
        rows = [
            [p.technique, percent(p.sparsity, 2), f"{p.value:g}", p.cost or None, p.source]
            for p in points
        ]
        if rows:
            header = ["Technique", "Sparsity", "Value", "Training and inference", "Source"]
            parts.append(f"## {title}\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def _sources(paper, study):
    rows = []
    for point in paper.study:
        best = study.best(point.technique, point.sparsity) if study else None
        found = (
            [f"{best.value:.2f}", percent(best.sparsity), for_markdown(best.row)]
            if best
            else [None] * 3
        )
        listed = f"{point.value:.2f}"
        rows.append([point.technique, percent(point.sparsity, 1), listed, point.source, *found])
    header = ["Technique", "Sparsity", "Listed", "Source", "Best in the files", "Reached", "Row"]
    return f"## Where the study's numbers stand\n\n{table(header, rows)}"
