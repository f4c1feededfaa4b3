import keras
import numpy as np
import pytest

from state_of_sparsity.training.runs.divergence import StopOnDivergence, TrainingDivergedError


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_stops_and_names_the_step(bad):
    x, y = np.ones((20, 1), "float32"), np.ones((20, 1), "float32")
    y[13] = bad
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TrainingDivergedError, match=r"The loss is \w+ at step 14. Try a lower"):
        model.fit(
            ((x[i : i + 1], y[i : i + 1]) for i in range(20)),
            steps_per_epoch=5,
            epochs=4,
            shuffle=False,
            verbose=0,
            callbacks=[StopOnDivergence(steps_per_epoch=5)],
        )
