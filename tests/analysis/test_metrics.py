"""Runs are judged by a metric of which more is better."""

import pathlib

import pytest

from state_of_sparsity.analysis import interpolation, metrics, run_report
from state_of_sparsity.analysis.results import Run


def runs(**found):
    return [Run(pathlib.Path("run"), {"technique": "dense", "sparsity": 0.0, **found})]


def test_errors_are_passed_over():
    found = runs(mean_absolute_error=0.1, root_mean_squared_error=0.2, val_r2_score=1, r2_score=0.9)
    assert metrics.metric_of(found) == "r2_score"


@pytest.mark.parametrize(
    "name", ["loss", "mae", "mean_squared_error", "perplexity", "binary_crossentropy", "test_wer"]
)
def test_of_errors_alone_nothing_is_ranked(name, tmp_path, make_run):
    assert metrics.is_less_better(name)
    with pytest.raises(ValueError, match=r"of which more is better.*r2_score"):
        metrics.metric_of(runs(**{name: 0.1}))
    path = make_run("dense", None, 0.9, 0)
    with pytest.raises(ValueError, match="`metric` must be one of which more is better"):
        run_report.write_report([path], tmp_path / "report", metric=name)


@pytest.mark.parametrize("name", ["accuracy", "bleu", "r2_score", "cosine_similarity", "auc"])
def test_of_others_more_is_better(name):
    assert metrics.metric_of(runs(**{name: 0.1})) == name


@pytest.mark.parametrize("name", ["MSE", "ce", "kld", "logcosh", "false_positives"])
def test_errors_are_known_by_other_names(name):
    assert metrics.metric_of(runs(**{name: 0.1, "r2_score": 0.5})) == "r2_score"


@pytest.mark.parametrize("name", ["sparse_top_k_categorical_accuracy", "top5_accuracy", "top_10"])
def test_one_guess_comes_before_several(name):
    assert metrics.metric_of(runs(**{name: 0.9, "accuracy": 0.5})) == "accuracy"
    assert metrics.metric_of(runs(**{name: 0.9})) == name
    found = interpolation.with_error({name: 0.9, "accuracy": 0.75})
    assert found["error"] == 0.25 and interpolation.with_error({name: 0.9})["error"] is None
