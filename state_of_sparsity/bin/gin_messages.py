"""What is wrong with a gin configuration, said in one line and with the nearest right name."""

import difflib
import inspect
import pathlib
import re
import sys

import gin
from absl import flags

from state_of_sparsity import extras
from state_of_sparsity.bin import gin_internals, gin_parsing

_START = "state_of_sparsity.training.tickets.Start"
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def explain(error, gin_configs):
    """Returns a `gin_parsing.GinError` as one line that names the nearest right name.

    Args:
        error: the exception.
        gin_configs: folder of the package's gin files.
    """
    message = " ".join(error.message.split())
    where = f" In {error.place}." if not error.place.startswith("--gin_file") else ""
    if error.missing is not None:
        known = sorted(p.relative_to(gin_configs).as_posix() for p in gin_configs.rglob("*.gin"))
        return message + _did_you_mean(nearest_files(error.missing, known)) + where
    if isinstance(error.__cause__, ImportError) and "tensorflow" in message:
        return (
            "A gin file imports TF-MOT, which needs TensorFlow, and that is not installed here. "
            f"Install both ({extras.command('tensorflow')}), or use "
            "a copy of the file with `sos.schedules.PolynomialDecay` in place of "
            "`tfmot.sparsity.keras.PolynomialDecay`; the arguments are the same. "
            f"({message}){where}"
        )
    near = ""
    if match := re.search(r"Configurable '(.+?)' doesn't have a parameter named '(.+?)'", message):
        configurables = gin_internals.configurables_named(match[1].split(".")[-1])
        near = _nearest(match[2], [name for c in configurables for name in _parameters(c)])
    elif match := re.search(r"No configurable matching (?:reference )?'@?(.+?)(?:\(\))?'", message):
        near = _nearest(match[1], _selectors())
    elif match := re.search(r"<module '(.+?)' .*?has no attribute (\w+)", message):
        near = _nearest(match[2], dir(sys.modules[match[1]]))
    return f"{message.removesuffix('.')}.{near}{where}"


def nearest_files(name, known):
    """Returns up to three of the known gin files that a name may mean, the likeliest first.

    The name of the file counts most, then its folder; of files that are alike otherwise, the one
    of the quickstart comes first.
    """
    name = name.replace("\\", "/").lower().rpartition("gin_configs/")[2].strip("/")
    name = name.removesuffix(".gin")
    inside = [path for path in known if path.startswith(f"{name}/")]
    folder, _, file = name.rpartition("/")

    def likeness(path):
        of_folder, _, of_file = path.removesuffix(".gin").rpartition("/")
        same_folder = _ratio(folder.rpartition("/")[2], of_folder.rpartition("/")[2])
        bonus = 0.1 * (of_folder == "quickstart") + 0.5 * same_folder * (same_folder >= 0.6)
        return _ratio(file, of_file), bonus

    scores = {path: likeness(path) for path in known}
    alike = [path for path, (same_file, _) in scores.items() if same_file >= 0.6]
    return (inside or sorted(alike, key=lambda path: -sum(scores[path])))[:3]


def _ratio(a, b):
    return difflib.SequenceMatcher(None, a, b).ratio()


def uses_macro(name):
    """Returns whether the parsed configuration refers to a macro."""
    return name in _used_macros()


def _used_macros():
    """Returns, by macro, `(scope, selector, parameter)` of the bindings that refer to it."""
    macro, used = gin.get_configurable(gin.config.macro), {}
    for key, bindings in gin_internals.bindings().items():
        for parameter, value in bindings.items():
            for reference in gin.config.iterate_references({"": value}, to=macro):
                used.setdefault(reference.config_key[0], []).append((*key, parameter))
    return used


def macro_problems():
    """Returns a sentence for every macro that is not defined, not used or not filled."""
    defined = {scope for scope, selector in gin_internals.bindings() if selector == "gin.macro"}
    used = _used_macros()
    problems = [
        f"The macro %{name} is used but not defined.{_nearest(name, defined - {name})}"
        f"{_in_places(used[name])}"
        for name in sorted(set(used) - defined)
    ]
    for name in sorted(defined - set(used)):
        flag, near = flag_of(name), _nearest(name, used)
        where = "" if flag else _in_places([(name, "gin.macro", "value")])
        given = f"given by {flag}" if flag else "given"
        problems.append(f"The macro {name} is {given} but nothing uses it.{near}{where}")
    for (scope, selector), bindings in gin_internals.bindings().items():
        for parameter, value in bindings.items():
            if _is_required(value):
                is_macro = selector == "gin.macro"
                name = scope if is_macro else f"{selector.split('.')[-1]}.{parameter}"
                problems.append(f"{name} must be given: add --gin_binding='{name} = ...'.")
    return problems


