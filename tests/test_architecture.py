"""The rules of the layout: who imports whom, how long files are, what is public."""

import ast
import json
import pathlib
import subprocess
import sys
import types

import keras
import pytest

import state_of_sparsity as sos
from state_of_sparsity import layers

ROOT = pathlib.Path(sos.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MAX_LINES, MAX_FUNCTION = 300, 60

# The parts of the package from the bottom up: a part imports from parts before it, never after.
# Parts of one tuple do not import each other.
LEVELS = [
    ("arguments", "errors", "masking"),
    (
        *("after_import", "atomic_write", "extras", "file_lock", "json_files", "output_path"),
        *("table_cells", "tables", "token_ids", "user_warnings", "version", "zip_years"),
    ),
    ("schedules",),
    ("wrapping",),
    ("optimizers",),
    ("patterns",),
    ("layers",),
    ("surgery",),
    ("compressed_file", "distributions", "accounting"),
    ("updates", "inference"),
    ("models", "data", "analysis"),
    ("losses",),
    ("earlier_names", "tfmot"),
    ("training",),
    ("bin",),
]
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}
# These import nothing of ours outside themselves, but checks of arguments and ways to use files.
ALONE = ("models", "data", "analysis")
FILES_OF_ANY = (
    "arguments",
    "atomic_write",
    "errors",
    "extras",
    "file_lock",
    "json_files",
    "output_path",
    "table_cells",
    "tables",
    "token_ids",
    "version",
)


def part_of(path):
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imported_modules(path):
    """Yields the full name of every module that a file imports, anywhere in it."""
    package = ["state_of_sparsity", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            # `from package import module` imports the module too
            yield from (f"{base}.{alias.name}" for alias in node.names)


def our_imports(path):
    names = (name.split(".") for name in imported_modules(path))
    return {parts[1] for parts in names if parts[0] == "state_of_sparsity" and len(parts) > 1}


def modules():
    return [path for path in FILES if part_of(path) != "__init__"]


def test_imports_go_down_only():
    wrong = []
    for path in modules():
        part = part_of(path)
        assert part in LEVEL, f"give {part!r} a place in LEVELS"
        for other in our_imports(path) - {part}:
            public = other not in LEVEL and other in sos.__all__
            if not public and LEVEL.get(other, len(LEVELS)) > LEVEL[part]:
                wrong.append(f"{path.relative_to(ROOT)} imports {other}")
    assert wrong == []


def test_no_two_parts_import_each_other():
    imports = {}
    for path in modules():
        imports.setdefault(part_of(path), set()).update(our_imports(path) & set(LEVEL))
    pairs = [(part, other) for part, others in imports.items() for other in others - {part}]
    assert [pair for pair in pairs if pair[::-1] in pairs] == []


def test_no_module_imports_itself_by_way_of_others():
    """Within a part too: every module can be read before those that use it."""
    names = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in modules()}
    imports = {}
    for path in modules():
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        imports[name] = names & {*imported_modules(path)} | {
            found.rpartition(".")[0] for found in imported_modules(path)
        } & names - {name}
    assert sum(map(len, imports.values())) > 200
    while leaves := {name for name, found in imports.items() if not found & imports.keys()}:
        imports = {name: found for name, found in imports.items() if name not in leaves}
    assert sorted(imports) == []


def test_parts_that_stand_alone():
    for path in modules():
        if part_of(path) in ALONE:
            assert our_imports(path) <= {part_of(path), *FILES_OF_ANY}, path


def test_foreign_packages_are_imported_where_they_belong():
    for path in modules():
        found = {name.split(".")[0] for name in imported_modules(path)}
        assert not found & {"tf_keras", "tensorflow_model_optimization"}, path
        if part_of(path) != "bin":
            assert not found & {"absl", "gin"}, path
        if part_of(path) == "analysis":
            assert not found & {"keras", "tensorflow"}, path


def test_private_names_of_gin_have_one_file():
    for path in (ROOT / "bin").glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        private = {
            ast.unparse(node)
            for node in nodes
            if isinstance(node, ast.Attribute) and node.attr.startswith("_")
        }
        of_others = {name for name in private if not name.startswith(("self.", "os._exit"))}
        assert path.name == "gin_internals.py" or all("__" in name for name in of_others), path


