"""The inner loop of a sparse product, in LLVM's language: sums held in registers.

For one row of a sparse matrix, and so many positions at once,

    y[p] = clip(bias + residual[p] + sum of value[k] * x[p + offset[k]] over the row's non-zeros k)

Positions lie one after the other, so that nothing is gathered: a non-zero costs one broadcast, and
for sixteen positions one load and one multiply-add. Vectors are of sixteen numbers whatever the
processor has; LLVM splits them where its own are shorter.
"""

from state_of_sparsity import extras

with extras.explained():
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

LANES = 16
_INTEGER, _FLOAT = ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
_NOUGHT = ir.Constant(_INTEGER, 0)
_FUSED = ("contract",)  # a product and a sum may be one instruction
# A sum waits for the one before: fewer vectors than this are summed in several parts at a time.
_SUMS_IN_FLIGHT = 4


def row_tile(vectors: int):
    """Returns the function of numba that computes a row of a product at so many vectors.

    Its arguments, integers but for those said to be numbers, addresses of what lies at the tile's
    first position or row: `y`; `x`; the matrix's `values` and `offsets`, where the row begins and
    ends in them; `bias`, a number; `residual`, 0 for none; `mask`, whose int32 is 0 where `y` must
    be 0 and -1 elsewhere, 0 for none; the least and the greatest `y`, numbers.
    """

    @intrinsic
    def tile(context, y, x, values, offsets, begin, end, bias, residual, mask, least, greatest):
        whole, number = types.int64, types.float32
        arguments = (*[whole] * 6, number, whole, whole, number, number)
        return types.void(*arguments), _Code(vectors).emit

    return tile


class _Code:
    """Writes the instructions of one tile."""

    def __init__(self, vectors):
        self.vectors = vectors

    def emit(self, context, builder, signature, arguments):
        self.builder = builder
        y, x, values, offsets, begin, end, bias, residual, mask, least, greatest = arguments
        least, greatest = self.splat(least), self.splat(greatest)
        values, offsets = self.array(values, _FLOAT), self.array(offsets, ir.IntType(32))
        sums = self.summed(self.array(x, _FLOAT), values, offsets, begin, end, self.splat(bias))
        with builder.if_then(cgutils.is_not_null(builder, residual)):
            for at, total in enumerate(sums):
                self.add(total, self.load(self.array(residual, _FLOAT), _NOUGHT, at))
        for total in sums:  # written so that what is no number stays so
            value = builder.load(total)
            value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
            value = builder.select(builder.fcmp_ordered(">", value, greatest), greatest, value)
            builder.store(value, total)
        with builder.if_then(cgutils.is_not_null(builder, mask)):
            for at, total in enumerate(sums):
                bits = builder.bitcast(builder.load(total), _BITS)
                kept = builder.and_(bits, self.load(self.array(mask, _FLOAT), _NOUGHT, at, _BITS))
                builder.store(builder.bitcast(kept, _VECTOR), total)
        for at, total in enumerate(sums):
            target = self.pointer(self.array(y, _FLOAT), _NOUGHT, at, _VECTOR)
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    def array(self, address, kind):
        return self.builder.inttoptr(address, kind.as_pointer())

    def summed(self, x, values, offsets, begin, end, bias):
        """Emits the loop over a row's non-zeros; returns a variable for each vector of sums."""
        builder, parts = self.builder, -(-_SUMS_IN_FLIGHT // self.vectors)
        zero = self.splat(ir.Constant(_FLOAT, 0.0))
        starts = [bias, *[zero] * (parts - 1)]
        sums = [
            [cgutils.alloca_once_value(builder, start) for _ in range(self.vectors)]
            for start in starts
        ]

        def products(at, totals):
            value = self.splat(builder.load(builder.gep(values, [at])))
            offset = builder.sext(builder.load(builder.gep(offsets, [at])), _INTEGER)
            for vector, total in enumerate(totals):
                self.add(total, self.load(x, offset, vector), value)

        count = builder.sub(end, begin)
        whole = builder.sub(end, builder.srem(count, ir.Constant(_INTEGER, parts)))
        loops = [(begin, whole, sums)]
        if parts > 1:
            loops.append((whole, end, sums[:1]))
        for start, stop, unrolled in loops:
            step = ir.Constant(_INTEGER, len(unrolled))
            with cgutils.for_range_slice(builder, start, stop, step, _INTEGER) as (at, _):
                for part, totals in enumerate(unrolled):
                    products(builder.add(at, ir.Constant(_INTEGER, part)), totals)
        for totals in sums[1:]:
            for total, part in zip(sums[0], totals, strict=True):
                self.add(total, builder.load(part))
        return sums[0]

    def add(self, total, vector, factor=None):
        if factor is not None:
            vector = self.builder.fmul(factor, vector, flags=_FUSED)
        self.builder.store(self.builder.fadd(self.builder.load(total), vector, flags=_FUSED), total)

    def splat(self, number):
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(_BITS, [0] * LANES))

    def pointer(self, array, at, vector, kind):
        at = self.builder.add(at, ir.Constant(_INTEGER, vector * LANES))
        return self.builder.bitcast(self.builder.gep(array, [at]), kind.as_pointer())

    def load(self, array, at, vector, kind=_VECTOR):
        return self.builder.load(self.pointer(array, at, vector, kind), align=4)
