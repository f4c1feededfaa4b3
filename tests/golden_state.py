"""Golden states: five steps of a small layer of each technique, frozen in `tests/golden/*.npz`.

What is expected is not what the package once computed: each technique is stated again in numpy, as
a `Statement` beside its rows in `tests/techniques`. `python -m tests.write_golden_states` writes
the files, `tests/test_golden.py` replays them, on any backend.

The layer is a dense one: a technique only changes kernels, all other arithmetic is the layer's.
"""

import contextlib
import dataclasses
import importlib
import pathlib
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np

import state_of_sparsity as sos
from state_of_sparsity.layers import random_numbers
from tests import reference

FOLDER = pathlib.Path(__file__).parent / "golden"
STEPS, RATE = 5, 0.1
TOLERANCE = 1e-5  # of float32 against float64; values are around 1. Masks are to be equal.

# Denser, then sparser, with updates at steps 1, 2 and 3.
GROWING = sos.schedules.PolynomialDecay(0.25, 0.75, begin_step=1, end_step=3, frequency=1)
# Sparse from the start, with updates at steps 0, 2 and 4.
MOVING = sos.schedules.ConstantSparsity(0.5, begin_step=0, end_step=8, frequency=2)


def growing(step):
    """Returns the sparsity of an update at a step of `GROWING`; None where there is none."""
    return reference.polynomial_sparsity(step, 0.25, 0.75, 1, 3) if 1 <= step <= 3 else None


class Statement:
    """A dense layer of a technique in float64: by default with a mask that is all true.

    Args:
        given: `{name: array}` of what is in a file but not expected: `kernel`, what is learned.
    """

    learned: tuple | None = None  # `(name, range at the start, shape)`
    noise: tuple | None = None  # `(name of a function of random_numbers, shape in a step)`
    beside: tuple[str, ...] = ()  # the names of other attributes that are expected
    mask = np.ones((7, 5), bool)

    def __init__(self, given):
        self.kernel = given["kernel"].astype(np.float64)
        if self.learned is not None:
            setattr(self, self.learned[0], given[self.learned[0]].astype(np.float64))

    def update(self, step):
        """Sets masks, where an update is due at a step."""

    def effective(self):
        """Returns the kernel of evaluation."""
        return np.where(self.mask, self.kernel, 0)

    def outputs(self, x, noise):
        """Returns the outputs in training."""
        return x @ self.effective()

    def gradients(self, x, slope, noise):
        """Returns gradients of loss and penalty by their names; `slope` is that by the outputs."""
        return self.of_effective(x.T @ slope)

    def of_effective(self, gradient):
        """Returns the same from the gradient by the effective kernel."""
        return {"kernel": np.where(self.mask, gradient, 0)}

    def penalty(self):
        """Returns what is added to the loss."""
        return 0.0

    def train(self, x, y, noise):
        """Takes one step of gradient descent on the mean squared error."""
        slope = 2 / y.size * (self.outputs(x, noise) - y)
        for name, gradient in self.gradients(x, slope, noise).items():
            setattr(self, name, getattr(self, name) - RATE * gradient)

    def after_step(self):
        """Returns what is expected after a step."""
        beside = self.beside if self.learned is None else (self.learned[0], *self.beside)
        own = {name: getattr(self, name) for name in beside}
        kernels = {"kernel": self.kernel, "effective": self.effective(), "mask": self.mask}
        return {**kernels, "penalty": self.penalty(), **own}


class Scheduled(Statement):
    """Drops the weights of lowest score, by the schedule `GROWING`."""

    def update(self, step):
        if growing(step) is not None:
            self.mask = reference.exact_mask(self.scores(), round(growing(step) * self.mask.size))

    def scores(self):
        return np.abs(self.kernel)


@dataclasses.dataclass(frozen=True)
class Golden:
    """What a technique is replayed by: a built layer to a sparse one, and its statement."""

    wrap: Callable
    statement: type[Statement]


def goldens():
    """Returns every technique's `GOLDEN` by the name of its file in `tests/techniques`."""
    files = sorted((pathlib.Path(__file__).parent / "techniques").glob("*.py"))
    return {f.stem: importlib.import_module(f"tests.techniques.{f.stem}").GOLDEN for f in files}


