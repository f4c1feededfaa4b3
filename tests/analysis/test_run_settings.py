import pytest

from state_of_sparsity.analysis import run_settings


@pytest.mark.parametrize("name", ["SEED", "seed", "a.B.seed", "scope/a.B.seed", "DATA_SEED"])
def test_runs_that_differ_in_a_seed_have_one_hash(name):
    settings = {"STEPS": 10, "x": [1, {"y": 2}]}
    assert run_settings.without_seeds({**settings, name: 1}) == settings
    hashes = {run_settings.config_hash({**settings, name: seed}) for seed in (0, 1, "%SEED")}
    assert hashes == {run_settings.config_hash(settings)}


@pytest.mark.parametrize("name", ["STEPS", "SEEDS", "seed.kind", "a.seeded"])
def test_runs_that_differ_in_anything_else_do_not(name):
    first, second = ({name: value} for value in (1, 2))
    assert run_settings.config_hash(first) != run_settings.config_hash(second)


def test_the_order_of_settings_does_not_matter():
    assert run_settings.config_hash({"a": 1, "b": 2}) == run_settings.config_hash({"b": 2, "a": 1})


def test_differences_are_what_not_all_have():
    settings = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1, "c": None}]
    found = [run_settings.differences(each, settings) for each in settings]
    assert found == [{"b": 1}, {"b": 2}, {"b": 1, "c": None}]
    assert run_settings.in_words({"b": 0.5, "a": "%X", "c": [1]}) == "a = %X, b = 0.5, c = [1]"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("# A = 1\nA = 1\nb.c = %A\n", {"A": 1, "b.c": "%A"}),
        ("A = \\\n    'long'\nB = (1,\n     2)\n", {"A": "long", "B": [1, 2]}),
        ("A = 1e999\nB = " + "(" * 5000 + "\nC = \x00\n", {"A": "1e999", "B": "(" * 5000, "C": ""}),
    ],
)
def test_settings_of_older_runs_are_read_from_their_text(text, settings):
    found = run_settings.of_gin_text(text)
    assert found == {**settings, **({"C": found["C"]} if "C" in settings else {})}
