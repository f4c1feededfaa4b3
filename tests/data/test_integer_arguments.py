"""Arguments of data sets that must be integers, before any data are read."""

import re

import pytest

from state_of_sparsity.data.images.cifar10 import Cifar10
from state_of_sparsity.data.images.imagenet import ImageNet
from state_of_sparsity.data.images.mnist import Mnist

IMAGENET = ["image_size", "evaluation_batch_size", "shuffle_buffer"]
ARGUMENTS = [(kind, name) for kind in (Cifar10, ImageNet, Mnist) for name in ("batch_size", "seed")]
ARGUMENTS += [(kind, "validation_examples") for kind in (Cifar10, ImageNet, Mnist)]
ARGUMENTS += [(kind, "split_seed") for kind in (Cifar10, Mnist)]
ARGUMENTS += [(ImageNet, name) for name in IMAGENET]


@pytest.mark.parametrize("value", [0.1, 12.5, 12.0, "a", None, True])
@pytest.mark.parametrize(("kind", "name"), ARGUMENTS)
def test_what_is_no_integer_is_refused_by_name(kind, name, value):
    message = rf"`{name}` must be an integer, at least [01]\. Received: {re.escape(repr(value))}\."
    with pytest.raises(ValueError, match=message):
        kind("/nowhere", **{name: value})


@pytest.mark.parametrize(("kind", "name"), ARGUMENTS)
def test_negative_numbers_are_refused_by_name(kind, name):
    with pytest.raises(ValueError, match=rf"`{name}` must be at least [01]\. Received: -1\."):
        kind("/nowhere", **{name: -1})
