"""Rule lists of any kind on nested models: the first match wins, or our own `ValueError`."""

import re
import warnings

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import state_of_sparsity as sos

SCHEDULE = sos.schedules.ConstantSparsity(0.5, begin_step=0)
NAMES = ["a", "b", "ab", "a_1", "head", "kernel_b"]


@st.composite
def models(draw, depth=2):
    """A `Sequential` of dense layers, layers without kernels, and models of the same kind."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    kinds = ["dense", "dense", "dropout", "model"][: 4 if depth else 3]
    layers = []
    for name in names:
        kind = draw(st.sampled_from(kinds))
        if kind == "model":
            layers.append(draw(models(depth=depth - 1)).named(name))
        else:
            layers.append(Plan(kind, name))
    return Plan("model", "top", layers)


class Plan:
    """A model to be: hypothesis prints and shrinks it; `build` makes it."""

    def __init__(self, kind, name, layers=()):
        self.kind, self.name, self.layers = kind, name, layers

    def __repr__(self):
        return f"{self.kind} {self.name}" + (f" {list(self.layers)}" if self.layers else "")

    def named(self, name):
        return Plan(self.kind, name, self.layers)

    def build(self):
        if self.kind == "dense":
            return keras.layers.Dense(2, name=self.name)
        if self.kind == "dropout":
            return keras.layers.Dropout(0.5, name=self.name)
        layers = [layer.build() for layer in self.layers]
        return keras.Sequential([keras.Input((2,)), *layers], name=self.name)

    def kernels(self, prefix=""):
        """Returns the paths of the dense layers in order."""
        found = []
        for layer in self.layers:
            path = prefix + layer.name
            found += [path] if layer.kind == "dense" else layer.kernels(f"{path}/")
        return found


PATTERNS = st.one_of(
    st.sampled_from(["", ".*", "a", "^a", "b$", "a|b", "/", "^[^/]+$", "head", "nowhere"]),
    st.sampled_from(["a/kernel", "kernel", "^head/kernel$", "(?i)A", "(", "[", "*", "a{2,1}"]),
    st.sampled_from(["a{99999999999}", "(?P<x>a)(?P<x>b)", "(?<=a*)b", "\\", "(" * 200]),
    st.text("ab/_^$.*+?[](){}|\\1", max_size=6),
    st.sampled_from([None, 3, b"a", re.compile("a"), re.compile(b"a"), [], ("a",)]),
)
MAKERS = {
    "magnitude": lambda layer: sos.MagnitudePruning(layer, SCHEDULE),
    "l0": lambda layer: sos.L0Regularization(layer, 0.1),
    "dense": None,
    "declines": lambda layer: None,
}
RULES = st.lists(st.tuples(PATTERNS, st.sampled_from(list(MAKERS))), max_size=4)


def searches(pattern, path):
    """Whether a rule matches a layer: its path, or its kernel's where the rule spells that."""
    return re.search(pattern, path) or (
        "kernel" in getattr(pattern, "pattern", pattern) and re.search(pattern, f"{path}/kernel")
    )


def expected_techniques(rules, paths):
    """Returns `{path: technique}` and whether a rule decides nothing; None where it is an error."""
    if not rules or not paths:
        return None
    try:
        matches = [[bool(searches(pattern, path)) for path in paths] for pattern, _ in rules]
    except (re.error, TypeError, OverflowError, RecursionError):
        return None
    if not all(any(row) for row in matches):
        return None
    first = [next((i for i, row in enumerate(matches) if row[k]), None) for k in range(len(paths))]
    chosen = {path: rules[i][1] for path, i in zip(paths, first, strict=True) if i is not None}
    return chosen, any(i not in first for i in range(len(rules)))


TYPES = {"magnitude": sos.MagnitudePruning, "l0": sos.L0Regularization}


@settings(max_examples=settings().max_examples // 2)
@given(plan=models(), rules=RULES)
def test_the_first_match_wins(plan, rules):
    expected = expected_techniques(rules, plan.kernels())
    model = plan.build()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            sparse = sos.sparsify(model, [(pattern, MAKERS[name]) for pattern, name in rules])
        except ValueError as error:
            assert "`rules`" in str(error) or "`model`" in str(error), error
            assert expected is None, error
            return
    assert expected is not None
    techniques, shadowed = expected
    wrapped = {path: type(layer) for path, layer in sos.sparse_layers(sparse).items()}
    assert wrapped == {path: TYPES[name] for path, name in techniques.items() if name in TYPES}
    assert any("decides nothing" in str(warning.message) for warning in caught) == shadowed


NO_RULES = st.one_of(
    st.none(),
    st.integers(),
    st.text("ab", max_size=3),
    st.binary(max_size=2),
    st.just({"a": None}),
    st.lists(st.text("ab", max_size=3) | st.integers() | st.none(), max_size=2),
    st.lists(st.tuples(st.just("a")), min_size=1, max_size=2),
    st.lists(st.tuples(st.just(""), st.integers() | st.text("a") | st.just(SCHEDULE)), min_size=1),
    st.just(SCHEDULE),
    st.sampled_from([lambda layer: 3, lambda layer: layer, lambda layer: MAKERS]),
    st.just([("", lambda layer: sos.MagnitudePruning(keras.layers.Dense(1), SCHEDULE))]),
)


@given(rules=NO_RULES)
def test_what_is_no_rule_is_a_clear_error(rules):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match=r"`rules`.*Received"):
        sos.sparsify(model, rules)
