"""What is wrong with a gin configuration, said in one line and with the nearest right name."""

import difflib
import inspect
import re
import sys

import gin
from absl import flags

# gin has no public way to walk over what was bound; these are the names its own hooks use.
_config = gin.config
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def one_line(error):
    """Returns the message of an error in one line, without gin's trail of calls."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, KeyError):
        message = f"unknown key {message}"
    lines = [line.strip() for line in message.splitlines()]
    trail = ("In call to configurable", "No values supplied by Gin", "Gin had values", "Caller sup")
    kept = [line for line in lines if line and not line.startswith(trail)]
    return " ".join(kept) or type(error).__name__


def explain(error, gin_files, gin_configs):
    """Returns an error of gin's parser as one line that names the nearest right name.

    Args:
        error: the exception.
        gin_files: the gin files asked for.
        gin_configs: folder of the package's gin files.
    """
    message = one_line(error)
    if isinstance(error, ImportError) and "tensorflow" in message:
        return (
            "A gin file imports TF-MOT, which needs TensorFlow, and that is not installed here. "
            "Install both (pip install tensorflow tensorflow-model-optimization tf_keras), or use "
            "a copy of the file with `sos.schedules.PolynomialDecay` in place of "
            "`tfmot.sparsity.keras.PolynomialDecay`; the arguments are the same. "
            f"({message})"
        )
    if isinstance(error, OSError):
        name = re.search(r"Unable to open file: (\S+)\. Searched", message)
        name = name.group(1) if name else ", ".join(gin_files)
        known = sorted(str(p.relative_to(gin_configs)) for p in gin_configs.rglob("*.gin"))
        return f"There is no gin file {name}.{_nearest(name.removeprefix('gin_configs/'), known)}"
    if match := re.search(r"Configurable '(.+?)' doesn't have a parameter named '(.+?)'", message):
        return message + _nearest(match[2], _parameters(_config._REGISTRY.get_match(match[1])))
    if match := re.search(r"No configurable matching (?:reference )?'@?(.+?)(?:\(\))?'", message):
        return message + _nearest(match[1], _selectors())
    if match := re.search(r"<module '(.+?)' .*?has no attribute (\w+)", message):
        return message + _nearest(match[2], dir(sys.modules[match[1]]))
    return message


def uses_macro(name):
    """Returns whether the parsed configuration refers to a macro."""
    return name in _used_macros()


def _used_macros():
    macro = gin.get_configurable(_config.macro)
    references = _config.iterate_references(_config._CONFIG, to=macro)
    return {reference.config_key[0] for reference in references}


def macro_problems():
    """Returns a sentence for every macro that is not defined, not used or not filled."""
    defined = {scope for scope, selector in _config._CONFIG if selector == "gin.macro"}
    used = _used_macros()
    problems = [
        f"The macro %{name} is used but not defined.{_nearest(name, defined - {name})}"
        for name in sorted(used - defined)
    ]
    problems += [
        f"The macro {name} is given{_by_flag(name)} but nothing uses it.{_nearest(name, used)}"
        for name in sorted(defined - used)
    ]
    for (scope, selector), bindings in _config._CONFIG.items():
        for parameter, value in bindings.items():
            if _is_required(value):
                is_macro = selector == "gin.macro"
                name = scope if is_macro else f"{selector.split('.')[-1]}.{parameter}"
                problems.append(f"{name} must be given: add --gin_binding='{name} = ...'.")
    return problems


def _by_flag(name):
    flag = name.lower()
    given = flag in flags.FLAGS and flags.FLAGS[flag].present
    return f" by --{flag}" if given else ""


def unused_bindings():
    """Returns the names of configurables that have bindings and were never called."""
    return sorted(
        f"{scope}/{selector}".strip("/").replace(f"{selector}", ".".join(selector.split(".")[-2:]))
        for scope, selector in _config._CONFIG
        if selector not in ("gin.macro", "gin.constant") and not _was_called(scope, selector)
    )


def _was_called(scope, selector):
    """Returns whether a configurable was called in a scope or in one inside it."""
    return any(
        called == selector and (not scope or f"{inner}/".startswith(f"{scope}/"))
        for inner, called in _config._OPERATIVE_CONFIG
    )


def doubtful_parameters():
    """Returns a sentence for every bound parameter that only `**kwargs` can take.

    gin lets those pass, and the object that gets them may not know them.
    """
    sentences = []
    for (_, selector), bindings in _config._CONFIG.items():
        configurable = _config._REGISTRY[selector]
        names = _parameters(configurable)
        for parameter in bindings:
            if parameter not in names:
                name = f"{selector.split('.')[-1]}.{parameter}"
                nearest = _nearest(parameter, names)
                sentences.append(f"`{name}` is bound and is not one of its parameters.{nearest}")
    return sentences


def _is_required(value):
    is_reference = isinstance(value, _config.ConfigurableReference)
    if not is_reference or value.configurable.wrapped != _config._retrieve_constant:
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
    return [".".join(selector.split(".")[-2:]) for selector, _ in _config._REGISTRY.items()]


def _nearest(name, known):
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""
