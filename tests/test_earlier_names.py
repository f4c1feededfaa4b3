"""Files of models that were saved before our classes had the names they have now.

`tests/saved_before/` holds what the code of commit 1e2a9d4 saved, compressed again: two compiled
models and their optimizers after one step.
"""

import pathlib

import keras
import numpy as np
import pytest

FILES = pathlib.Path(__file__).parent / "saved_before"
IDS = np.array([[3, 4, 1, 0], [5, 6, 2, 1]], "int32")
# Name of the file: its data, and what `evaluate` returned before it was saved.
SAVED = {
    "attention": (
        (IDS, IDS),
        {"loss": 1.913084864616394, "token_accuracy": 0.2857142984867096},
    ),
    "momentum": (
        (np.eye(3, dtype="float32"), np.array([0, 1, 1])),
        {"loss": 1.1138745546340942, "accuracy": 0.0},
    ),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_compiled_model_goes_on(name, tmp_path):
    (x, y), expected = SAVED[name]
    model = keras.saving.load_model(FILES / f"{name}.keras")
    found = model.evaluate(x, y, return_dict=True, verbose=0)
    # The metric has the name that it was saved with.
    found = {key.replace("word_", "token_"): value for key, value in found.items()}
    assert found == pytest.approx(expected, rel=1e-5)
    assert int(model.optimizer.iterations) == 1
    model.fit(x, y, verbose=0)

    model.save(tmp_path / "again.keras")
    again = keras.saving.load_model(tmp_path / "again.keras")
    for kind in ("loss", "optimizer"):
        assert type(getattr(again, kind)) is type(getattr(model, kind))
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
