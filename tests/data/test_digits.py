import itertools

import numpy as np
import pytest

from state_of_sparsity.data.digits import Digits


def take(batches, count):
    return list(itertools.islice(batches, count))


def test_splits_are_disjoint_and_complete():
    data = Digits(batch_size=1077)
    splits = [next(data.train())[0], data.validation()[0][0], data.test()[0][0]]
    assert [len(images) for images in splits] == [1077, 360, 360]
    # The set has no two equal images, so 1797 different ones means that nothing is shared.
    assert len(np.unique(np.concatenate(splits).reshape(-1, 64), axis=0)) == 1797


def test_images_and_labels_have_the_documented_form():
    images, labels = next(Digits(batch_size=32).train())
    assert images.shape == (32, 8, 8, 1) and images.dtype == np.float32
    assert labels.shape == (32,) and labels.dtype == np.int32
    assert images.min() == 0.0 and images.max() == 1.0
    assert set(labels) <= set(range(10))


@pytest.mark.parametrize("first_step", [1, 8, 9, 20])
def test_batches_depend_only_on_seed_and_step(first_step):
    data = Digits(batch_size=128, seed=3)  # 8 batches an epoch
    whole = take(data.train(), first_step + 5)
    resumed = take(Digits(batch_size=128, seed=3).train(first_step), 5)
    for (images, labels), (images_2, labels_2) in zip(whole[first_step:], resumed, strict=True):
        np.testing.assert_array_equal(images, images_2)
        np.testing.assert_array_equal(labels, labels_2)


def test_order_differs_between_epochs_and_seeds():
    data = Digits(batch_size=1077)
    (first, _), (second, _) = take(data.train(), 2)
    assert not np.array_equal(first, second)
    other, _ = next(Digits(batch_size=1077, seed=1).train())
    assert not np.array_equal(first, other)
    assert np.array_equal(np.sort(first, axis=0), np.sort(other, axis=0))


def test_evaluation_batches_keep_their_order_and_are_all_there():
    test = Digits(batch_size=7, seed=5).test()
    images = np.concatenate([test[i][0] for i in range(len(test))])
    np.testing.assert_array_equal(images, Digits().test()[0][0])


@pytest.mark.parametrize("batch_size", [0, 1078])
def test_batch_size_out_of_range_is_refused(batch_size):
    with pytest.raises(ValueError, match=r"`batch_size` must be from 1 to 1077. Received"):
        Digits(batch_size=batch_size)