# The files that use what Keras calls private; the names that Python itself gives others; and
# what else is used, where: a name of TensorFlow Datasets, and gin's, which `bin` has rules for.
KERAS_INTERNALS = [
    ROOT / "wrapping" / f"keras_{of}.py"
    for of in ("graphs", "internals", "optimizers", "saving", "variables")
]
PYTHONS = {"_asdict", "_exit", "_fields", "_getframe", "_initializing", "_make", "_replace"}
OTHERS = {ROOT / "data" / "known_features.py": {"_registered_features"}}
# What we keep on layers and models that are Keras's, for TensorFlow's checkpoints.
KEPT_ON_MODELS = {"_checkpointed_state", "_checkpointed_sparsity"}


def names_of_our_own(tree):
    """Yields what a file defines: functions, classes, variables, attributes of `self`."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_own(node):
            yield node.attr


def is_own(attribute):
    return isinstance(attribute.value, ast.Name) and attribute.value.id in ("self", "cls")


def private_names_used(tree):
    """Yields `(node, name)` for names with one underscore, of an attribute or in its text."""
    by_text = ("getattr", "setattr", "hasattr", "delattr")
    for node in ast.walk(tree):
        name = None
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in by_text:
            name = getattr(node.args[1], "value", None)
        if isinstance(name, str) and name.startswith("_") and not name.startswith("__"):
            yield node, name


def test_private_names_of_others_are_used_in_one_file():
    """A new version of Keras that changes one is then put right in one place."""
    trees = {path: ast.parse(path.read_text()) for path in FILES if path not in KERAS_INTERNALS}
    ours = {name for tree in trees.values() for name in names_of_our_own(tree)}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    held = {name for each in (model, *model._flatten_layers()) for name in vars(each)}
    found = []
    for path, tree in trees.items():
        allowed = PYTHONS | KEPT_ON_MODELS | OTHERS.get(path, set())
        for node, name in private_names_used(tree) if part_of(path) != "bin" else ():
            # A method of Keras's is its own on `self` too; of its attributes ours may share names.
            own = isinstance(node, ast.Attribute) and is_own(node)
            of_keras = hasattr(keras.Model, name) or (name in held and not own)
            if name not in allowed and (of_keras or name not in ours):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} uses {name}")
        imported = [name for name in imported_modules(path) if name.startswith("keras.src")]
        found += [f"{path.relative_to(ROOT)} imports {name}" for name in imported]
        # Keras's tracking is not dodged: a dict outside the layer holds what it should not see.
        if "object.__setattr__" in path.read_text():
            found.append(f"{path.relative_to(ROOT)} uses object.__setattr__")
    assert found == []


def test_files_and_functions_are_short():
    long = []
    for path in FILES:
        lines = len(path.read_text().splitlines())
        if lines > MAX_LINES:
            long.append((str(path), lines))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION:
                    long.append((f"{path}: {node.name}", lines))
    assert long == []


def test_names_of_files_say_something():
    empty = {"utils", "util", "common", "helpers", "helper", "misc"}
    for path in FILES:
        assert not empty & {p.removesuffix(".py") for p in path.relative_to(ROOT).parts}, path


def test_tests_are_not_too_long_either():
    tests = pathlib.Path(__file__).parent
    long = [path.name for path in tests.rglob("*.py") if len(path.read_text().splitlines()) > 400]
    assert long == []


def test_the_public_names():
    """What `layers` exports is public, and nothing else that can be wrapped around a layer."""
    assert dir(sos) == sos.__all__ == sorted({*sos.__all__})
    public = {name: getattr(sos, name) for name in sos.__all__ if name != "__version__"}
    wrappers = {
        name
        for name, value in public.items()
        if isinstance(value, type) and issubclass(value, sos.SparseWrapper)
    }
    assert wrappers == {*layers.__all__}
    modules = {name for name, value in public.items() if isinstance(value, types.ModuleType)}
    for name, value in public.items():
        home = value.__name__ if name in modules else value.__module__
        assert home.startswith("state_of_sparsity."), name
        assert name in modules or value.__name__ == name
    # A part of that name would take the place of a function once it is imported.
    assert {name for name in public if name in LEVEL} == modules


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match=r"state_of_sparsity.*'prune'"):
        sos.prune  # noqa: B018


def test_every_public_name_is_documented():
    for name in sos.__all__:
        if name != "__version__":
            assert (getattr(sos, name).__doc__ or "").strip(), name


PROBE = """
import json, os, sys

