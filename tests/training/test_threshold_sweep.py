import functools

import pytest

import state_of_sparsity as sos
from state_of_sparsity.training.evaluate import evaluate
from state_of_sparsity.training.runs.run_dir import RunDir
from state_of_sparsity.training.threshold_sweep import threshold_sweep
from state_of_sparsity.training.train import train
from tests.training.experiments import small_experiment

# Log alpha of a few steps is far below 3: these drop from a few weights to nearly all.
OWN = -5.0
THRESHOLDS = [-7.0, -6.0, OWN, -2.0]
RULES = [
    ("logits", functools.partial(sos.MagnitudePruning, schedule=lambda step: (step == 1, 0.5))),
    ("", functools.partial(sos.VariationalDropout, kl_weight=0.01, threshold=OWN)),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Returns (experiment, trained model, result) of variational dropout beside pruning."""
    experiment = small_experiment(rules=RULES)
    model = experiment.build()
    run_dir = RunDir(tmp_path_factory.mktemp("run"))
    run_dir.start("the configuration")
    return experiment, model, train(experiment, model, run_dir, verbose=False)


def sweep(experiment, model, thresholds):
    batches = experiment.data.test()
    return threshold_sweep(model, thresholds, batches, experiment.loss, experiment.metrics)


def test_the_threshold_of_training_gives_the_result_of_the_run(trained):
    experiment, model, result = trained
    assert 0.5 < result["sparsity"] < 1
    (row,) = sweep(experiment, model, [OWN])
    assert row == {"threshold": OWN, **{name: result[name] for name in row if name in result}}
    counts = {"sparsity", "nonzero", "sparse_multiply_adds"}
    assert set(row) == {"threshold", *counts, "loss", "accuracy"}


def test_every_row_is_what_a_model_of_that_threshold_gives(trained):
    experiment, model, _ = trained
    rows = list(sweep(experiment, model, THRESHOLDS))
    wrapper = sos.sparse_layers(model)["hidden"]
    assert [row["threshold"] for row in rows] == THRESHOLDS
    try:
        for row in rows:
            wrapper.threshold = row["threshold"]
            stripped = sos.strip(model)
            counts = sos.report(stripped)
            assert row["nonzero"] == counts.nonzero
            assert row["sparse_multiply_adds"] == counts.sparse_multiply_adds
            test = experiment.data.test()
            found = evaluate(stripped, test, experiment.loss, experiment.metrics)
            assert found == {name: row[name] for name in found}
    finally:
        wrapper.threshold = OWN
    sparsities = [row["sparsity"] for row in rows]
    assert sparsities == sorted(sparsities, reverse=True) and len(set(sparsities)) == 4
    assert len({row["loss"] for row in rows}) == 4


def test_multiply_adds_that_are_not_known_are_left_out(trained, monkeypatch):
    experiment, model, _ = trained
    monkeypatch.setattr(type(sos.report(model)), "sparse_multiply_adds", None)
    (row,) = sweep(experiment, model, [OWN])
    assert "sparse_multiply_adds" not in row and "nonzero" in row


@pytest.mark.parametrize("ended_early", [False, True])
def test_the_model_is_as_before(trained, ended_early):
    experiment, model, result = trained
    rows = sweep(experiment, model, [0.0, -7.0])
    next(rows)
    rows.close() if ended_early else list(rows)
    assert sos.sparse_layers(model)["hidden"].threshold == OWN
    assert sos.report(model).nonzero == result["nonzero"]


def test_a_model_without_variational_dropout_is_refused_at_once():
    experiment = small_experiment("magnitude_pruning")
    with pytest.raises(ValueError, match=r"`thresholds` .*Received: a model with MagnitudePruning"):
        sweep(experiment, experiment.build(), [0.0])
    experiment = small_experiment()
    with pytest.raises(ValueError, match="a model with no sparse layers"):
        sweep(experiment, experiment.build(), [0.0])
