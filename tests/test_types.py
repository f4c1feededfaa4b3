"""A type checker finds what a user got wrong, and every public name has types to do so."""

import ast
import inspect
import pathlib
import re
import subprocess
import sys
import types
import venv

import pytest

import state_of_sparsity as sos

PACKAGE = pathlib.Path(sos.__file__).parent
ROOT = PACKAGE.parent

# Lines with `# error` are wrong whatever is known of Keras, one with `# no model` where its classes
# are known, as pyproject.toml has it; all others are right.
PROGRAM = """
import keras
import numpy as np

import state_of_sparsity as sos

model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
layer = keras.layers.Dense(2)
schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
ramp = sos.schedules.Ramp(1e-4, begin_step=0, end_step=100)


def own_schedule(step: int) -> tuple[bool, float]:
    return step % 10 == 0, 0.5


sos.MagnitudePruning(layer, schedule, kernels="kernel", name="pruned", trainable=False)
sos.MagnitudePruning(layer, own_schedule, kernels=("kernel",))
sos.RandomPruning(layer, lambda step: (True, 0.5), seed=1)
sos.FixedMask(layer, np.eye(2))
sos.FixedMask(layer, {"query/kernel": np.eye(2), "key/kernel": [[True, False]]})
sos.VariationalDropout(layer, kl_weight=ramp, threshold=3)
sos.L0Regularization(layer, 1e-5, group="unit")
sos.MagnitudePruning(layer, 0.9)  # error
sos.MagnitudePruning(layer, schedule, distribution="global")  # error
sos.MagnitudePruning(layer, schedule, kernel=("kernel",))  # error
sos.RandomPruning(layer, schedule, seed="one")  # error
sos.FixedMask(layer)  # error
sos.VariationalDropout(layer, "a little")  # error
sos.L0Regularization(layer, 1e-5, group="input")  # error

sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
sos.sparsify(model, sos.distributions.global_magnitude(schedule), copy=True)
rules = [("^head$", None), (".*", lambda layer: sos.RandomPruning(layer, schedule))]
sos.sparsify(model, rules, whole_blocks=True)
sparse.compile("adam", "mse")
sparse.fit(np.ones((8, 5)), np.ones((8, 2)), callbacks=[sos.UpdateSparsity(), sos.SparsityLog()])
sos.sparsfy(model, rules)  # error
sos.sparsify(1, None)  # error
sos.sparsify(model)  # error
sos.sparsify(model, [("^head$", 0.9)])  # error
sos.sparsify(1, rules)  # no model
sos.UpdateSparsity(strict="yes")  # error
sos.UpdateSparsity().update(sparse, "0")  # error
sos.schedules.ConstantSparsity("0.5", 0)  # error
sos.schedules.ConstantSparsty(0.5, 0)  # error

report = sos.report(sparse, input_shape=(5,))
half: float = report.sparsity / 2
path: str = report.layers[0].path
size: str = report.size  # error
report.sparsty  # error
sos.report(sparse, (5.5,))  # error
masks = {path: mask.mean() for path, mask in sos.masks(sparse).items()}
names: list[str] = [wrapper.layer.name for wrapper in sos.sparse_layers(sparse).values()]
sos.strip(sos.freeze(sparse), in_place=True).save("model.keras")
sos.write_zeros(sparse)
sos.strip(sparse, True)  # error
sos.masks(model)["kernel"].men()  # error
version: int = sos.__version__  # error
"""
PROGRAM += "".join(f"print(sos.{name})\n" for name in sos.__all__)  # the stub has them all


def lines_marked(*marks):
    lines = enumerate(PROGRAM.splitlines(), start=1)
    return [number for number, line in lines if line.endswith(tuple(f"  # {m}" for m in marks))]


def lines_with_errors(output, program):
    """Returns the lines of the program that a checker's output blames; it may blame no other."""
    found = re.findall(r"^(.*?):(\d+): error: ", output, re.MULTILINE)
    others = [path for path, _ in found if pathlib.Path(path).name != program.name]
    assert others == [], output
    return sorted({int(line) for _, line in found})


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def check(folder, *arguments):
    """Returns what mypy prints of a program, run in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # some errors, and no failure
    return done.stdout


def test_with_the_settings_of_this_package(program):
    """And with what is known of Keras; the package's own modules have no error either."""
    output = check(ROOT, program)
    assert lines_with_errors(output, program) == lines_marked("error", "no model"), output