def given_of(statement, seed):
    """Returns inputs, targets, first values and noise, as float32."""
    rng = np.random.default_rng(seed)
    given = {"x": rng.normal(size=(8, 7)), "y": rng.normal(size=(8, 5))}
    given["kernel"] = rng.normal(scale=0.5, size=(7, 5))
    if statement.learned is not None:
        name, ends, shape = statement.learned
        given[name] = rng.uniform(*ends, shape)
    if statement.noise is not None:
        kind, shape = statement.noise
        given["noise"] = getattr(rng, kind)(size=(STEPS, *shape))
    return {name: np.asarray(value, np.float32) for name, value in given.items()}


def expected_by(statement, given):
    """Returns what numpy expects after each step, `{name: array with an axis of steps}`."""
    layer, steps = statement(given), []
    x, y = (given[name].astype(np.float64) for name in "xy")
    for step in range(STEPS):
        layer.update(step)
        noise = given["noise"][step].astype(np.float64) if "noise" in given else None
        layer.train(x, y, noise)
        steps.append(layer.after_step())
    return {name: np.stack([after[name] for after in steps]) for name in steps[0]}


@contextlib.contextmanager
def given_noise(statement, noise):
    """Has a technique draw noise that is given."""
    if statement.noise is None:
        yield
        return
    drawn = lambda shape, dtype=None, seed=None: keras.ops.convert_to_tensor(noise, dtype)  # noqa: E731
    with mock.patch.object(random_numbers, statement.noise[0], drawn):
        yield


def replay(golden, given):
    """Returns what a layer of the package has after each step, as `expected_by` does."""
    layer = keras.layers.Dense(5, use_bias=False, name="layer")
    layer.build((None, 7))
    wrapper = golden.wrap(layer)
    model = keras.Sequential([keras.Input((7,)), wrapper])
    model.compile(keras.optimizers.SGD(RATE), "mse", run_eagerly=True)
    layer.kernel.assign(given["kernel"])
    beside = wrapper.beside["kernel"]
    for name in beside.keys() & given.keys():
        beside[name].assign(given[name])
    drive, steps = sos.UpdateSparsity(), []
    for step in range(STEPS):
        drive.update(model, step)
        with given_noise(golden.statement, given["noise"][step] if "noise" in given else None):
            model.train_on_batch(given["x"], given["y"])
        (kernel,) = wrapper.sparse_kernels
        own = {name: variable for name, variable in beside.items() if name != "mask"}
        after = {"kernel": layer.kernel, "effective": wrapper.evaluation_kernel(kernel)}
        after |= {"mask": wrapper.present(kernel), "penalty": sum(model.losses, start=0.0), **own}
        steps.append({name: np.array(_in_numpy(value)) for name, value in after.items()})
    return {name: np.stack([after[name] for after in steps]) for name in steps[0]}


def _in_numpy(value):
    """Returns a variable or tensor as an array, also where it is part of a gradient."""
    if isinstance(value, float | np.ndarray):
        return value
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(keras.ops.convert_to_tensor(value)))


def compare(found, expected):
    """Returns whether two states are equal, and a line for each array that says so."""
    lines = []
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            lines.append(f"NOT OK  {name}: only {'expected' if name in expected else 'found'}")
        elif found[name].shape != expected[name].shape:
            shapes = f"shape {found[name].shape} instead of {expected[name].shape}"
            lines.append(f"NOT OK  {name}: {shapes}")
        else:
            difference = np.abs(found[name].astype(float) - expected[name].astype(float))
            exact = expected[name].dtype.kind != "f"
            equal = (difference <= (0 if exact else TOLERANCE)).all()  # not of NaN
            lines.append(
                f"{'OK' if equal else 'NOT OK':6}  {name}: largest difference "
                f"{np.max(difference):.1e}, allowed {0 if exact else TOLERANCE}"
            )
    return not any(line.startswith("NOT") for line in lines), lines


def path_of(name):
    return FOLDER / f"{name}.npz"


def read(name):
    """Returns what a file gives, and what it expects."""
    with np.load(path_of(name)) as arrays:
        parts = {"given": {}, "after": {}}
        for key, value in arrays.items():
            part, _, own = key.partition("/")
            parts[part][own] = value
    return parts["given"], parts["after"]
