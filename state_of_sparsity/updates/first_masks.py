"""What is said while the first masks of a large model are made: training stands still for it."""

import contextlib
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

import keras

_LARGE = 20_000_000  # weights; their masks take about a second


@contextlib.contextmanager
def announced(wrappers: Iterable[Any], within_a_line: bool) -> Iterator[None]:
    """Prints, where masks are many, what the block does, and then how long it took.

    As Keras prints its progress: not after `keras.config.disable_interactive_logging()`.

    Args:
        wrappers: the sparse layers whose masks the block makes.
        within_a_line: whether a line of output has begun, such as Keras's progress bar.

    Example:

    >>> with announced(sos.sparse_layers(sparse).values(), within_a_line=False):
    ...     sos.UpdateSparsity().update(sparse, 0)
    """
    kernels = [kernel for wrapper in wrappers for kernel in wrapper.sparse_kernels]
    weights = sum(math.prod(kernel.shape) for kernel in kernels)
    if weights < _LARGE or not keras.config.is_interactive_logging_enabled():
        yield
        return
    begin = "\n" if within_a_line else ""
    what = (
        f"masks of {weights / 1e6:.1f} M weights in {len(kernels)} kernel{'s'[: len(kernels) != 1]}"
    )
    print(f"{begin}UpdateSparsity: {what} ... ", end="", flush=True)
    start = time.perf_counter()
    try:
        yield
    finally:
        print(f"{time.perf_counter() - start:.1f} s", flush=True)
