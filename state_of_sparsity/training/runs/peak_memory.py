"""The most memory that a process and its accelerators have held since a moment."""

import contextlib
import pathlib
import sys

import keras

_STATUS, _RESET = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")
_PEAK_OF_MEMORY = "5"  # what to write there, by proc(5)


def start() -> None:
    """Forgets what the process held before, where the system lets it do so (Linux)."""
    with contextlib.suppress(OSError):
        _RESET.write_text(_PEAK_OF_MEMORY, encoding="ascii")


def now() -> dict[str, int]:
    """Returns the most bytes held since `start`, by name, of what can be known.

    `peak_memory_bytes` is of the process; where the system cannot forget (macOS) since it began.
    `peak_device_memory_bytes` is of one accelerator, since the process began.
    """
    found = {
        "peak_memory_bytes": _of_process(),
        "peak_device_memory_bytes": _DEVICES.get(keras.backend.backend(), lambda: None)(),
    }
    return {name: value for name, value in found.items() if value is not None}


def _of_process():
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _of_jax():
    import jax

    statistics = (device.memory_stats() or {} for device in jax.local_devices())
    return max((each.get("peak_bytes_in_use", 0) for each in statistics), default=0) or None


def _of_tensorflow():
    import tensorflow as tf

    names = [device.name.split(":", 1)[1] for device in tf.config.list_physical_devices("GPU")]
    return max((tf.config.experimental.get_memory_info(n)["peak"] for n in names), default=None)


_DEVICES = {"jax": _of_jax, "tensorflow": _of_tensorflow}
