"""The masks a run begins with, made from what another run kept: each a function of its snapshot.

`tickets.Start` calls one of them with the snapshot and the seed of the run that begins. All return
`{kernel path: boolean array}`; kernels that are not in it stay dense.
"""

import re
from collections.abc import Sequence

import numpy as np

from state_of_sparsity.arguments import check_flag, check_number
from state_of_sparsity.masking.global_threshold import zeros_by_global_threshold
from state_of_sparsity.masking.top_k import keep_largest
from state_of_sparsity.training.runs.snapshot import Snapshot

Masks = dict[str, np.ndarray]


def as_found(snapshot: Snapshot, seed: int) -> Masks:
    """Returns the masks as the run left them.

    Args:
        snapshot: of a run with sparse kernels.
        seed: not used.
    """
    return dict(_sparse(snapshot))


def shuffled(snapshot: Snapshot, seed: int) -> Masks:
    """Returns the masks with the places of each kernel's weights shuffled.

    Args:
        snapshot: of a run with sparse kernels.
        seed: of the permutations, an integer of at least 0.

    Reference: Frankle, Dziugaite, Roy, Carbin, "Pruning Neural Networks at Initialization: Why Are
    We Missing the Mark?", 2021, section 5 ("random shuffling"); Su et al., "Sanity-Checking Pruning
    Methods", 2020, section 3 ("layerwise rearrange").
    """
    generator = np.random.default_rng(seed)
    masks = _sparse(snapshot).items()
    return {path: generator.permutation(m.reshape(-1)).reshape(m.shape) for path, m in masks}


def smart_ratios(snapshot: Snapshot, seed: int, last_density: float = 0.3) -> Masks:
    """Returns random masks whose densities fall with depth, as many weights in all as the run has.

    Of `L` kernels, kernel `l = 1 .. L - 1` gets a density proportional to
    `(L - l + 1)^2 + (L - l + 1)`, at most 1; the last kernel has one of its own.

    Args:
        snapshot: of a run with sparse kernels.
        seed: of the masks, an integer of at least 0.
        last_density: of the last kernel, in (0, 1].

    Raises:
        ValueError: if the last kernel alone has more weights than the run, or all others together
            have no room for what it leaves.

    Reference: Su et al., "Sanity-Checking Pruning Methods", 2020, section 4. What exceeds a density
    of 1 is shared by the other kernels in proportion; their code gives it to the next ones, has
    `last_density` for every dense layer, and for VGG divides by `l^2` besides.
    """
    check_number("last_density", last_density, above=0, most=1)
    masks = _sparse(snapshot)
    sizes = np.array([mask.size for mask in masks.values()])
    total = sum(int(mask.sum()) for mask in masks.values())
    last = round(last_density * sizes[-1])
    if not 0 <= total - last <= sizes[:-1].sum():
        raise ValueError(
            f"`last_density` must leave the other kernels, of {sizes[:-1].sum():,} weights, their "
            f"part of the {total:,} of all. Received: {last_density}, {last:,} weights of the "
            f"last. Give a {'smaller' if last > total else 'greater'} one."
        )
    places = np.arange(len(sizes), 1, -1)
    counts = [*_shared_out(places**2 + places, sizes[:-1], total - last), last]
    generator = np.random.default_rng(seed)
    return {
        path: generator.permutation(np.arange(mask.size) < count).reshape(mask.shape)
        for (path, mask), count in zip(masks.items(), counts, strict=True)
    }


def inverted(snapshot: Snapshot, seed: int) -> Masks:
    """Returns masks of the smallest weights, as many in each kernel as the run has.

    Magnitudes are those that the run stored, masked weights included: take a run whose masks came
    from its own weights, as magnitude pruning's do. In a run with given masks, such as a ticket,
    what they hide was never trained.

    Args:
        snapshot: of a run with sparse kernels.
        seed: not used.

    Raises:
        ValueError: if masks of the run were given.

    Reference: Frankle, Dziugaite, Roy, Carbin, "Pruning Neural Networks at Initialization: Why Are
    We Missing the Mark?", 2021, section 5 ("inversion").
    """
    if snapshot.fixed:
        raise ValueError(
            "`masks_of` must be a run that pruned its own weights, where masks are inverted: "
            "magnitudes of weights that were trained and of others that were not do not compare. "
            f"Received: one whose masks were given, as that of {snapshot.fixed[0]!r}. Name a "
            "run that pruned while it trained, as those of magnitude_pruning.gin do."
        )
    stored = snapshot.weights
    return {
        path: keep_largest(-_magnitudes(path, stored[path]), mask.size - int(mask.sum()))
        for path, mask in _sparse(snapshot).items()
    }


