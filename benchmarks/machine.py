"""The machine that a benchmark ran on, and the versions of what it ran."""

import importlib.metadata
import os
import pathlib
import platform

_PACKAGES = (
    "state_of_sparsity",
    "keras",
    "tensorflow",
    "jax",
    "jaxlib",
    "numpy",
    "tf_keras",
    "tensorflow-model-optimization",
)


def describe() -> dict:
    """Returns the class of the machine: processor, cores, memory, accelerators, load."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "accelerators": _accelerators(),
        "load_average_1_min": round(os.getloadavg()[0], 2),
    }


def versions() -> dict:
    """Returns `{package: version}` of those that are installed, and of Python."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _accelerators():
    """Returns the names of the accelerators that the backend sees; none before it is imported."""
    import sys

    if "jax" in sys.modules:
        devices = sys.modules["jax"].devices()
        return [device.device_kind for device in devices if device.platform != "cpu"]
    if "tensorflow" in sys.modules:
        config = sys.modules["tensorflow"].config
        devices = config.list_physical_devices("GPU")
        return [config.experimental.get_device_details(d).get("device_name", "") for d in devices]
    return []
