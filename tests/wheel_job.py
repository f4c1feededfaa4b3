"""What `test_wheel.py` runs where Keras, JAX and the wheel are installed and nothing else is.

For every technique: sparsify, fit, report, strip, save, load. Prints its name and sparsity.
"""

import importlib.util
import inspect

import keras
import numpy as np

import state_of_sparsity as sos

NOT_HERE = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "gin", "matplotlib", "wrapt")
X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
Y = X[:, :1]


def techniques():
    """Yields every public technique and a rule for it."""
    schedule = sos.schedules.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, frequency=2)
    for name in sos.__all__:
        technique = getattr(sos, name)
        if not (inspect.isclass(technique) and issubclass(technique, sos.SparseWrapper)):
            continue
        what = list(inspect.signature(technique).parameters)[1]
        if technique in (sos.SparseWrapper, sos.ScheduledMask):
            continue
        if what == "mask":
            yield name, lambda layer: sos.FixedMask(layer, layer.kernel.numpy() > 0)
        elif what == "schedule":
            more = {"backward_sparsity": 0.25} if technique is sos.TopKAST else {}
            yield name, lambda layer, kind=technique, more=more: kind(layer, schedule, **more)
        else:  # the weight of a penalty
            yield name, lambda layer, kind=technique: kind(layer, 1e-2)


def run(name, rule):
    """Trains a small model sparse, and what is left of it when it is saved and loaded again."""
    layers = [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
    sparse = sos.sparsify(keras.Sequential(layers), rule)
    if name == "Wanda":
        sos.observe(sparse, [(X, Y)])
    sparse.compile("adam", "mse")
    history = sparse.fit(X, Y, epochs=5, verbose=0, callbacks=[sos.UpdateSparsity()]).history
    assert np.isfinite(history["loss"]).all()
    report = sos.report(sparse)
    assert str(report) and report.size == 144
    expected = sparse.predict(X, verbose=0)
    sparse.save(f"{name}.keras")
    plain = sos.strip(sparse)
    plain.save(f"{name}_plain.keras")
    for path in (f"{name}.keras", f"{name}_plain.keras"):
        loaded = keras.saving.load_model(path)
        np.testing.assert_allclose(loaded.predict(X, verbose=0), expected, atol=1e-6)
        assert sos.report(loaded).nonzero == report.nonzero
    print(f"{name}  sparsity {report.sparsity:.3f}", flush=True)


if __name__ == "__main__":
    assert keras.backend.backend() == "jax"
    assert [name for name in NOT_HERE if importlib.util.find_spec(name)] == []
    for technique, rule in techniques():
        run(technique, rule)
