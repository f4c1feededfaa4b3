"""What training takes on hardware that skips zeros, in multiply-adds of training dense.

A step has three parts of equal cost where it is dense: the layers, the gradient by their inputs,
and the gradient by their weights. The first two skip what is masked. Of the third, techniques
differ: who trains masked weights, or goes by their gradient, pays for them. Counted as in "Rigging
the Lottery" (Evci et al., 2020), appendix on FLOPs; masks themselves cost nothing.
Runs count it; that of the page on CIFAR-10, whose runs are older, follows from their schedules.
"""

import bisect
import statistics

STEPS = 5460  # of a run


def share(shares, sparsity):
    """Returns the share of a network's multiply-adds at a sparsity, between measured ones.

    Args:
        shares: `{sparsity: share}`, measured.
        sparsity: a fraction.
    """
    known = sorted({0.0: 1.0, **shares}.items())
    place = min(max(bisect.bisect(known, (sparsity, 2.0)), 1), len(known) - 1)
    (low, below), (high, above) = known[place - 1], known[place]
    return below + (above - below) * (sparsity - low) / (high - low)


def cubic(shares, last, settings):
    """Returns the mean over a run of the share at the sparsity that a cubic schedule asks for.

    Args:
        shares: `{sparsity: share}`, measured.
        last: the sparsity at the end.
        settings: of the run: `BEGIN_STEP`, `END_STEP`, `FREQUENCY`, perhaps `INITIAL_SPARSITY`.
    """
    begin, end, frequency = (settings[n] for n in ("BEGIN_STEP", "END_STEP", "FREQUENCY"))
    first = settings.get("INITIAL_SPARSITY", 0.0)

    def sparsity(step):
        if step < begin:
            return 0.0
        update = min(step, end) // frequency * frequency  # masks stay until the next update
        left = 1 - (max(update, begin) - begin) / (end - begin)
        return last + (first - last) * left**3

    return statistics.fmean(share(shares, sparsity(step)) for step in range(0, STEPS, 10))


def counted(rows):
    """Returns the mean of what runs counted step by step, in that of dense; None if none did."""
    shares = [
        row["training_multiply_adds"]
        / (3 * row["multiply_adds"] * row["settings"]["BATCH_SIZE"] * row["steps"])
        for row in rows
        if row.get("training_multiply_adds")
    ]
    return statistics.fmean(shares) if shares else None


def of_technique(technique, settings, shares):
    """Returns the cost of training of runs that did not count it; None where it is not defined.

    Args:
        technique: the folder of the runs.
        settings: of one of them, a dictionary.
        shares: `{sparsity: share}` of networks pruned by the same distribution, measured.
    """
    if technique.startswith(("magnitude", "random")):
        return cubic(shares, settings["SPARSITY"], settings)
    return {"dense": 1.0, "l0_regularization": 1.0, "variational_dropout": 2.0}.get(technique)
