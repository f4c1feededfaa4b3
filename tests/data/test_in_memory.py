import itertools

import numpy as np
import pytest

from state_of_sparsity.data.in_memory import EVALUATION_BATCH, InMemory


def numbered(examples):
    """Images that hold their own number, which is also their label."""
    numbers = np.arange(examples)
    return numbers.astype("float32").reshape(-1, 1, 1, 1), numbers.astype("int32")


def make(batch_size=4, seed=0, examples=11, validation=3, test=5):
    return InMemory(numbered(examples), numbered(validation), numbered(test), batch_size, seed)


def labels(batches, count):
    found = []
    for images, numbers in itertools.islice(batches, count):
        np.testing.assert_array_equal(images.ravel(), numbers)
        found.append(numbers.tolist())
    return found


def test_an_epoch_shows_no_image_twice_and_drops_the_incomplete_batch():
    first, second = np.reshape(labels(make().train(), 4), (2, 8))  # 2 batches of 4 an epoch
    assert len(set(first)) == len(set(second)) == 8
    assert len(set(np.ravel(labels(make(batch_size=11).train(), 1)))) == 11


@pytest.mark.parametrize("first_step", [1, 2, 3, 8])
def test_batches_depend_only_on_seed_and_step(first_step):
    whole = labels(make(seed=3).train(), first_step + 5)
    assert labels(make(seed=3).train(first_step), 5) == whole[first_step:]


def test_order_differs_between_epochs_and_seeds():
    (first, second), (other,) = labels(make(11).train(), 2), labels(make(11, seed=1).train(), 1)
    assert first != second and first != other
    assert sorted(first) == sorted(second) == sorted(other) == list(range(11))


@pytest.mark.parametrize("first_step", [0, 3])
def test_workers_share_every_batch_in_its_order(first_step):
    parts = [labels(make().train(first_step, worker, workers=2), 5) for worker in (0, 1)]
    joined = [left + right for left, right in zip(*parts, strict=True)]
    assert joined == labels(make().train(first_step), 5)


def test_evaluation_batches_keep_their_order_and_are_all_there():
    examples = 2 * EVALUATION_BATCH + 1
    data = make(validation=examples, test=examples, seed=5)
    for batches in (data.validation(), data.test()):
        found = labels((batches[index] for index in range(len(batches))), None)
        assert [len(batch) for batch in found] == [EVALUATION_BATCH, EVALUATION_BATCH, 1]
        np.testing.assert_array_equal(np.concatenate(found), np.arange(examples))


def test_without_held_out_examples_there_is_no_validation():
    assert make(validation=0).validation() is None
    assert len(make(validation=1).validation()) == 1


@pytest.mark.parametrize("batch_size", [-1, 0, 12])
def test_batch_size_out_of_range_is_refused(batch_size):
    message = rf"`batch_size` must be from 1 to 11. Received: {batch_size}\."
    with pytest.raises(ValueError, match=message):
        make(batch_size)


def doubled_plus_noise(images, generator):
    return 2 * images + generator.random(len(images), "float32").reshape(-1, 1, 1, 1)


def augmented(first_step=0, worker=0, workers=1, seed=0):
    parts = numbered(11), numbered(3), numbered(5)
    prepared = {"prepare": lambda images: images + 100, "augment": doubled_plus_noise}
    return InMemory(*parts, 4, seed, **prepared).train(first_step, worker, workers)


def test_training_batches_are_prepared_and_augmented_and_evaluation_batches_prepared():
    images, numbers = next(augmented())
    noise = images.ravel() - 2 * (numbers + 100)
    assert noise.min() >= 0 and noise.max() < 1 and len(set(noise)) == 4
    data = InMemory(numbered(4), numbered(3), numbered(5), 4, prepare=lambda images: images + 100)
    np.testing.assert_array_equal(data.test()[0][0].ravel(), np.arange(5) + 100)
    np.testing.assert_array_equal(data.validation()[0][0].ravel(), np.arange(3) + 100)
    images, numbers = next(data.train())
    np.testing.assert_array_equal(images.ravel(), numbers + 100)


def test_augmentation_depends_on_seed_and_step_and_not_on_the_workers():
    whole = [next(batches) for batches in [augmented()] for _ in range(4)]
    again = next(augmented(first_step=3))[0]
    np.testing.assert_array_equal(again, whole[3][0])
    parts = [next(augmented(3, worker, workers=2))[0] for worker in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[3][0])
    assert not np.array_equal(next(augmented(seed=1))[0], whole[0][0])
