"""What gin keeps to itself is what our programs take it for."""

import io

import gin
import pytest
from gin import config_parser

from state_of_sparsity.bin import gin_app, gin_internals

MACRO = ("STEPS", "gin.macro")


@pytest.fixture
def parsed():
    gin_app.parse(["quickstart/dense.gin"], ["STEPS = 7"])


def test_what_is_bound_by_scope_and_selector(parsed):
    assert gin_internals.bindings()[MACRO] == {"value": 7}
    bound = {selector for _, selector in gin_internals.bindings()}
    assert bound <= set(gin_internals.selectors())
    experiment = "state_of_sparsity.training.experiment.Experiment"
    assert gin_internals.configurable(experiment).wrapped.__name__ == "Experiment"
    assert gin_internals.configurables_named("Experiment")[0].selector == experiment


def test_what_is_imported(parsed):
    assert {"keras", "state_of_sparsity.training.experiment"} <= gin_internals.imported()


def test_what_was_called(parsed):
    before = gin_internals.called()
    digits = "state_of_sparsity.data.images.digits.Digits"
    gin.get_configurable(digits)()
    assert ("", digits) in set(gin_internals.called()) - set(before)


def test_what_gin_was_calling_when_an_error_rose(parsed):
    def made_up(steps):
        raise TypeError

    with gin.unlock_config(), pytest.raises(TypeError) as raised:
        gin.external_configurable(made_up, module="ours")(3)
    selectors = [gin_internals.selector_called(entry.frame.raw) for entry in raised.traceback]
    assert "ours.made_up" in selectors and None in selectors


def test_names_are_those_of_the_text(parsed):
    with gin_internals.naming() as name_of:
        assert name_of("state_of_sparsity.data.images.digits.Digits") == "digits.Digits"


def test_a_constant_is_told_from_another_reference():
    gin_app.parse(["quickstart/dense.gin"], [])
    references = gin.config.iterate_references(gin_internals.bindings())
    assert not any(map(gin_internals.is_constant, references))
    with gin.unlock_config(), gin_internals.parsing():
        gin.parse_config("mine/macro.value = %gin.REQUIRED")
    (required,) = gin.config.iterate_references(gin_internals.bindings()[("mine", "gin.macro")])
    assert gin_internals.is_constant(required)


def test_lines_in_which_statements_begin():
    text = "# One\n\nA = [1,\n  2]\nmine.block:\n  a = 1\n  b = 2\n"
    parser, lines = config_parser.ConfigParser(io.StringIO(text), gin.config.ParserDelegate()), []
    lines.append(gin_internals.begin_of_next(parser))
    while parser.parse_statement() is not None:
        lines.append(gin_internals.begin_of_next(parser))
    assert lines[:2] == [3, 5] and None in lines


def test_an_unknown_object_is_refused_in_gins_words():
    with pytest.raises(ValueError, match=r"No configurable matching 'no\.such'"):
        gin_internals.refuse_unknown("no.such")


def test_gin_files_are_found_by_readers_that_can_read_them(parsed):
    modules = [reader.__module__ for reader, _ in gin_internals.file_readers()]
    assert modules and "gin.resource_reader" not in modules
    assert str(gin_app.gin_configs()) in gin_internals.search_path()
