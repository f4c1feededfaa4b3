"""Weights that layers share: tied in the model, they are tied in the stripped copy."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import state_of_sparsity as sos

HALF = sos.schedules.ConstantSparsity(0.5, begin_step=0)
WORDS = (np.arange(12).reshape(2, 6) % 10).astype("int32")


def prune(layer):
    return sos.MagnitudePruning(layer, HALF)


@keras.saving.register_keras_serializable(package="ties")
class Tied(layers.Layer):
    """Multiplies by the embeddings of another layer."""

    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.table.embeddings))

    def get_config(self):
        table = keras.saving.serialize_keras_object(self.table)
        return {**super().get_config(), "table": table}

    @classmethod
    def from_config(cls, config):
        table = keras.saving.deserialize_keras_object(config["table"])
        return cls(**{**config, "table": table})


@keras.saving.register_keras_serializable(package="ties")
class Both(Tied):
    """Holds the table in a list, and two layers that hold it too."""

    def __init__(self, table, **kwargs):
        super().__init__(table, **kwargs)
        self.all = [table, Tied(table, name="inner"), layers.Dense(8, name="dense")]

    def call(self, x):
        return self.all[1](self.all[2](x))


class Live(Tied):
    """Has the layer itself in its configuration, and a layer inside that has the table too."""

    def __init__(self, table, inner=None, **kwargs):
        super().__init__(table, **kwargs)
        self.inner = inner or Tied(table, name="inner")

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**layers.Layer.get_config(self), "table": self.table, "inner": self.inner}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def owner_first(kind=Tied):
    words = keras.Input((6,), dtype="int32")
    table = layers.Embedding(10, 8, name="table")
    hidden = layers.Dense(8, name="hidden")(table(words))
    return keras.Model(words, kind(table, name="tied")(hidden))


def reader_first(kind=Tied):
    words, vectors = keras.Input((6,), dtype="int32"), keras.Input((6, 8))
    table = layers.Embedding(10, 8, name="table")
    table.build()
    logits = kind(table, name="tied")(layers.Dense(8, name="hidden")(vectors))
    model = keras.Model([vectors, words], [logits, table(words)])
    return keras.Model(words, model([ops.one_hot(words, 8), words]))


def two_readers():
    words = keras.Input((6,), dtype="int32")
    table = layers.Embedding(10, 8, name="table")
    table.build()
    x = layers.Dense(8, name="hidden")(ops.one_hot(words, 8))
    return keras.Model(words, Tied(table, name="one")(x) + Tied(table, name="two")(x))


def shared_between_models():
    words = keras.Input((6,), dtype="int32")
    table = layers.Embedding(10, 8, name="table")
    encoder = keras.Sequential([keras.Input((6,), dtype="int32"), table], name="encoder")
    vectors = keras.Input((6, 8))
    hidden = layers.Dense(8, name="hidden")(vectors)
    decoder = keras.Model(vectors, Tied(table, name="tied")(hidden), name="decoder")
    return keras.Model(words, decoder(encoder(words)))


@keras.saving.register_keras_serializable(package="ties")
class Subclassed(keras.Model):
    """Gets its layers from outside, so that its configuration names the table twice."""

    def __init__(self, table, tied, **kwargs):
        super().__init__(**kwargs)
        self.table, self.hidden, self.tied = table, layers.Dense(8, name="hidden"), tied

    def call(self, words):
        return self.tied(self.hidden(self.table(words)))

    def get_config(self):
        parts = {"table": self.table, "tied": self.tied}
        saved = {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}
        return {**super().get_config(), **saved}

    @classmethod
    def from_config(cls, config):
        revive = keras.saving.deserialize_keras_object
        parts = {name: revive(config[name]) for name in ("table", "tied")}
        return cls(**{**config, **parts})


def subclassed():
    table = layers.Embedding(10, 8, name="table")
    model = Subclassed(table, Tied(table, name="tied"))
    model(WORDS)
    return model


def subclassed_in_a_graph():
    words = keras.Input((6,), dtype="int32")
    return keras.Model(words, layers.Dense(2, name="hidden_2")(subclassed()(words)))


MODELS = {
    "the owner first": owner_first,
    "a list and a layer inside": lambda: owner_first(Both),
    "the layer in a configuration": lambda: owner_first(Live),
    "the reader first": reader_first,
    "the reader first, the layer in a configuration": lambda: reader_first(Live),
    "two readers, and no owner": two_readers,
    "a layer shared between models": shared_between_models,
    "subclassed": subclassed,
    "subclassed in a graph": subclassed_in_a_graph,
}
HIDDEN = [("hidden", prune)]


def stripped(sparse):
    sos.UpdateSparsity().update(sparse, 0)
    return sparse, sos.strip(sparse)


@pytest.mark.parametrize("name", MODELS)
def test_tied_weights_stay_tied(name):
    sparse, plain = stripped(sos.sparsify(MODELS[name](), HIDDEN))
    masks = sum(np.prod(mask.shape) for mask in sos.masks(sparse).values())
    assert plain.count_params() == sparse.count_params() - masks
    before, after = sos.report(sparse), sos.report(plain)
    assert [(row.path, row.size, row.nonzero) for row in after.layers] == [
        (row.path, row.size, row.nonzero) for row in before.layers
    ]
    flat = keras.tree.flatten
    for found, expected in zip(flat(plain(WORDS)), flat(sparse(WORDS)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert not {id(v) for v in plain.variables} & {id(v) for v in sparse.variables}


def test_the_tie_is_kept_by_training_and_by_saving(tmp_path):
    _, plain = stripped(sos.sparsify(owner_first(), HIDDEN))
    assert plain.get_layer("tied").table is plain.get_layer("table")
    plain.save(tmp_path / "plain.keras")
    assert len(keras.saving.load_model(tmp_path / "plain.keras").weights) == len(plain.weights)


def test_a_kernel_that_is_dense_where_it_is_seen_first_counts_as_sparse():
    sparse = sos.sparsify(owner_first(), [("^table$|hidden", None), ("^tied$", prune)])
    sos.UpdateSparsity().update(sparse, 0)
    assert {path: mask.mean() for path, mask in sos.masks(sparse).items()} == {
        "table/embeddings": 0.5
    }
    rows = {row.path: (row.technique, row.sparsity) for row in sos.report(sparse).layers}
    assert rows == {
        "table/embeddings": ("MagnitudePruning", 0.5),
        "hidden/kernel": ("dense", 0.0),
    }


def test_a_kernel_sparse_in_one_layer_and_dense_in_another_is_copied_twice_with_a_warning():
    sparse = sos.sparsify(owner_first(), [("^table$", None), ("^tied$", prune)])
    sos.UpdateSparsity().update(sparse, 0)
    with pytest.warns(UserWarning, match=r"holds a weight 2 times, in its layers.*'table'"):
        plain = sos.strip(sparse)
    np.testing.assert_allclose(plain(WORDS), sparse(WORDS), rtol=1e-5, atol=1e-6)


class Holding(layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}  # not serialized

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_layer_that_a_configuration_holds_itself_stays_sparse_in_the_model():
    inputs = keras.Input((4,))
    outer = Holding(Holding(layers.Dense(3, name="hidden"), name="inner"), name="outer")
    sparse = sos.sparsify(keras.Model(inputs, outer(inputs)), HIDDEN)
    sos.UpdateSparsity().update(sparse, 0)
    x, masks = np.ones((2, 4), "float32"), sos.masks(sparse)
    outputs = np.asarray(sparse(x))
    plain = sos.strip(sparse)
    assert list(sos.masks(sparse)) == list(masks) == ["outer/inner/hidden/kernel"]
    np.testing.assert_array_equal(np.asarray(sparse(x)), outputs)
    np.testing.assert_allclose(np.asarray(plain(x)), outputs, rtol=1e-6)
    assert sos.report(plain).nonzero == 6


class Reading(layers.Layer):
    """Reads a variable of another layer that it does not hold."""

    def __init__(self, variable, **kwargs):
        super().__init__(**kwargs)
        self.variable = variable

    def call(self, x):
        return x * ops.sum(self.variable)

    def get_config(self):
        return {**super().get_config(), "variable": self.variable}

    @classmethod
    def from_config(cls, config):
        variable = config.pop("variable")
        return cls(keras.Variable(variable.numpy()) if cls.anew else variable, **config)


@pytest.mark.parametrize("anew", [True, False])
def test_what_cannot_be_tied_is_not_untied_in_silence(anew, monkeypatch):
    monkeypatch.setattr(Reading, "anew", anew, raising=False)
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, name="hidden")
    hidden.build((None, 4))
    sparse = keras.Model(inputs, Reading(hidden.kernel)(prune(hidden)(inputs)))
    sos.UpdateSparsity().update(sparse, 0)
    before = hidden.kernel.numpy()
    if anew:
        with pytest.warns(UserWarning, match="holds a weight 2 times"):
            sos.strip(sparse)
    else:
        with pytest.raises(ValueError, match="holds variables of the model itself"):
            sos.strip(sparse)
    np.testing.assert_array_equal(hidden.kernel.numpy(), before)
