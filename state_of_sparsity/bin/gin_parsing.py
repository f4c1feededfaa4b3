"""Parses gin files and bindings, statement by statement, and knows where each value was bound.

The grammar, and what statements do, are gin's own. Its `parse_config` keeps no places, reads a
circle of includes until Python gives up, and lets what the tokenizer raises pass.
"""

import contextlib
import io
import math
import os
import re
import sys
import tokenize

import gin
from gin import config_parser

from state_of_sparsity.bin import gin_internals


def _import_cleanly(module):
    """Returns what surrounds an import of a gin file: the process keeps Keras 3."""
    if sys.modules.get("tensorflow") is None:  # then nobody can import TF-MOT
        return contextlib.nullcontext()
    from state_of_sparsity.schedules import tfmot_schedules  # imports Keras

    alone = module == "tensorflow_model_optimization"
    return tfmot_schedules.imported_when_needed() if alone else tfmot_schedules.keras_3_kept()


gin_internals.surround_imports(_import_cleanly)

# Where each value was bound last: `{(scope, selector, parameter): text}`.
places = {}
# The file it was bound in, by the same keys; None for bindings of the command line.
files = {}


class GinError(Exception):
    """A mistake in a gin file or binding.

    Args:
        message: what is wrong, in one line.
        place: where, such as "mine.gin, line 3 (`STEPS = [1`)".
        missing: the gin file that is not there, or None.
    """

    def __init__(self, message, place, missing=None):
        super().__init__(message, place, missing)
        self.message, self.place, self.missing = message, place, missing


def parse(names, bindings):
    """Parses gin files, then bindings, into gin's configuration.

    Args:
        names: paths of gin files, looked for on gin's search path.
        bindings: texts of bindings, which win over the files.

    Raises:
        GinError: for the first mistake.
    """
    places.clear()
    files.clear()
    for name in names:
        _parse_file(name, f"--gin_file={name}", ())
    parse_bindings(bindings)


def parse_bindings(bindings):
    """Parses bindings, each a text of its own, after whatever was parsed before.

    Raises:
        GinError: for the first mistake.
    """
    with gin_internals.parsing() as context:
        for binding in bindings:
            _parse_text(binding, None, context, ())


def _parse_file(name, asked_by, parents):
    """Parses a file; `parents` are `(path, name)` of those that include it, the outermost first."""
    path, reader = _find(name, asked_by)
    real = os.path.realpath(path)
    if real in [parent for parent, _ in parents]:
        names = [*(each for _, each in parents), name]
        raise GinError(
            f"Gin files must not include each other in a circle: {' includes '.join(names)}.",
            asked_by,
        )
    text = _read(path, name, reader, asked_by)
    with gin_internals.parsing() as context:
        _parse_text(text, name, context, (*parents, (real, name)))


def _find(name, asked_by):
    """Returns the path of a gin file, and what opens it: `open`, or a reader known to gin."""
    found = None
    for prefix in [""] if os.path.isabs(name) else gin_internals.search_path():
        path = os.path.join(prefix, name)
        if os.path.isfile(path):
            return path, open
        if os.path.exists(path):
            found = path  # a folder or a device, which other readers would try to read
            continue
        for reader, exists in gin_internals.file_readers()[1:]:  # the first reads local files
            if exists(path):
                return path, reader
    what = f"There is no gin file {name or repr(name)}."
    if found is not None:
        kind = "a folder" if os.path.isdir(found) else "no regular file"
        what = f"{name or repr(name)} must be a gin file. Received: {kind}."
    raise GinError(what, asked_by, missing=name)


