"""Where the time of a step goes: self time of each kind of op, by the backend's own profiler."""

import collections
import pathlib
import re
import tempfile

import keras

# Threads that carry out ops, by the beginning of their names.
_THREADS = {"tensorflow": ("tf_Compute",), "jax": ("tf_XLAEigen", "tf_XLAPjRt")}


def time_by_kind(step, repeats=3) -> list[tuple[str, int, float]]:
    """Runs a step under the profiler.

    Args:
        step: a callable, warmed up.
        repeats: how often it is run.

    Returns:
        `(kind of op, calls a step, milliseconds a step)`, the longest first. Threads are added
        up: what runs beside something else counts too. With JAX a kind is a fusion's name.
    """
    with tempfile.TemporaryDirectory() as folder:
        _record(step, repeats, folder)
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        times, calls = collections.Counter(), collections.Counter()
        for thread, events in _threads(path):
            if thread.startswith(_THREADS[keras.backend.backend()]):
                for name, time in _self_times(events):
                    times[_kind(name)] += time / 1e6 / repeats
                    calls[_kind(name)] += 1 / repeats
    return [(kind, round(calls[kind]), time) for kind, time in times.most_common()]


def _record(step, repeats, folder):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        profile = tf.profiler.experimental.Profile(folder)
    else:
        import jax

        profile = jax.profiler.trace(folder)
    with profile:
        for _ in range(repeats):
            step()


def _threads(path):
    """Yields `(thread, [(start, duration, name), ...])` in nanoseconds, of the host."""
    if keras.backend.backend() == "tensorflow":
        from tensorflow.tsl.profiler.protobuf import xplane_pb2

        for plane in xplane_pb2.XSpace.FromString(path.read_bytes()).planes:
            names = plane.event_metadata
            for line in plane.lines:
                yield (
                    line.name,
                    [
                        (e.offset_ps / 1e3, e.duration_ps / 1e3, names[e.metadata_id].name)
                        for e in line.events
                    ],
                )
    else:
        from jax.profiler import ProfileData

        for plane in ProfileData.from_file(str(path)).planes:
            for line in plane.lines:
                yield line.name, [(e.start_ns, e.duration_ns, e.name) for e in line.events]


def _self_times(events):
    """Yields `(name, duration)` of each event without that of the events inside it."""
    stack = []  # [end, name, time]
    for start, duration, name in sorted(events, key=lambda event: (event[0], -event[1])):
        while stack and stack[-1][0] <= start:
            yield stack.pop()[1:]
        if stack:
            stack[-1][2] -= duration
        stack.append([start + duration, name, duration])
    yield from (entry[1:] for entry in stack)


def _kind(name):
    """Returns the type of a TensorFlow op, or an XLA fusion's name without its number."""
    return re.sub(r"(\.\d+)+$", "", name.rsplit(":", 1)[-1])
