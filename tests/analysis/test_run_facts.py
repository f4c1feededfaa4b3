import pathlib

from state_of_sparsity.analysis import run_facts
from state_of_sparsity.analysis.results import Run


def runs(*results):
    return [Run(pathlib.Path(str(i)), result) for i, result in enumerate(results)]


ONE = {"data_set": "mnist", "model": "lenet_5", "optimizer": "Adam", "learning_rate": 0.0005}


def test_facts_are_told_once_in_words():
    found = runs({**ONE, "seed": 1, "steps": 18000}, {**ONE, "seed": 0, "batch_size": 64})
    assert run_facts.facts(found) == (
        "Data set: MNIST. Model: LeNet-5. Optimizer: Adam. Peak learning rate: 0.0005. "
        "Batch size: 64. Optimizer steps: 18,000. Seeds: 0, 1."
    )
    assert (
        run_facts.title(found) == "MNIST, LeNet-5, Adam, peak learning rate 0.0005, batch size 64"
    )


def test_several_values_are_told_and_many_are_counted():
    found = runs(*({**ONE, "learning_rate": rate} for rate in (0.1, 0.2)), {"batch_size": 64})
    assert "peak learning rate 0.1 or 0.2, batch size 64" in run_facts.title(found)
    assert run_facts.differing(found, ["learning_rate", "seed"]) == ["learning_rate"]
    many = runs(*({"learning_rate": rate / 10} for rate in range(5)))
    assert run_facts.title(many) == "5 learning rates"


def test_older_runs_tell_nothing():
    assert run_facts.facts(runs({})) == run_facts.title(runs({})) == ""
    assert run_facts.shown(runs({})[0], "model") is None
