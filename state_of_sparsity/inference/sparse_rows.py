"""`SparseRows`: a linear layer as the rows of a sparse matrix, one for each output channel."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class SparseRows:
    """For each output channel the weights that are not zero, and what each is multiplied with.

    y[o, i, j] = biases[o] + sum over k from starts[o] to starts[o + 1] of
                 values[k] * x[channels[k], i + down[k], j + right[k]]

    Args:
        starts: int64, where each row begins, and the end.
        values: float32.
        channels: int32, of `x`.
        down: int32, how many rows below.
        right: int32, how many columns to the right.
        biases: float32, one a row.
        inputs: how many channels `x` has.
        phases: where strided rows and columns of the layer's inputs begin, one a phase: channel
            `c * len(phases) + k` of `x` is phase k of channel c. None without strides.
    """

    starts: np.ndarray
    values: np.ndarray
    channels: np.ndarray
    down: np.ndarray
    right: np.ndarray
    biases: np.ndarray
    inputs: int
    phases: np.ndarray | None = None

    @classmethod
    def of_kernel(cls, kernel, biases, groups=1, before=(0, 0), dilation=(1, 1), strides=(1, 1)):
        """Returns the rows of a convolution.

        Args:
            kernel: `(rows, columns, inputs of a group, outputs)`.
            biases: one an output, or None.
            groups: how many; outputs of a group see the inputs of that group alone.
            before: how many rows and columns of zeros come before the map.
            dilation: how far apart the kernel's rows and columns are on the map.
            strides: how far apart outputs are on the map.
        """
        rows, columns, per_group, outputs = kernel.shape
        by_output = np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1))).reshape(outputs, -1)
        output, place = np.nonzero(by_output)
        starts = np.zeros(outputs + 1, np.int64)
        np.cumsum(np.bincount(output, minlength=outputs), out=starts[1:])
        channel, place_in_map = np.divmod(place, rows * columns)
        channel += output // (outputs // groups) * per_group
        row, column = np.divmod(place_in_map, columns)
        down, top = np.divmod(row * dilation[0] - before[0], strides[0])
        right, left = np.divmod(column * dilation[1] - before[1], strides[1])
        phases = None
        if tuple(strides) != (1, 1):
            used, which = np.unique(top * strides[1] + left, return_inverse=True)
            used = used if len(used) else np.zeros(1, np.int64)
            phases = np.stack(np.divmod(used, strides[1]), axis=1).astype(np.int64)
            channel = channel * len(phases) + which
        return cls(
            starts=starts,
            values=by_output[output, place].astype(np.float32),
            channels=channel.astype(np.int32),
            down=down.astype(np.int32),
            right=right.astype(np.int32),
            biases=np.zeros(outputs, np.float32) if biases is None else np.float32(biases),
            inputs=per_group * groups * (1 if phases is None else len(phases)),
            phases=phases,
        )

    @classmethod
    def diagonal(cls, scale, shift):
        """Returns the rows of `y = scale * x + shift`, one number a channel each."""
        count, zeros = len(scale), np.zeros(len(scale), np.int32)
        every = np.arange(count + 1)
        values, biases = np.float32(scale), np.float32(shift)
        return cls(every, values, every[:-1].astype(np.int32), zeros, zeros, biases, count)

    @property
    def outputs(self) -> int:
        """How many rows there are."""
        return len(self.biases)

    def scaled(self, scale, shift):
        """Returns the rows of what scales and shifts outputs afterwards, as normalization does."""
        values = self.values * np.repeat(scale, np.diff(self.starts))
        biases = self.biases * scale + shift
        return dataclasses.replace(self, values=np.float32(values), biases=np.float32(biases))

    def reached(self) -> tuple[int, int]:
        """Returns how many rows and columns away from an output its inputs lie at most."""
        return int(np.abs(self.down).max(initial=0)), int(np.abs(self.right).max(initial=0))

    def beyond(self, inputs, outputs) -> tuple[int, int]:
        """Returns how many rows and columns outside of a map are read for outputs inside theirs.

        Args:
            inputs: `(height, width)` of `x`'s maps.
            outputs: of those of `y`.
        """
        sides = zip((self.down, self.right), inputs, outputs, strict=True)
        return tuple(
            max(0, -int(shift.min(initial=0)), int(shift.max(initial=0)) + y - x)
            for shift, x, y in sides
        )

    def offsets(self, channel_stride: int, row_pitch: int) -> np.ndarray:
        """Returns how far from a position in the first channel each input lies, as int32.

        Raises:
            ValueError: if that is further than int32 can say.
        """
        offsets = self.channels * np.int64(channel_stride) + self.down * row_pitch + self.right
        if len(offsets) and offsets.max() > np.iinfo(np.int32).max:
            raise ValueError(
                "A layer's inputs must be fewer than 2**31 numbers. Give the runner smaller "
                "batches."
            )
        return offsets.astype(np.int32)

    def groups(self, count: int) -> np.ndarray:
        """Returns bounds of at most `count` groups of rows that have about equally many weights."""
        work = self.starts + 2 * np.arange(self.outputs + 1)  # a row costs about as two weights
        bounds = np.searchsorted(work, np.linspace(0, work[-1], count + 1))
        bounds[0], bounds[-1] = 0, self.outputs
        return np.unique(bounds).astype(np.int64)
