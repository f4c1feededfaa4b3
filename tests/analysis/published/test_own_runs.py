"""Runs of another task than a paper's are drawn beside it, and a line says so."""

import json

import pytest

from state_of_sparsity.analysis import results
from state_of_sparsity.analysis.published import own_runs, page
from state_of_sparsity.analysis.published.page import PAPERS

CIFAR = {"model": "vgg7", "data_set": "cifar10"}
IMAGENET = {"model": "resnet50", "data_set": "image_net"}
BESIDE = "are drawn beside numbers for ImageNet, ResNet-50: how high a curve lies cannot be"


def told(paper, paths):
    return own_runs.of_other_tasks(results.read_runs(paths)[0], PAPERS[paper])


@pytest.mark.parametrize(
    ("tasks", "named"),
    [
        ([CIFAR], "CIFAR-10, VGG-7"),
        ([CIFAR, IMAGENET, {**CIFAR, "model": "my\nown"}], "CIFAR-10, VGG-7 and CIFAR-10, my own"),
        ([{"model": "resnet50"}, {"data_set": "oxford_flowers102"}], "oxford flowers102"),
    ],
)
def test_runs_of_another_task_are_told_in_a_line(make_run, tasks, named):
    line = told("resnet50", [make_run("dense", None, 0.7, i, **t) for i, t in enumerate(tasks)])
    assert line.startswith(f"Runs of {named} {BESIDE}") and "\n" not in line


@pytest.mark.parametrize("task", [IMAGENET, {"model": "resnet50"}, {"data_set": "image_net"}, {}])
def test_of_runs_of_the_papers_task_nothing_is_told(make_run, task):
    assert told("resnet50", [make_run("dense", None, 0.75, 0, **task)]) == ""


@pytest.mark.parametrize(
    ("data_set", "line"),
    [
        (
            "translation",
            "Runs of sentence pairs, transformer base are drawn beside numbers for WMT14 English "
            "to German, transformer base: how high",
        ),
        ("wmt14_translate_en_de", ""),
    ],
)
def test_which_sentence_pairs_are_the_papers(make_run, data_set, line):
    run = make_run("dense", None, 0.5, 0, model="transformer_base", data_set=data_set)
    found = told("transformer", [run])
    assert found.startswith(line) and bool(found) == bool(line)


def test_the_page_and_the_terminal_have_the_line(tmp_path, make_run):
    runs = [make_run("magnitude_pruning", 0.5, 0.75, seed, **CIFAR) for seed in (0, 1)]
    lines = []
    text = page.write("resnet50", None, runs, tmp_path / "out", lines.append).read_text()
    (line,) = lines
    assert BESIDE in line and f"\n\n{line}\n\n" in text
    assert "| Magnitude pruning, here |" in text.replace(" (n=2)", "")


def test_a_metric_may_not_be_another(make_run):
    run = make_run("dense", None, 0.5, 0)
    result = json.loads((run / "result.json").read_text())
    result["bleu"] = result.pop("accuracy")
    (run / "result.json").write_text(json.dumps(result))
    own, metric = own_runs.read([run], "bleu", print)
    assert (len(own), metric) == (1, "bleu")
    with pytest.raises(ValueError, match=r"metric is accuracy, as the paper's. Received: runs wi"):
        own_runs.read([run], "accuracy", print)


def test_runs_judged_by_several_guesses_are_not_taken_for_the_papers(make_run):
    path = make_run("dense", None, 0.9, 0)
    result = json.loads((path / "result.json").read_text())
    result["top_5_accuracy"] = result.pop("accuracy")
    (path / "result.json").write_text(json.dumps(result))
    with pytest.raises(ValueError, match="Received: runs with 'top_5_accuracy'"):
        own_runs.read([path], "accuracy", print)
