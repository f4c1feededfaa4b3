import functools

import keras
import numpy as np
import pytest

from state_of_sparsity.data.images.digits import Digits
from state_of_sparsity.training.runs.divergence import StopOnDivergence, TrainingDivergedError
from tests.training.experiments import trained


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


def test_the_last_update_may_diverge():
    callback = StopOnDivergence(steps_per_epoch=5)
    callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0})
    callback.on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(TrainingDivergedError, match=r"The loss in validation is nan at step 10\."):
        callback.on_epoch_end(1, {"loss": 1.0, "val_loss": np.nan})


def test_a_run_that_diverges_at_its_end_has_no_result(tmp_path):
    optimizer = functools.partial(keras.optimizers.SGD, 1e37)
    changes = {"optimizer": optimizer, "steps": 1, "eval_every": 1}
    with pytest.raises(TrainingDivergedError, match="in validation is nan at step 1"):
        trained(tmp_path / "run", **changes)
    assert not list((tmp_path / "run").glob("checkpoints/*.npz"))

    class NoValidation(Digits):
        def validation(self):
            return None

    with pytest.raises(TrainingDivergedError, match="on the test data is nan at step 1"):
        trained(tmp_path / "blind", data=NoValidation(batch_size=32), **changes)
    assert not (tmp_path / "blind/result.json").exists()