def test_as_a_user_with_the_package_installed(program, tmp_path):
    """`py.typed` and the stub count, without settings, where nothing is known of Keras."""
    venv.create(tmp_path / "venv", symlinks=True)
    (installed,) = (tmp_path / "venv").rglob("site-packages")
    (installed / "state_of_sparsity").symlink_to(PACKAGE, target_is_directory=True)
    others = [path for path in sys.path if pathlib.Path(path).name == "site-packages"]
    (installed / "others.pth").write_text("\n".join(others), encoding="utf-8")
    output = check(
        tmp_path,
        *("--config-file=", "--ignore-missing-imports"),
        *("--python-executable", tmp_path / "venv" / "bin" / "python", program),
    )
    assert lines_with_errors(output, program) == lines_marked("error"), output


def members(value):
    """Yields `(name, function)` of a public function, or of what a public class defines."""
    if not isinstance(value, type):
        yield value.__name__, value
        return
    for kind in value.__mro__:
        if not kind.__module__.startswith("state_of_sparsity."):
            continue
        for name, member in vars(kind).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            public = not name.startswith("_") or name in ("__init__", "__call__")
            if public and isinstance(function, types.FunctionType):
                yield f"{kind.__name__}.{name}", inspect.unwrap(function)


def without_types(function):
    """Returns the parameters of a function that have no annotation, `return` for its result."""
    signature = inspect.signature(function)
    constructs = function.__name__ == "__init__"
    parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    missing = [p.name for p in parameters if p.annotation is p.empty]
    untold = signature.return_annotation is signature.empty and not constructs
    return missing + ["return"] * untold


def public_values():
    for name in sos.__all__:
        value = getattr(sos, name)
        if isinstance(value, types.ModuleType):
            inside = vars(value).items()
            ours = (v for n, v in inside if not n.startswith("_") and callable(v))
            yield from (v for v in ours if getattr(v, "__module__", "").startswith(value.__name__))
        elif callable(value):
            yield value


def test_every_public_name_has_types():
    found = {name: member for value in public_values() for name, member in members(value)}
    assert {"sparsify", "SparseWrapper.__init__", "Ramp.__call__", "global_magnitude"} <= {*found}
    assert {n: missing for n, member in found.items() if (missing := without_types(member))} == {}


# Of these parts everything public has types; of data sets and of training what users name.
TYPED = (
    *("accounting", "analysis", "layers", "losses", "masking", "models", "optimizers"),
    *("schedules", "updates", "distributions.py"),
    *("training/experiment.py", "training/evaluate.py", "training/train.py"),
    *("training/threshold_sweep.py", "training/translation"),
    *("data/in_memory.py", "data/read_when_used.py", "data/text/vocabulary.py"),
    *("data/images/digits.py", "data/images/mnist.py", "data/images/cifar10.py"),
    *("data/images/imagenet.py", "data/text/translation.py", "data/text/parallel_text.py"),
    *("data/text/parallel_records.py", "data/grammar/corpus.py"),
)


def public_functions(body, prefix=""):
    """Yields `(name, ast.FunctionDef)` of public functions, and of those of public classes."""
    for node in body:
        named = not getattr(node, "name", "_").startswith("_")
        if isinstance(node, ast.ClassDef) and named:
            yield from public_functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (named or node.name in ("__init__", "__call__")):
            yield prefix + node.name, node


@pytest.mark.parametrize("part", TYPED)
def test_everything_public_in_a_part_has_types(part):
    files = [PACKAGE / part] if part.endswith(".py") else sorted((PACKAGE / part).rglob("*.py"))
    missing, functions = [], 0
    for path in files:
        for name, node in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            functions += 1
            arguments = node.args
            of_all = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            of_all += [each for each in (arguments.vararg, arguments.kwarg) if each]
            untyped = [
                a.arg for a in of_all if a.annotation is None and a.arg not in ("self", "cls")
            ]
            if untyped or (node.returns is None and node.name != "__init__"):
                missing.append((path.name, name, untyped))
    assert functions and missing == []
