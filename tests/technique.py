"""A row of the conformance table: what a technique declares, and what its `expect` looks at.

Rows are in `tests/techniques/<name>.py`, one file a technique; `tests/conformance.py` has them all.
"""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

import state_of_sparsity as sos
from state_of_sparsity import layers

# Updates at steps 4 and 8: multiples of 4, for steps_per_execution=4 to do what single steps do.
SCHEDULE = sos.schedules.PolynomialDecay(0.25, 0.75, begin_step=4, end_step=8, frequency=4)
NEVER = sos.schedules.ConstantSparsity(0.0, begin_step=0, frequency=1)
WEIGHT = 0.01
RAMP = sos.schedules.Ramp(WEIGHT, begin_step=4, shape="constant")
NO_RAMP = sos.schedules.Ramp(0.0, begin_step=4, shape="constant")
LAYERS = ("convolution", "head")


@dataclasses.dataclass(frozen=True)
class Technique:
    """One technique, set up in one way.

    Args:
        rules: `schedule -> rules` for `sos.sparsify`; what has no schedule ignores it.
        inert: `rules` of no effect.
        expect: `(model, sparsity)`, which asserts that the masks are what they have to be.
        scheduled: whether masks change when its schedule says so, and at no other step.
        driven: whether it needs `UpdateSparsity`.
        variables: the names of what it keeps beside a kernel.
        learned: of those that training changes, a range of values that makes some weights absent
            and others present.
        settled: the same, of values for which that is so in every step, whatever the noise.
        penalty: `(kernel, *values of variables) ->` the penalty of a kernel before it is weighted,
            by `WEIGHT`; None without.
        trains_absent: whether weights that are absent at evaluation are trained on.
        tolerance: how close `inert` is to the plain layer.
    """

    rules: Callable
    inert: Callable
    expect: Callable
    scheduled: bool = True
    driven: bool = True
    variables: tuple[str, ...] = ("mask",)
    learned: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    settled: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    penalty: Callable | None = None
    trains_absent: bool = False
    tolerance: float = 1e-6


def technique_files():
    """Returns the names of the modules of the public techniques.

    They are what Keras can revive: the bases that techniques share are not registered.
    """
    public = (getattr(layers, name) for name in layers.__all__)
    kinds = [kind for kind in public if keras.saving.get_registered_name(kind) != kind.__name__]
    return sorted({kind.__module__.rpartition(".")[2] for kind in kinds})


def kernels_of(model):
    """Returns the stored kernels of a model by their paths."""
    found = {name: model.get_layer(name) for name in LAYERS}
    plain = {name: getattr(layer, "layer", layer) for name, layer in found.items()}
    return {f"{name}/kernel": layer.kernel.numpy() for name, layer in plain.items()}


def state_of(model, name):
    """Returns the variables of that name, by the paths of their kernels."""
    variables = {layer: model.get_layer(layer).variables for layer in LAYERS}
    return {
        f"{layer}/kernel": next(v for v in own if v.name == name)
        for layer, own in variables.items()
    }


def spread(model, learned):
    """Gives what is learned beside kernels, `{name: range}`, values that hold zeros and others."""
    rng = np.random.default_rng(1)
    for name, (low, high) in learned.items():
        for wrapper in sos.sparse_layers(model).values():
            for beside in wrapper.beside.values():
                beside[name].assign(rng.uniform(low, high, beside[name].shape))


def fill_records(model):
    """Gives layers a record, as of a step that has been taken."""
    rng = np.random.default_rng(2)
    for wrapper in sos.sparse_layers(model).values():
        for beside in wrapper.beside.values() if getattr(wrapper, "records", None) else ():
            least = 0.0 if wrapper.records == "inputs" else -1.0  # squares
            record = beside[wrapper.records]
            record.assign(rng.uniform(least, 1.0, record.shape))


def expect_counts(model, sparsity):
    """Every kernel has as many zeros as its sparsity says."""
    for mask in sos.masks(model).values():
        assert mask.size - mask.sum() == round(sparsity * mask.size)


def expect_masks(model, expected):
    """The masks are those of `expected`, `{kernel path: array}`."""
    assert list(sos.masks(model)) == list(expected)
    for path, mask in sos.masks(model).items():
        np.testing.assert_array_equal(mask, expected[path])
