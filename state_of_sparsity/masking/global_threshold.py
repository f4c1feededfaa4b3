"""One threshold over many arrays of scores, of which only one is in memory at a time."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

_DISTANCE = 65  # between what a sample takes; odd: across channels
_CHUNK = 1 << 17  # what fits into a processor's cache
_DIGIT_BITS = 16
_DIGITS = 1 << _DIGIT_BITS
_FEW = 0.2  # of a sample: what may be kept of all scores


def zeros_by_global_threshold(
    sources: Sequence[Callable[[], np.ndarray]], zeros: int, dtype: Any = np.float32
) -> list[int]:
    """Returns how many of the `zeros` smallest of all scores lie in each array.

    Of equal scores those of the first arrays count as smaller. The threshold is found by a sample,
    in two passes over all arrays; where that does not serve, digit by digit, in three more or five.

    Args:
        sources: functions without arguments, each returning the same scores, free of NaN and of
            any shape, whenever it is called: once a pass.
        zeros: how many to drop in all, from 0 to the number of scores.
        dtype: `float32` or `float64`, in which the scores are compared.

    Returns:
        One count an array; they add up to `zeros` exactly.

    Example:

    >>> arrays = [np.array([1.0, 5.0, 2.0]), np.array([3.0, 0.0])]
    >>> zeros_by_global_threshold([lambda a=a: a for a in arrays], zeros=3)
    [2, 1]
    """
    if zeros <= 0:
        return [0 for _ in sources]
    return _by_sample(sources, zeros, dtype) or _by_digits(sources, zeros, dtype)


def _by_sample(sources, zeros, dtype):
    """Returns the counts by a sample in a first pass, None where it does not serve.

    It says between which numbers the threshold lies; the second pass keeps those of each array,
    which are to be few: where many scores are equal they would be nearly all.
    """
    samples, size = [], 0
    for source in sources:
        flat = source().reshape(-1)
        size += flat.size
        samples.append(flat[::_DISTANCE].astype(dtype))
    sample = np.concatenate(samples)
    low, high = _bounds(sample, zeros / size)
    if low is None or high is None or _between(sample, low, high)[1].size > _FEW * sample.size:
        return None
    found, room = [], 2 * _FEW * size  # more than that only where the sample misleads
    for source in sources:
        found.append(_between(source().reshape(-1).astype(dtype, copy=False), low, high))
        room -= found[-1][1].size
        if room < 0:
            return None
    rank = zeros - 1 - sum(below for below, _ in found)
    candidates = np.concatenate([near for _, near in found])
    if not 0 <= rank < candidates.size:
        return None
    threshold = np.partition(candidates, rank)[rank]
    to_drop = rank + 1 - np.count_nonzero(candidates < threshold)  # of those that equal it
    counts = []
    for below, near in found:
        equal = min(to_drop, np.count_nonzero(near == threshold))
        counts.append(int(below + np.count_nonzero(near < threshold) + equal))
        to_drop -= equal
    return counts


def _bounds(sample, share):
    """Returns between which two numbers the one lies, most likely, that a share of all is below.

    Each is None where the sample has none so small or so large. They are four standard deviations
    away, and four places more.
    """
    sample = np.sort(sample)
    place = share * len(sample)
    margin = 4 * math.sqrt(share * (1 - share) * len(sample)) + 4
    low, high = math.floor(place - margin), math.ceil(place + margin)
    return (
        sample[low] if low >= 0 else None,
        sample[high] if high < len(sample) else None,
    )


def _between(values, low, high):
    """Returns how many values are below `low`, and those from it up to `high`."""
    below, found = 0, []
    for start in range(0, values.size, _CHUNK):
        chunk = values[start : start + _CHUNK]
        near = chunk >= low
        below += chunk.size - int(np.count_nonzero(near))
        near &= chunk <= high
        found.append(np.compress(near, chunk))
    return below, np.concatenate(found) if found else values[:0]


def _by_digits(sources, zeros, dtype):
    """Returns the counts digit by digit (a radix selection), each in one pass over all arrays."""
    threshold, below = 0, 0  # the digits so far, and how many keys lie below them
    for shift in reversed(range(0, np.dtype(dtype).itemsize * 8, _DIGIT_BITS)):
        counts = np.zeros(_DIGITS, np.int64)
        for source in sources:
            for keys in _chunks_of_keys(source, dtype):
                counts += _digit_counts(keys, shift, threshold)
        ends = below + np.cumsum(counts)
        digit = int(np.searchsorted(ends, zeros))
        below = int(ends[digit] - counts[digit])
        threshold = threshold << _DIGIT_BITS | digit
    return _counts_up_to(sources, zeros - below, threshold, dtype)


def _counts_up_to(sources, equal_to_drop, threshold, dtype):
    """Returns how many keys of each array are below the threshold, or equal and dropped."""
    counts = []
    for source in sources:
        below = equal = 0
        for keys in _chunks_of_keys(source, dtype):
            below += int(np.count_nonzero(keys < threshold))
            equal += int(np.count_nonzero(keys == threshold))
        equal = min(equal, equal_to_drop)
        equal_to_drop -= equal
        counts.append(below + equal)
    return counts


def _chunks_of_keys(source, dtype) -> Iterator[np.ndarray]:
    flat = source().reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        yield _keys(flat[start : start + _CHUNK].astype(dtype))


def _keys(scores):
    """Returns unsigned integers in the order of the scores."""
    scores += 0.0  # -0.0 becomes 0.0
    bits = scores.view(f"u{scores.itemsize}")
    sign = bits.dtype.type(1 << (8 * scores.itemsize - 1))
    # Floats are ordered as their bits are; the negative ones the other way round.
    return np.where(bits & sign, ~bits, bits | sign)


def _digit_counts(keys, shift, prefix):
    """Returns how often each digit at `shift` occurs in keys whose digits before are `prefix`."""
    if shift + _DIGIT_BITS < 8 * keys.itemsize:
        keys = keys[keys >> (shift + _DIGIT_BITS) == prefix]
    digits = keys >> shift & (_DIGITS - 1)
    return np.bincount(digits.astype(np.int64), minlength=_DIGITS)
