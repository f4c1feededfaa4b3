import numpy as np

from state_of_sparsity.data.images.digits import Digits


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


def test_seed_changes_the_order_and_not_the_split():
    data, other = Digits(batch_size=1077), Digits(batch_size=1077, seed=1)
    (images, _), (images_2, _) = next(data.train()), next(other.train())
    assert not np.array_equal(images, images_2)
    np.testing.assert_array_equal(np.sort(images, axis=0), np.sort(images_2, axis=0))
    np.testing.assert_array_equal(data.validation()[0][0], other.validation()[0][0])
    np.testing.assert_array_equal(data.test()[0][0], other.test()[0][0])
    resplit = Digits(batch_size=1077, split_seed=1)
    assert not np.array_equal(data.test()[0][0], resplit.test()[0][0])


def test_images_are_those_that_scikit_learn_reads():
    from sklearn.datasets import load_digits

    data, theirs = Digits(batch_size=1077), load_digits()
    parts = [data.test()[0], data.validation()[0], next(data.train())]
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort(images.reshape(-1, 64).T)
    expected = np.lexsort(theirs.data.T)
    np.testing.assert_array_equal(images[order, ..., 0], np.float32(theirs.images[expected] / 16))
    np.testing.assert_array_equal(labels[order], theirs.target[expected])