def _in_places(keys):
    """Returns a sentence that says where bindings are, nothing if that is not known."""
    where = dict.fromkeys(gin_parsing.places[key] for key in keys if key in gin_parsing.places)
    return f" In {'; '.join(where)}." if where else ""


def flag_of(name):
    """Returns "--flag" where a macro was given by its flag on the command line, else ""."""
    flag = name.lower()
    given = flag in flags.FLAGS and flags.FLAGS[flag].present
    return f"--{flag}" if given else ""


def is_bound(wrapped):
    """Returns whether the configuration binds anything of a class or function."""
    return bool(selectors_bound(wrapped))


def selectors_bound(wrapped):
    """Returns the complete selectors by which the configuration binds something of an object."""
    known = set(gin_internals.selectors())
    bound = known & {selector for _, selector in gin_internals.bindings()}
    return [each for each in bound if gin_internals.configurable(each).wrapped is wrapped]


def unused_bindings(gin_configs):
    """Returns the names of configurables that have bindings and were never called.

    A gin file of the user's own may leave out what the package's files bind: it cannot take their
    bindings away.

    Args:
        gin_configs: folder of the package's gin files.

    Returns:
        The names, sorted, and a sentence that says where they are bound.
    """
    unused = {
        f"{scope}/{selector}".strip("/").replace(selector, ".".join(selector.split(".")[-2:])): key
        for key in gin_internals.bindings()
        for scope, selector in [key]
        if selector not in ("gin.macro", "gin.constant")
        and not _was_called(scope, selector)
        and selector not in _of_starts()
    }
    ours = {file for file in gin_parsing.files.values() if file and _lies_in(file, gin_configs)}
    if set(gin_parsing.files.values()) - ours - {None}:
        unused = {name: key for name, key in unused.items() if not _is_bound_in(ours, key)}
    keys = [(*key, name) for key in unused.values() for name in gin_internals.bindings()[key]]
    return sorted(unused), _in_places(keys)


def _lies_in(file, folder):
    return pathlib.Path(file).is_relative_to(folder.resolve())


def _is_bound_in(files, key):
    """Returns whether all that is bound of an object is bound in some files."""
    bound = gin_internals.bindings()[key]
    return all(gin_parsing.files.get((*key, name)) in files for name in bound)


def _of_starts():
    """Returns what starts of runs were given: only a run that begins anew calls it."""
    starts = (v for (_, selector), v in gin_internals.bindings().items() if selector == _START)
    return {r.configurable.selector for v in starts for r in gin.config.iterate_references(v)}


def _was_called(scope, selector):
    """Returns whether a configurable was called in a scope or in one inside it."""
    return any(
        called == selector and (not scope or f"{inner}/".startswith(f"{scope}/"))
        for inner, called in gin_internals.called()
    )


def doubtful_parameters():
    """Returns a sentence for every bound parameter that only `**kwargs` can take.

    gin lets those pass, and the object that gets them may not know them.
    """
    sentences = []
    for (scope, selector), bindings in gin_internals.bindings().items():
        configurable = gin_internals.configurable(selector)
        names = _parameters(configurable)
        for parameter in bindings:
            if parameter not in names:
                name = f"{selector.split('.')[-1]}.{parameter}"
                nearest = _nearest(parameter, names)
                where = _in_places([(scope, selector, parameter)])
                sentences.append(
                    f"`{name}` is bound and is not one of its parameters.{nearest}{where}"
                )
    return sentences


def _is_required(value):
    is_reference = isinstance(value, gin.config.ConfigurableReference)
    if not is_reference or not gin_internals.is_constant(value):
        return value is gin.REQUIRED
    return value.scoped_configurable_fn() is gin.REQUIRED


def _parameters(configurable):
    """Returns the names of all parameters; a class passes `**kwargs` on to what it is based on."""
    wrapped, names = configurable.wrapped, []
    constructors = [
        vars(base)["__init__"]
        for base in (wrapped.__mro__ if inspect.isclass(wrapped) else ())
        if "__init__" in vars(base)
    ]
    for function in constructors or [wrapped]:
        parameters = inspect.signature(function).parameters.values()
        names += [p.name for p in parameters if p.name != "self" and p.kind not in _STARRED]
        if not any(p.kind == inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return list(dict.fromkeys(names))


def _selectors():
    return [".".join(selector.split(".")[-2:]) for selector in gin_internals.selectors()]


def _nearest(name, known):
    return _did_you_mean(difflib.get_close_matches(name, list(known), n=3, cutoff=0.6))


def _did_you_mean(near):
    return f" Did you mean {' or '.join(near)}?" if near else ""
