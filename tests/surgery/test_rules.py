"""Rules of `sparsify`: who decides, and every slip that has to be an error."""

import re

import keras
import numpy as np
import pytest
from keras import layers

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0, frequency=1)
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


def fixed(layer):
    return sos.FixedMask(layer, np.ones(layer.kernel.shape))


def model():
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="dense"), layers.ReLU(name="relu")], name="body"
    )
    return keras.Sequential(
        [keras.Input((6,)), inner, layers.Dense(4, name="dense"), layers.Dense(3, name="head")]
    )


def kinds(sparse):
    return {path: type(layer) for path, layer in sos.sparse_layers(sparse).items()}


PRUNED, FIXED = sos.MagnitudePruning, sos.FixedMask


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (prune, {"body/dense": PRUNED, "dense": PRUNED, "head": PRUNED}),
        ([("", prune)], {"body/dense": PRUNED, "dense": PRUNED, "head": PRUNED}),
        # the first match decides
        (
            [("head", fixed), (".*", prune)],
            {"body/dense": PRUNED, "dense": PRUNED, "head": FIXED},
        ),
        # None leaves a layer dense, and so does a list that does not match
        ([("^head$", None), (".*", prune)], {"body/dense": PRUNED, "dense": PRUNED}),
        ([("body", prune)], {"body/dense": PRUNED}),
        # `re.search` on the path: anchors and alternatives
        ([("^dense$", prune)], {"dense": PRUNED}),
        ([("^(head|body/dense)$", prune)], {"body/dense": PRUNED, "head": PRUNED}),
        # a kernel as reports name it
        ([("^dense/kernel$", prune)], {"dense": PRUNED}),
        ([("dense/kernel", prune)], {"body/dense": PRUNED, "dense": PRUNED}),
        # compiled expressions, and pairs in a tuple
        (((re.compile("HEAD", re.IGNORECASE), prune),), {"head": PRUNED}),
        # a callable that returns None leaves the layer dense
        (
            lambda layer: prune(layer) if layer.units < 5 else None,
            {"dense": PRUNED, "head": PRUNED},
        ),
    ],
)
def test_which_layers_are_made_sparse(rules, expected):
    plain = model()
    sparse = sos.sparsify(plain, rules)
    assert kinds(sparse) == expected
    np.testing.assert_allclose(sparse(X).numpy(), plain(X).numpy(), rtol=1e-6)


def test_a_negative_lookahead_excludes_what_it_says():
    sparse = sos.sparsify(model(), [("^(?!head)", prune)])
    assert list(kinds(sparse)) == ["body/dense", "dense"]


def test_a_rule_for_a_kernel_is_asked_once_a_layer():
    asked = []

    def rule(layer):
        asked.append(layer.name)
        return prune(layer)

    sos.sparsify(model(), [("kernel", rule)])
    assert asked == ["dense", "dense", "head"]


def test_sparsity_by_layer():
    def rule(sparsity):
        schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0)
        return lambda layer: sos.MagnitudePruning(layer, schedule)

    sparse = sos.sparsify(model(), [("body", rule(0.8)), ("head", None), ("", rule(0.3))])
    sos.UpdateSparsity().update(sparse, 0)
    zeros = {path: int((~mask).sum()) for path, mask in sos.masks(sparse).items()}
    assert zeros == {"body/dense/kernel": 24, "dense/kernel": 6}


def test_a_rule_that_matches_nothing_shows_the_names_there_are():
    with pytest.raises(ValueError) as caught:
        sos.sparsify(model(), [("dense", prune), ("conv", prune)])
    message = str(caught.value)
    assert "`rules`" in message and "'conv'" in message
    for path in ("body/dense", "dense", "head"):
        assert f"'{path}'" in message


def test_a_rule_that_matches_only_a_layer_without_a_kernel_says_so():
    with pytest.raises(ValueError, match=r"'relu'.*body/relu.*no kernel"):
        sos.sparsify(model(), [("relu", prune)])


def test_none_that_matches_nothing_is_an_error_too():
    with pytest.raises(ValueError, match=r"`rules` must match.*'headd'"):
        sos.sparsify(model(), [("headd", None), ("", prune)])


def test_nothing_is_changed_by_a_call_that_fails():
    plain = model()
    before = plain(X).numpy()
    with pytest.raises(ValueError, match="`rules`"):
        sos.sparsify(plain, [("dense", prune), ("conv", prune)])
    assert sos.sparse_layers(plain) == {}
    np.testing.assert_array_equal(plain(X).numpy(), before)
    assert len(kinds(sos.sparsify(plain, prune))) == 3


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(5, name="first"), layers.Dense(3, name="second")

    def call(self, x):
        return self.second(self.first(x))


