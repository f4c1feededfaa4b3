"""The handwritten digits that scikit-learn ships: 1797 real 8x8 images, nothing to download."""

import importlib.util
import pathlib

import numpy as np

from state_of_sparsity import extras
from state_of_sparsity.arguments import check_integer
from state_of_sparsity.data.in_memory import InMemory

VALIDATION_EXAMPLES = 360
TEST_EXAMPLES = 360


class Digits(InMemory):
    """Handwritten digits, split 1077 / 360 / 360 into training, validation and test images.

    Images are float32 of shape `(8, 8, 1)` in [0, 1], labels int32 in 0..9.

    Args:
        batch_size: examples in a training batch, 1 to 1077.
        seed: seed of the training order, a non-negative integer.
        split_seed: seed of the split. Leave it alone when runs are to be compared.

    Raises:
        ValueError: if an argument is no integer, or out of range.

    Example:

    >>> images, labels = next(Digits(batch_size=32).train(first_step=0))
    >>> images.shape, labels.shape
    ((32, 8, 8, 1), (32,))

    Reference:
        UCI "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak (1998).
    """

    def __init__(self, batch_size: int = 64, seed: int = 0, split_seed: int = 0) -> None:
        check_integer("split_seed", split_seed, 0)
        table = np.loadtxt(_file(), delimiter=",")
        images = (table[:, :-1].reshape(-1, 8, 8) / 16.0).astype("float32")[..., None]
        labels = table[:, -1].astype("int32")
        order = np.random.default_rng(split_seed).permutation(len(images))
        splits = np.split(order, [TEST_EXAMPLES, TEST_EXAMPLES + VALIDATION_EXAMPLES])
        test, validation, train = [(images[i], labels[i]) for i in splits]
        super().__init__(train, validation, test, batch_size, seed)


def _file():
    """Returns the path of scikit-learn's file, whose own reader takes a second to import."""
    found = importlib.util.find_spec("sklearn")
    if found is None:
        with extras.explained():
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    return pathlib.Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
