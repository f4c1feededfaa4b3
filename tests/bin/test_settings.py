"""A parsed configuration as data."""

import json

from state_of_sparsity.analysis.run_settings import config_hash
from state_of_sparsity.bin import gin_app, settings

PRUNING = "quickstart/magnitude_pruning.gin"


def given(*bindings, gin_file=PRUNING, **options):
    gin_app.parse([gin_file], ["SPARSITY = 0.9", *bindings], **options)
    return settings.of_parsed()


def test_settings_are_json_values_by_name():
    found = given("STEPS = 50", "lenet.lenet_300_100.input_shape = (8, 8, 1)")
    assert found["STEPS"] == 50 and found["SPARSITY"] == 0.9 and found["JIT_COMPILE"] == "auto"
    assert found["lenet.lenet_300_100.input_shape"] == [8, 8, 1]
    assert found["keras.losses.SparseCategoricalCrossentropy.from_logits"] is True
    assert found["experiment.Experiment.optimizer"] == "@keras.optimizers.Adam"
    assert found["experiment.Experiment.data"] == "@digits.Digits()"
    assert found["experiment.Experiment.steps"] == "%STEPS"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_references_inside_of_lists_and_dicts_are_text():
    found = given("Experiment.rules = [('a', None), ('b', @sos.MagnitudePruning)]")
    assert found["experiment.Experiment.rules"] == [["a", None], ["b", "@sos.MagnitudePruning"]]
    found = given("Experiment.callbacks = {1: (@digits.Digits(), 2.5, %STEPS)}")
    assert found["experiment.Experiment.callbacks"] == {"1": ["@digits.Digits()", 2.5, "%STEPS"]}


def test_bindings_in_a_scope_are_named_by_it():
    found = given("train/digits.Digits.batch_size = 3", "Experiment.data = @train/digits.Digits()")
    assert found["train/digits.Digits.batch_size"] == 3
    assert found["experiment.Experiment.data"] == "@train/digits.Digits()"


def test_places_are_no_settings_and_ways_to_say_the_same_are_equal(tmp_path):
    base = given(gin_file="cifar10/magnitude_pruning.gin", data_dir="/a")
    assert "DATA_DIR" not in base
    assert base["cifar10.Cifar10.data_dir"] == "%DATA_DIR"
    assert base == given(gin_file="cifar10/magnitude_pruning.gin", data_dir=str(tmp_path))
    assert given("STEPS = 5") == given("STEPS = 6", "STEPS = 5")


def test_a_hash_is_one_for_all_seeds_and_another_for_other_settings():
    hashes = [config_hash(given(b)) for b in ("SEED = 0", "SEED = 7", "Adam.beta_1 = 0.8")]
    assert hashes[0] == hashes[1] != hashes[2]
