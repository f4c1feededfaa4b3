"""What training takes on hardware that skips zeros, in multiply-adds of training dense.

A step has three parts of equal cost where it is dense: the layers, the gradient by their inputs,
and the gradient by their weights. The first two skip what is masked. Of the third, techniques
differ: who trains masked weights, or goes by their gradient, pays for them. Counted as in "Rigging
the Lottery" (Evci et al., 2020), appendix on FLOPs; masks themselves cost nothing.
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


def of_run(technique, inference, settings, shares):
    """Returns the cost of training, in that of dense training; None where it is not defined.

    Args:
        technique: the folder of the run.
        inference: share of the multiply-adds that the trained network needs.
        settings: of the run, a dictionary.
        shares: `{sparsity: share}` of networks pruned by the same distribution, measured.
    """
    target = settings.get("SPARSITY")
    if technique in ("static_random", "set", "snip"):
        return inference
    if technique == "rigl":  # the whole gradient at updates
        updates = settings["END_STEP"] / settings["FREQUENCY"] / STEPS
        return inference + updates * (1 - inference) / 3
    if technique == "grow_and_prune":
        mean = cubic(shares, target, settings)
        updates = settings["END_STEP"] / settings["FREQUENCY"] / STEPS
        return mean + updates * (1 - mean) / 3
    if technique.startswith(("magnitude", "random")):
        return cubic(shares, target, settings)
    if technique == "straight_through":
        return (2 * inference + 1) / 3
    if technique == "top_kast":
        return (2 * inference + share(shares, settings["BACKWARD_SPARSITY"])) / 3
    if technique == "acdc":
        return _alternating(inference, settings)
    return {"dense": 1.0, "l0_regularization": 1.0, "variational_dropout": 2.0}.get(technique)


def _alternating(inference, settings):
    """Returns the mean over compressed and decompressed phases."""
    begin, phase, end = (settings[name] for name in ("BEGIN_STEP", "PHASE_STEPS", "END_STEP"))
    compressed = STEPS - end + (end - begin) // (2 * phase) * phase
    return 1 - compressed / STEPS * (1 - inference)
