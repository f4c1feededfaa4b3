"""What moves between layouts: images to channels and back, strides, pools, means, zeros.

Each function does one item of a step. Maps are written with the zeros between them, but means.
"""

from state_of_sparsity import extras
from state_of_sparsity.inference.pointers import floats, integers
from state_of_sparsity.inference.work import CHANNELS_COPIED

with extras.explained():
    import numba
    import numpy as np


@numba.njit
def to_channels(work, item):
    """Writes a row of an image, `x` of `(images, height, width, channels)`, to some channels.

    Args:
        work: channels are in `group_count` groups of `CHANNELS_COPIED`.
        item: which row, of all images, with the gaps between these; which group.
    """
    x, y = floats(work.x), floats(work.y)
    line, group = divmod(item, work.group_count)
    image, h = divmod(line, work.y_image // work.y_row)
    first = group * CHANNELS_COPIED
    count = min(CHANNELS_COPIED, work.channels - first)
    target = first * work.y_stride + work.y_lead + image * work.y_image + h * work.y_row
    inside = work.y_width if h < work.y_height else 0
    source = (image * work.y_height + h) * work.y_width * work.channels + first
    for w in range(inside):
        for channel in range(count):
            y[target + channel * work.y_stride + w] = x[source + w * work.channels + channel]
    for channel in range(count):
        for w in range(inside, work.y_row):
            y[target + channel * work.y_stride + w] = 0.0


@numba.njit
def from_channels(work, item):
    """Writes a row of some channels to images, `y` of `(images, height, width, channels)`.

    Args:
        work: as of `to_channels`, with `x` for `y`.
        item: likewise; rows in gaps are left out.
    """
    x, y = floats(work.x), floats(work.y)
    line, group = divmod(item, work.group_count)
    image, h = divmod(line, work.x_image // work.x_row)
    if h >= work.x_height:
        return
    first = group * CHANNELS_COPIED
    count = min(CHANNELS_COPIED, work.channels - first)
    source = first * work.x_stride + work.x_lead + image * work.x_image + h * work.x_row
    target = (image * work.x_height + h) * work.x_width * work.channels + first
    for w in range(work.x_width):
        for channel in range(count):
            y[target + w * work.channels + channel] = x[source + channel * work.x_stride + w]


@numba.njit
def split_phases(work, item):
    """Writes every `down`-th row and `right`-th column of a channel as a map of its own.

    Args:
        work: `phases`, int64 `(phase_count, 2)`, says with which row and column each phase begins;
            channel `c * phase_count + k` of `y` is phase k of channel c of `x`.
        item: the channel of `y`.
    """
    x, y, phases = floats(work.x), floats(work.y), integers(work.phases)
    channel, phase = divmod(item, work.phase_count)
    top, left, right = phases[2 * phase], phases[2 * phase + 1], work.right
    columns = max(0, (work.x_width - left + right - 1) // right)
    for image in range(work.images):
        target = item * work.y_stride + work.y_lead + image * work.y_image
        source = channel * work.x_stride + work.x_lead + image * work.x_image + left
        for i in range(work.y_image // work.y_row):
            to, h = target + i * work.y_row, i * work.down + top
            start, filled = source + h * work.x_row, columns if h < work.x_height else 0
            for j in range(filled):
                y[to + j] = x[start + j * right]
            for j in range(filled, work.y_row):
                y[to + j] = 0.0


@numba.njit
def pool_maxima(work, item):
    """Writes the greatest of each window of a channel.

    Args:
        work: windows have `size_down` rows and `size_right` columns, are `down` rows and `right`
            columns apart, and the first begins `before_down` rows and `before_right` columns
            outside the map. What is outside counts as zero if `zeros`, else not at all.
        item: the channel.
    """
    x, y, columns = floats(work.x), floats(work.y), work.x_width
    greatest = np.empty(columns, np.float32)
    for image in range(work.images):
        source = item * work.x_stride + work.x_lead + image * work.x_image
        target = item * work.y_stride + work.y_lead + image * work.y_image
        for i in range(work.y_image // work.y_row):
            to = target + i * work.y_row
            filled = work.y_width if i < work.y_height else 0
            if filled:
                _column_maxima(work, x, source, i, greatest)
            for j in range(filled):
                left = j * work.right - work.before_right
                begin, end = max(left, 0), min(left + work.size_right, columns)
                outside = work.zeros and end - begin < work.size_right
                best = np.float32(0.0 if outside else -np.inf)
                for w in range(begin, end):
                    best = greatest[w] if greatest[w] > best else best
                y[to + j] = best
            for j in range(filled, work.y_row):
                y[to + j] = 0.0


@numba.njit
def _column_maxima(work, x, source, i, greatest):
    """Writes the greatest of each column of the rows that the windows of output row `i` cover."""
    top = i * work.down - work.before_down
    start, stop = max(top, 0), min(top + work.size_down, work.x_height)
    outside = work.zeros and stop - start < work.size_down
    greatest[:] = 0.0 if outside else -np.inf
    for h in range(start, stop):
        line = source + h * work.x_row
        for w in range(work.x_width):
            value = x[line + w]
            greatest[w] = value if value > greatest[w] else greatest[w]


@numba.njit
def means(work, item):
    """Writes the mean of each map of a channel."""
    x, y = floats(work.x), floats(work.y)
    for image in range(work.images):
        total = 0.0
        for h in range(work.x_height):
            start = item * work.x_stride + work.x_lead + image * work.x_image + h * work.x_row
            for w in range(work.x_width):
                total += x[start + w]
        y[item * work.y_stride + work.y_lead + image * work.y_image] = total / (
            work.x_height * work.x_width
        )


@numba.njit
def clear_around(work, item):
    """Writes zeros to a channel of `y`, but from number `kept_from` to `kept_to` of it."""
    y, start = floats(work.y), item * work.y_stride
    for at in range(start, start + work.kept_from):
        y[at] = 0.0
    for at in range(start + work.kept_to, start + work.y_stride):
        y[at] = 0.0
