"""What was bound to which parameter, by which macro, and where: said with errors about values."""

import inspect
import re

import gin

from state_of_sparsity.arguments import is_number
from state_of_sparsity.bin import error_messages, gin_internals, gin_messages, gin_parsing

_MACRO = "gin.macro"
_NO_OBJECTS = (_MACRO, "gin.constant")
_MOST = 4  # parameters that an error lists which names none


def circles():
    """Returns a sentence for the first macro or object that is defined by itself, or nothing."""
    done = set()
    for start in gin_internals.bindings():
        try:
            circle = _circle(start, {}, done)
        except RecursionError:
            return [f"{_name(*start)} is defined by too many others, one by the other."]
        if circle:
            names = [_name(*node) for node, _ in circle]
            where = "; ".join(gin_parsing.places.get(key, "a flag") for _, key in circle)
            circle = " needs ".join([*names, names[0]])
            return [f"Nothing can be defined by itself: {circle}. In {where}."]
    return []


def _circle(node, path, done):
    """Returns `(node, key of the binding that needs the next)` round a circle, or None."""
    if node in path:
        nodes = list(path.items())
        return nodes[list(path).index(node) :]
    if node in done:
        return None
    scope, selector = node
    for key in _keys(scope, selector):
        value = gin_internals.bindings()[key[:2]][key[2]]
        for reference in gin.config.iterate_references({"": value}):
            if reference.evaluate:
                inner, needed = reference.config_key
                found = _circle((inner or scope, needed), path | {node: key}, done)
                if found:
                    return found
    done.add(node)
    return None


def misread():
    """Returns a sentence for every value whose type says something else than its text seems to.

    Python takes True for 1, and any text for true, without a word.
    """
    sentences = []
    for (scope, selector), bound in gin_internals.bindings().items():
        if selector in _NO_OBJECTS:
            continue
        defaults = _defaults(gin_internals.configurable(selector).wrapped)
        for parameter, value in bound.items():
            value, _, _ = _resolved(value)
            what = _misread(value, defaults.get(parameter))
            if what:
                described = _described(scope, selector, parameter)
                sentences.append(f"`{parameter}` must be {what}. Received: {described}.")
    return list(dict.fromkeys(sentences))


def named_in(error):
    """Returns sentences about the bound parameters that an error names, and where they were bound.

    Where it names none, and is no error in words of ours or of Keras, it says what the object that
    could not be made was given.
    """
    message = error_messages.one_line(error)
    bindings = _bound_of(error)
    named = [key for key in bindings if _is_named(key[2], message)]
    if named:
        return [_sentence(message, *key) for key in named]
    is_in_words = isinstance(error, (ValueError, ImportError, OSError)) and "`" in message
    if is_in_words or not bindings:
        return []
    literals = sorted(filter(_is_literal, bindings), key=lambda key: is_number(_value(*key)))
    given = [f"{key[2]} = {_described(*key)}" for key in literals[:_MOST]]
    name = _name(*bindings[0][:2])
    return [f"`{name}` was given {'; '.join(given)}."] if given else []


def _bound_of(error):
    """Returns keys of bindings: of the object that was being made, else all that may be meant."""
    call = re.search(
        r"In call to configurable '.+?' \((.+?)\)(?: in scope '(.+?)')?(?:\n|$)", str(error)
    )
    if call is not None:
        made = [
            selector
            for selector in dict.fromkeys(selector for _, selector in gin_internals.bindings())
            if str(gin_internals.configurable(selector).wrapped) == call[1]
        ]
        return [key for selector in made for key in _keys(call[2] or "", selector)]
    message = error_messages.one_line(error)
    keys = [(*key, name) for key, bound in gin_internals.bindings().items() for name in bound]
    keys = [key for key in keys if key[1] not in _NO_OBJECTS and f"`{key[2]}`" in message]
    received = [key for key in keys if _is_received(message, _value(*key))]
    return received or (keys if len(keys) == 1 else [])


def _keys(scope, selector):
    """Returns `(scope, selector, parameter)` of the bindings that hold in a scope."""
    parts = scope.split("/") if scope else []
    scopes = ["/".join(parts[:length]) for length in range(len(parts) + 1)]
    bound = {name: s for s in scopes for name in gin_internals.bindings().get((s, selector), {})}
    return [(holding, selector, name) for name, holding in bound.items()]


def _is_named(parameter, message):
    # A word such as "name" may be just that, unless it is quoted, or what the message is about.
    bare = rf"(?<![\w.]){parameter}(?!\w)" if "_" in parameter else rf"^{parameter}(?!\w)"
    return f"`{parameter}`" in message or re.search(bare, message) is not None


def _is_received(message, value):
    received = message.partition("Received")[2]
    return re.search(rf"(?<![\w.]){re.escape(_shown(value))}(?![\w])", received) is not None


def _sentence(message, scope, selector, parameter):
    key = scope, selector, parameter
    value = _value(*key)
    is_said = _is_received(message, value)
    sentence = f"`{parameter}` is {_origin(*key) if is_said else _described(*key)}."
    is_fraction = "sparsity" in parameter or "dropout" in parameter
    if is_fraction and is_number(value) and 2 <= value < 100:
        sentence += f" A fraction is wanted: {value / 100:g}."
    return sentence


def _described(scope, selector, parameter):
    """Returns a bound value, the macros it comes by, and where it was bound."""
    return f"{_shown(_value(scope, selector, parameter))}, {_origin(scope, selector, parameter)}"


def _origin(scope, selector, parameter):
    """Returns the macros that a value comes by, and where it was bound."""
    key = scope, selector, parameter
    _, macros, key = _resolved(gin_internals.bindings()[(scope, selector)][parameter], key)
    place = gin_parsing.places.get(key)
    if not macros:
        return f"set in {place}" if place else "set"
    flag = gin_messages.flag_of(macros[-1])
    return f"set by {', which is '.join(macros)} ({flag or place})"


def _resolved(value, key=None):
    """Returns a value behind macros, the macros' names, and the key of the last binding."""
    macros = []
    while _is_macro(value) and len(macros) < 100:
        name = value.config_key[0]
        bound = gin_internals.bindings().get((name, _MACRO), {})
        if "value" not in bound:
            break
        macros.append(name)
        value, key = bound["value"], (name, _MACRO, "value")
    return value, macros, key


def _value(scope, selector, parameter):
    return _resolved(gin_internals.bindings()[(scope, selector)][parameter])[0]


def _is_literal(key):
    return not isinstance(_value(*key), gin.config.ConfigurableReference)


def _is_macro(value):
    is_reference = isinstance(value, gin.config.ConfigurableReference)
    return is_reference and value.configurable.selector == _MACRO


def _name(scope, selector):
    return scope if selector == _MACRO else f"{scope}/{selector.split('.')[-1]}".strip("/")


def _shown(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _defaults(function):
    """Returns the defaults of a function's or a constructor's parameters."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some of those written in C have none
        return {}
    return {name: parameter.default for name, parameter in parameters.items()}


def _misread(value, default):
    """Returns what a value must be, given a parameter's default, or None if that cannot be told."""
    is_text = isinstance(value, str)
    if isinstance(default, bool):
        if is_text and value.lower() in ("true", "false", "yes", "no", "on", "off", "0", "1", ""):
            return "True or False, without quotes"
    elif isinstance(default, (int, float)):
        # A 0 or 1 may stand for a truth value, as in Keras's `verbose`.
        is_truth = type(default) is int and default in (0, 1)
        if isinstance(value, bool) and not is_truth:
            return "a number"
        if is_text and _is_text_of_number(value):
            return "a number, without quotes"
    return None


def _is_text_of_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