def pruned(
    snapshot: Snapshot,
    seed: int,
    share: float = 0.2,
    by_layer: bool = False,
    shares: Sequence[tuple[str, float]] = (),
) -> Masks:
    """Returns masks without the smallest of the weights that a run has left.

    Args:
        snapshot: of any run, a dense one too.
        seed: not used.
        share: how many of the weights left to drop, in [0, 1).
        by_layer: whether each kernel loses that share, or all together, by one threshold.
        shares: `(regular expression, share)` for kernels that have their own, the first that is
            found in the kernel's path; 0 leaves them as they are.

    Raises:
        ValueError: if a share is out of range, an expression is found in no kernel's path, or
            weights are no numbers.

    Reference: Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, section 2 (by layer);
    Renda, Frankle, Carbin, "Comparing Rewinding and Fine-tuning", 2020, section 2 (global).
    """
    check_number("share", share, least=0, below=1)
    check_flag("by_layer", by_layer)
    _check_shares(shares, snapshot.kernels)
    own = {path: _own_share(path, shares) for path in snapshot.kernels}
    masks = {p: _mask(snapshot, p) for p in snapshot.kernels if own[p] != 0 or p in snapshot.masks}
    together = [path for path in masks if own[path] is None and not by_layer]
    left = {path: int(mask.sum()) for path, mask in masks.items()}
    counts = dict(zip(together, _global_counts(snapshot, masks, together, share), strict=True))
    for path in masks.keys() - counts.keys():
        counts[path] = round((share if own[path] is None else own[path]) * left[path])
    return {
        path: keep_largest(_scores(snapshot, path, mask), mask.size - left[path] + counts[path])
        for path, mask in masks.items()
    }


def _global_counts(snapshot, masks, paths, share):
    """Returns how many weights each kernel loses where all together lose a share."""
    if not paths:
        return []
    gone = [int((~masks[path]).sum()) for path in paths]
    left = sum(masks[path].size for path in paths) - sum(gone)
    sources = [lambda path=path: _scores(snapshot, path, masks[path]) for path in paths]
    zeros = zeros_by_global_threshold(sources, sum(gone) + round(share * left))
    return [count - before for count, before in zip(zeros, gone, strict=True)]


def _scores(snapshot, path, mask):
    """Returns magnitudes, of weights that are gone one below all others."""
    values = snapshot.values.get(path, snapshot.weights[path])
    return np.where(mask, _magnitudes(path, values), np.float32(-1))


def _magnitudes(path, values):
    if not np.isfinite(values).all():
        raise ValueError(f"The kernel {path!r} of the run holds NaN: it has diverged.")
    return np.abs(values.astype(np.float32))


def _mask(snapshot, path):
    return snapshot.masks.get(path, np.ones(snapshot.weights[path].shape, bool))


def _sparse(snapshot):
    """Returns the masks of a run in the order of its layers."""
    masks = {path: snapshot.masks[path] for path in snapshot.kernels if path in snapshot.masks}
    if all(mask.all() for mask in masks.values()):
        raise ValueError(
            "`masks_of` must be a run with sparse kernels. Received: one without a zero. Take the "
            "masks of a pruned run, or prune this one: masks = @ticket_masks.pruned."
        )
    return masks


def _own_share(path, shares):
    return next((own for pattern, own in shares if re.search(pattern, path)), None)


def _check_shares(shares, paths):
    try:
        expressions = [(re.compile(pattern), share) for pattern, share in shares]
    except (TypeError, ValueError, re.error):
        raise ValueError(
            "`shares` must be pairs of a regular expression and a share, such as "
            f"(('^head/', 0.1),). Received: {shares!r}."
        ) from None
    for expression, share in expressions:
        check_number("shares", share, least=0, below=1)
        if not any(expression.search(path) for path in paths):
            raise ValueError(
                f"`shares` must name kernels, which are {list(paths)}. "
                f"Received: {expression.pattern!r}."
            )


def _shared_out(ratios, sizes, total):
    """Returns counts that add up to `total`, of densities in proportion to ratios, at most 1."""
    full = np.zeros(len(sizes), bool)
    exact = sizes.astype(float)
    while not full.all():
        scale = (total - sizes[full].sum()) / (ratios * sizes)[~full].sum()
        exact = np.where(full, sizes, scale * ratios * sizes)
        over = exact > sizes
        if not over.any():
            break
        full |= over
        exact = np.minimum(exact, sizes)
    counts = np.floor(exact).astype(int)
    # Up again where most was cut off.
    most = np.argsort(counts - exact, kind="stable")[: total - counts.sum()]
    counts[most] += 1
    return counts
