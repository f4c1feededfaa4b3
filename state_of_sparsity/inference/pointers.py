"""Numbers in memory by their address, and counters that threads share, in numba's functions."""

from state_of_sparsity import extras

with extras.explained():
    import numba
    import numpy as np
    from numba.core import cgutils, types
    from numba.extending import intrinsic


@intrinsic
def _pointer(context, address):
    def emit(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), emit


@numba.njit
def floats(address):
    """Returns float32 at an address; it has no end that numba would know of."""
    return numba.carray(_pointer(address), (1,), np.float32)


@numba.njit
def integers(address):
    """Returns int64 at an address, likewise."""
    return numba.carray(_pointer(address), (1,), np.int64)


@numba.njit
def integers_32(address):
    """Returns int32 at an address, likewise."""
    return numba.carray(_pointer(address), (1,), np.int32)


@intrinsic
def counted(context, counters, at, number):
    """Adds to a counter that other threads may add to as well; returns what it was before."""

    def emit(context, builder, signature, arguments):
        counters = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(counters.data, [arguments[1]])
        number = context.cast(builder, arguments[2], signature.args[2], types.int64)
        return builder.atomic_rmw("add", place, number, ordering="seq_cst")

    return types.int64(counters, types.int64, number), emit
