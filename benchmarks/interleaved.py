"""Timing things against each other in rounds, and the interval of the median ratio."""

import dataclasses
import gc
import math
import random
import statistics
import sys
import time


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The median of paired ratios with its 95 % interval; None with fewer than 6 pairs."""

    median: float
    interval: tuple[float, float] | None
    pairs: int

    def __str__(self):
        if self.interval is None:
            return f"{self.median:.3f}"
        return f"{self.median:.3f} [{self.interval[0]:.3f}, {self.interval[1]:.3f}]"


def seconds_in_rounds(actions, rounds, *, warm_up=1, seed=0, label="", pause=0.0):
    """Runs every action once a round, in an order shuffled anew each round, and times it.

    What disturbs a machine for longer than a round disturbs all actions of the round alike, so
    that their ratios hold on a machine that is not quite quiet.

    Args:
        actions: `{name: callable}`; a callable returns when its work is done.
        rounds: how many rounds are timed.
        warm_up: how many rounds come before and are thrown away.
        seed: of the order.
        pause: seconds before each, in which threads of the one before end their waiting for work.
        label: what the progress line on stderr begins with.

    Returns:
        `{name: [seconds of round 1, ...]}`.
    """
    order, shuffle = list(actions), random.Random(seed).shuffle
    seconds = {name: [] for name in actions}
    begin = time.perf_counter()
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()  # a collection would fall to whichever action is running
    try:
        for done in range(warm_up + rounds):
            shuffle(order)
            for name in order:
                time.sleep(pause)
                start = time.perf_counter()
                actions[name]()
                elapsed = time.perf_counter() - start
                if done >= warm_up:
                    seconds[name].append(elapsed)
            show_progress(label, done + 1, warm_up + rounds, begin)
    finally:
        if collecting:
            gc.enable()
    return seconds


def show_progress(label, done, total, begin):
    """Writes `done` of `total` to stderr with the time left; `begin` is of `perf_counter`."""
    left = (time.perf_counter() - begin) / done * (total - done)
    end = "\n" if done == total or not sys.stderr.isatty() else ""
    start = "\r" if sys.stderr.isatty() else ""
    print(f"{start}{label} {done}/{total}  ETA {left:.0f} s ", end=end, file=sys.stderr, flush=True)


def paired_ratio(numerators, denominators) -> Ratio:
    """Returns the median of the ratios of pairs and its 95 % interval.

    Args:
        numerators: one number a pair.
        denominators: one number a pair.
    """
    ratios = [a / b for a, b in zip(numerators, denominators, strict=True)]
    return Ratio(statistics.median(ratios), median_interval(ratios), len(ratios))


def median_interval(values, confidence=0.95):
    """Returns an interval that covers the median with at least this confidence, or None.

    Order statistics: of n independent values the number below the median is binomial(n, 1/2),
    whatever their distribution. The interval is from the k-th smallest to the k-th largest value,
    with the largest k that is confident enough; None where even the extremes (k = 1) are not.

    Args:
        values: independent numbers.
        confidence: in (0, 1).
    """
    count = len(values)
    tail, rank = 0.0, 0
    while True:  # `tail`: the probability that fewer than rank + 1 values lie below the median
        tail += math.comb(count, rank) / 2**count
        if 2 * tail > 1 - confidence or rank >= count // 2:
            break
        rank += 1
    if rank == 0:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[-rank]
