"""`take_part`: what each thread does of a table of steps; compiled as a whole."""

from state_of_sparsity.inference.activation import activation
from state_of_sparsity.inference.dot_product import dot_product
from state_of_sparsity.inference.layer_norm import layer_norm
from state_of_sparsity.inference.machine_code import machine_code
from state_of_sparsity.inference.map_copies import (
    clear_around,
    from_channels,
    means,
    pool_maxima,
    split_phases,
    to_channels,
)
from state_of_sparsity.inference.pointers import counted
from state_of_sparsity.inference.sparse_product import sparse_product
from state_of_sparsity.inference.work import (
    ACTIVATION,
    CLEAR_AROUND,
    DOT_PRODUCT,
    FROM_CHANNELS,
    LAYER_NORM,
    POOL_MAXIMA,
    SPARSE_PRODUCT,
    SPLIT_PHASES,
    TO_CHANNELS,
)


@machine_code
def take_part(table, taken, done):
    """Takes items of each step until there are none left, and the others have done theirs.

    Any number of threads may do so, and any of them may come late: what one does not do another
    does, and nobody waits for a thread that has taken nothing.

    Args:
        table: the steps, of the type `work.WORK`.
        taken: int64, how many items of each step are taken; zeros at first.
        done: int64, how many are done.
    """
    for at in range(len(table)):
        line = table[at]
        while True:
            item = counted(taken, at, 1)
            if item >= line.items:
                break
            if line.kind == SPARSE_PRODUCT:
                sparse_product(line, item)
            elif line.kind == TO_CHANNELS:
                to_channels(line, item)
            elif line.kind == FROM_CHANNELS:
                from_channels(line, item)
            elif line.kind == SPLIT_PHASES:
                split_phases(line, item)
            elif line.kind == POOL_MAXIMA:
                pool_maxima(line, item)
            elif line.kind == CLEAR_AROUND:
                clear_around(line, item)
            elif line.kind == LAYER_NORM:
                layer_norm(line, item)
            elif line.kind == DOT_PRODUCT:
                dot_product(line, item)
            elif line.kind == ACTIVATION:
                activation(line, item)
            else:
                means(line, item)
            counted(done, at, 1)
        while counted(done, at, 0) < line.items:
            pass