def state():
    heavy = ("keras", "tensorflow", "jax", "tf_keras", "tensorflow_model_optimization")
    return {"loaded": [m for m in heavy if m in sys.modules],
            "variable": os.environ.get("TF_USE_LEGACY_KERAS")}

seen = {}
import state_of_sparsity as sos
seen["package"] = state()
import importlib, pkgutil
import state_of_sparsity.analysis as analysis
for module in pkgutil.walk_packages(analysis.__path__, "state_of_sparsity.analysis."):
    importlib.import_module(module.name)
seen["analysis"] = state()
import keras
seen["registered"] = [m for m in sys.modules if m.startswith("state_of_sparsity.")]
for name in sos.__all__:
    getattr(sos, name)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
schedule = sos.schedules.ConstantSparsity(0.5, 0)
model = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
sos.UpdateSparsity().update(model, 0)
seen["core"] = state()
from state_of_sparsity.bin import gin_app
gin_app.parse(["quickstart/magnitude_pruning.gin"], ["SPARSITY = 0.9"])
seen["gin"] = state()
from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules
schedule = pruning_schedules().ConstantSparsity(0.5, 0)
model = sos.sparsify(sos.strip(model), lambda layer: sos.MagnitudePruning(layer, schedule))
model.save("model.keras")
seen["tfmot"] = state()
import tensorflow as tf
seen["keras 3"] = isinstance(model, tf.keras.Model)
print(json.dumps(seen))
"""
REVIVE = """
import os, sys
import state_of_sparsity
import keras
model = keras.saving.load_model("model.keras")
assert type(model.layers[0]).__name__ == "MagnitudePruning"
keras.saving.get_custom_objects().clear()
for module in [name for name in sys.modules if name.startswith("state_of_sparsity")]:
    del sys.modules[module]
import state_of_sparsity  # in the other order now
model = keras.saving.load_model("model.keras")
assert type(model.layers[0]) is state_of_sparsity.MagnitudePruning
assert os.environ.get("TF_USE_LEGACY_KERAS") == sys.argv[1]
"""


def run(code, folder, *arguments, **variables):
    import os

    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    environment |= {"PYTHONPATH": str(ROOT.parent), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_an_import_brings_in(tmp_path):
    seen = json.loads(run(PROBE, tmp_path).splitlines()[-1])
    nothing = {"loaded": [], "variable": None}
    assert seen["package"] == nothing
    assert seen["analysis"] == nothing  # neither Keras nor TensorFlow
    for stage in ("core", "gin"):  # TF-MOT's schedules do not need the rest of it
        loaded = set(seen[stage]["loaded"])
        assert not {"tf_keras", "tensorflow_model_optimization"} & loaded, stage
    assert "tensorflow_model_optimization" in seen["tfmot"]["loaded"]
    assert {stage["variable"] for stage in seen.values() if isinstance(stage, dict)} == {None}
    assert seen["keras 3"]
    # Importing the package is all that a saved model needs.
    files = [
        path for path in FILES if "@keras.saving.register_keras_serializable" in path.read_text()
    ]
    names = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in files}
    assert len(names) > 10 and names - set(seen["registered"]) == set()


@pytest.mark.slow  # the suite loads files in a new process that imports the package alone, too
def test_a_model_with_a_schedule_of_tfmot_is_revived_and_what_the_user_set_is_kept(tmp_path):
    run(PROBE, tmp_path)
    run(REVIVE, tmp_path, "0", TF_USE_LEGACY_KERAS="0")
