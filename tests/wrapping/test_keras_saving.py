"""What Keras calls private of saving does what we take it to do."""

import keras
import pytest

from state_of_sparsity.wrapping.keras_saving import is_writing_a_file


class Asked(keras.layers.Dense):
    """Writes down what is so when it is asked for its configuration."""

    def get_config(self):
        self.seen = is_writing_a_file()
        return super().get_config()


@pytest.mark.parametrize(
    ("ask", "writes"),
    [
        (lambda model, folder: model.save(folder / "model.keras"), True),
        (lambda model, folder: model.to_json(), False),
        (lambda model, folder: keras.models.clone_model(model), False),
    ],
    ids=["save", "to_json", "clone_model"],
)
def test_a_file_is_told_from_a_copy_without_weights(tmp_path, ask, writes):
    layer = Asked(2)
    ask(keras.Sequential([keras.Input((3,)), layer]), tmp_path)
    assert layer.seen is writes, f"Keras {keras.__version__}: rewrite is_writing_a_file"
    assert not is_writing_a_file()