@pytest.mark.parametrize(
    "rules",
    [[("first", prune), ("typo", prune)], [("first", prune), ("second", lambda layer: 3)]],
)
def test_a_subclassed_model_is_unchanged_by_a_call_that_fails(rules):
    plain = Subclassed()
    plain(X)
    with pytest.raises(ValueError, match="`rules`"):
        sos.sparsify(plain, rules)
    assert sos.sparse_layers(plain) == {}
    assert len(kinds(sos.sparsify(plain, prune))) == 2  # and the mended call works


def test_a_shadowed_rule_warns():
    with pytest.warns(UserWarning, match=r"'head' decides nothing.*first match wins") as caught:
        sparse = sos.sparsify(model(), [(".*", prune), ("head", None)])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert len(kinds(sparse)) == 3


@pytest.mark.parametrize(
    "garbage",
    [
        lambda layer: "pruned",
        lambda layer: layer,
        lambda layer: prune,
        lambda layer: prune(layers.Dense(3)),
        lambda layer: layers.TimeDistributed(layer),
        lambda layer: True,
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_callable_that_returns_anything_else_is_an_error(garbage, listed):
    with pytest.raises(ValueError, match=r"`rules` must return a sparse wrapper.*'body/dense'"):
        sos.sparsify(model(), [("", garbage)] if listed else garbage)


@pytest.mark.parametrize(
    ("rules", "received"),
    [
        ([], r"\[\]"),
        (None, "None"),
        (0.5, "0.5"),
        ("dense", "'dense'"),
        ([prune], "function"),
        ([("dense",)], "dense"),
        ([("dense", prune, None)], "dense"),
        ([("dense", 0.5)], "0.5"),
        ([("dense(", prune)], r"dense\("),
        ([(3, prune)], "3"),
        (HALF, "ConstantSparsity"),
    ],
)
def test_rules_of_another_form_are_an_error(rules, received):
    with pytest.raises(ValueError, match=f"`rules` .*{received}"):
        sos.sparsify(model(), rules)


def test_an_error_inside_a_callable_comes_through():
    with pytest.raises(ValueError, match="`target_sparsity`"):
        sos.sparsify(
            model(),
            lambda layer: sos.MagnitudePruning(layer, sos.schedules.ConstantSparsity(1.5, 0)),
        )


def test_a_model_in_which_every_rule_says_none_is_left_as_it_is():
    plain = model()
    sparse = sos.sparsify(plain, [("", None)])
    assert sos.sparse_layers(sparse) == {}
    np.testing.assert_array_equal(sparse(X).numpy(), plain(X).numpy())


def test_a_rule_cannot_name_one_kernel_of_several():
    recurrent = keras.Sequential([keras.Input((3, 6)), layers.LSTM(4, name="lstm")])
    for make in (prune, None):
        with pytest.raises(ValueError, match=r"`rules` act on layers.*kernels="):
            sos.sparsify(recurrent, [("lstm_cell/recurrent_kernel", make), ("", prune)])


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Dense(6, name="inner")
        self.other = layers.Dense(6, name="other")

    def call(self, x):
        return self.other(self.inner(x))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("block/inner", prune), ("", None)], ["block/inner"]),
        ([("block/inner", None), ("", prune)], ["block/other", "head"]),
        ([("", prune), ("block/inner", None)], ["block/inner", "block/other", "head"]),
        ([("^block$", None), ("", prune)], ["head"]),
    ],
)
@pytest.mark.filterwarnings("ignore:`rules`")
def test_rules_reach_into_a_block(rules, expected):
    plain = keras.Sequential([keras.Input((6,)), Block(name="block"), layers.Dense(2, name="head")])
    assert list(sos.sparse_layers(sos.sparsify(plain, rules))) == expected


def test_a_schedule_in_a_list_is_no_rule():
    with pytest.raises(ValueError, match="`rules` must be"):
        sos.sparsify(model(), [("", HALF)])


def test_a_callable_that_returns_nothing_for_every_layer_is_warned_of():
    def without_return(layer):
        prune(layer)

    with pytest.warns(UserWarning, match=r"`rules` returned None for every layer.*return its"):
        sos.sparsify(model(), without_return)
    sos.sparsify(model(), lambda layer: prune(layer) if layer.name == "head" else None)