def _read(path, name, reader, asked_by):
    try:
        with reader(path, "rb") as file:
            data = file.read()
    except Exception as error:  # of the file system, or of TensorFlow's
        reason = getattr(error, "strerror", None) or error
        raise GinError(f"The gin file {name} cannot be read: {reason}.", asked_by) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"A gin file must be UTF-8 text. Received: the byte {data[error.start]:#04x}."
        raise GinError(what, f"{name}, line {line}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise GinError("A gin file must be text. Received: a NUL byte.", f"{name}, line {line}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_text(text, name, context, parents):
    """Parses the text of the file `name`, or of a binding if that is None."""
    begin = None
    try:
        parser = config_parser.ConfigParser(io.StringIO(text), gin.config.ParserDelegate())
        while True:
            begin = gin_internals.begin_of_next(parser) or begin
            statement = parser.parse_statement()
            if statement is None:
                return
            _carry_out(statement, _place(text, name, statement.location.line_num), context, parents)
    except GinError:
        raise
    except Exception as error:  # gin's, the tokenizer's, and what values and names bring about
        message, line = _what_and_line(error, begin)
        place = _place(text, name, line)
        if begin is not None and begin != line:
            place += f", in the statement that begins in line {begin}"
        raise GinError(message, place) from error


def _carry_out(statement, place, context, parents):
    """Does what gin's `parse_config` does with a statement."""
    try:
        if isinstance(statement, config_parser.BindingStatement):
            _bind(statement, place, parents[-1][0] if parents else None)
        elif isinstance(statement, config_parser.BlockDeclaration):
            if not context.get_configurable(statement.selector):
                gin_internals.refuse_unknown(statement.selector)
        elif isinstance(statement, config_parser.ImportStatement):
            context.process_import(statement)
        else:
            _parse_file(statement.filename, place, parents)
    except GinError:
        raise
    except Exception as error:  # a module that is imported may raise anything
        message = _what_and_line(error, None)[0]
        if isinstance(statement, config_parser.ImportStatement):
            message = f"`{statement.format()}` failed: {type(error).__name__}: {message}"
            if isinstance(error, ModuleNotFoundError):
                message += ". Python looks in the working directory and in PYTHONPATH"
        raise GinError(message, place) from error


def _bind(statement, place, file):
    scope, selector, parameter, value, _ = statement
    if not parameter:  # a macro
        scope, selector, parameter = f"{scope}/{selector}".strip("/"), "gin.macro", "value"
    _check_value(value)
    key = gin.config.ParsedBindingKey.parse((scope, selector, parameter))
    gin.config.bind_parameter(key, value)
    bound = key.scope, key.complete_selector, key.arg_name
    places[bound], files[bound] = place, file


def _check_value(value):
    """Raises where gin could not write a value down again, as it must to record it."""
    if any(isinstance(v, float) and not math.isfinite(v) for v in _numbers(value)):
        raise ValueError("A number is larger than the largest float, 1.8e308.")
    repr(value)  # integers of thousands of digits have none


def _numbers(value):
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in _numbers(item)]
    if isinstance(value, dict):
        return _numbers(list(value.items()))
    return [value]


def _what_and_line(error, line):
    """Returns what an error says without its place, and the line it names, `line` if none."""
    if isinstance(error, RecursionError):
        return "The value is nested too deeply.", line
    if isinstance(error, tokenize.TokenError):
        message, (last, _) = error.args
        if "EOF in multi-line statement" in message:
            return "A bracket is not closed.", line  # the last line of all says nothing
        return f"{message}.", last
    if isinstance(error, SyntaxError):
        return _in_words(error.msg), line if error.lineno is None else error.lineno
    # gin adds the place to the message of others.
    what, *place = re.split(r"\n  In (?:bindings string|file \".*\",) line (\d+)\n", str(error))
    if what.startswith("not enough values to unpack"):
        what = "What stands before `=` must be a macro, or object.parameter."
    return what or type(error).__name__, int(place[0]) if place else line


def _in_words(message):
    """Returns what gin says of a syntax error, said better where it means Python's insides."""
    if match := re.search(r"Failed to parse token '(.*)'", message):
        return f"{_shortened(match[1])} is no value that can be read. Text needs quotes."
    return message.replace("Expected newline.", "The line must end after the statement.")


def _place(text, name, line):
    """Returns where a line is: in a file, or in a binding of the command line."""
    if name is None:
        return f"--gin_binding {_shortened(text)!r}"
    lines = text.split("\n")
    content = lines[line - 1].strip() if line is not None and line <= len(lines) else ""
    return f"{name}, line {line}" + (f" (`{_shortened(content)}`)" if content else "")


def _shortened(text, most=80):
    return text if len(text) <= most else f"{text[: most - 3]}..."
