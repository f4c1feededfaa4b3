"""How many zeros fall to each kernel by its shape."""

import numpy as np


def zeros_by_erdos_renyi_kernel(shapes: list[tuple[int, ...]], zeros: int) -> list[int]:
    """Returns how many zeros each kernel gets under the Erdos-Renyi-Kernel distribution.

    The density of a kernel is proportional to `sum(shape) / prod(shape)`; kernels for which that
    would exceed one are dense and the rest is shared by the others.

    Args:
        shapes: the kernels' shapes.
        zeros: how many zeros there are in all.

    Returns:
        One count a kernel; they add up to `zeros` exactly.

    Reference: Evci et al., "Rigging the Lottery", 2020, section 3, (1) sparsity distribution.
    """
    sizes = np.array([int(np.prod(shape)) for shape in shapes], np.int64)
    raw_nonzeros = np.array([sum(shape) for shape in shapes], np.float64)
    dense = np.zeros(len(shapes), bool)
    while not dense.all():
        left = sizes.sum() - zeros - sizes[dense].sum()
        scale = left / raw_nonzeros[~dense].sum()
        too_dense = ~dense & (scale * raw_nonzeros > sizes)
        if not too_dense.any():
            break
        # One at a time, the densest first: the others' share grows with each.
        dense[np.argmax(np.where(too_dense, raw_nonzeros / sizes, -np.inf))] = True
    exact = np.where(dense, 0.0, sizes - scale * raw_nonzeros)
    return _rounded_to_sum(exact, zeros, sizes)


def _rounded_to_sum(exact: np.ndarray, total: int, limits: np.ndarray) -> list[int]:
    """Rounds so that the sum is `total`: down, then up where most was cut off."""
    counts = np.clip(np.floor(exact), 0, limits).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    for index in order[: total - counts.sum()]:
        counts[index] += 1
    return counts.tolist()
