"""Checks that the configuration which a run recorded is data: gin's parser would run what it names.

gin imports every module and calls every callable that its text names, so a run directory of
somebody else is a program, unless what it may name is known. Nothing is imported or called here.
"""

import dataclasses
import re

from gin import config_parser

from state_of_sparsity.bin.gin_app import DATA_DIR_MACRO, RUN_DIR_MACRO
from state_of_sparsity.bin.recorded_names import MODULES, NAMES
from state_of_sparsity.errors import UsageError

_MOST_SHOWN = 200
_FIRST = "from __gin__ import dynamic_registration"
# Data may be downloaded or written there: the user says where, by --data_dir and --run_dir. A run
# directory is no place for data: TensorFlow Datasets would download to it, through links in it.
_PLACES = {"data_dir": DATA_DIR_MACRO, "directory": RUN_DIR_MACRO}
_GIVEN = (DATA_DIR_MACRO, RUN_DIR_MACRO)
# A name of TensorFlow Datasets: 'huggingface:...' and the like run code that is downloaded.
_TFDS_NAME = r"\w+(/[\w+-][\w.+-]*)?(:\d+(\.\d+)*)?"
# What makes Keras take a dict for a class of a module.
_KERAS_KEYS = ("class_name", "config", "module", "registered_name")


class _Refused(Exception):
    """What is no data, in words."""


@dataclasses.dataclass(frozen=True, repr=False)
class _Reference:
    name: str

    def __repr__(self):
        return f"@{self.name}"


@dataclasses.dataclass(frozen=True, repr=False)
class _Macro:
    name: str

    def __repr__(self):
        return f"%{self.name}"


class _Delegate(config_parser.ParserDelegate):
    """Has gin's parser return references and macros as they are written."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        return _Reference(scoped_configurable_name)

    def macro(self, macro_name):
        return _Macro(macro_name)


def check(text, run_dir):
    """Raises unless a configuration is data: numbers, text, and names of `recorded_names`.

    Args:
        text: the configuration, as the run recorded it.
        run_dir: the directory of the run, for messages.

    Raises:
        UsageError: naming what else there is.
    """
    try:
        _check_characters(text)
        checked = _Checked()
        for statement in config_parser.ConfigParser(text, _Delegate()):
            checked.add(statement)
        checked.check_values()
    except _Refused as refused:
        what = str(refused)[:_MOST_SHOWN]
    except Exception as error:  # damaged text makes tokenizer and parser raise nearly anything
        what = f"text that gin cannot parse ({type(error).__name__})"
    else:
        return
    raise UsageError(
        "`run_dir` must have recorded a configuration of what this package's gin files may name. "
        f"Received: {run_dir}, whose run.json has {what}. Evaluating it may run code of whoever "
        "made it: add --trust_run_dir if you trust them."
    )


def _check_characters(text):
    if not isinstance(text, str):
        raise _Refused("no text for a configuration")
    # Readers of files do not agree about them, and what gin writes has none.
    odd = next((c for c in text if c != "\n" and not c.isprintable()), None)
    if odd is not None:
        raise _Refused(f"the character {odd!a}")


class _Checked:
    """The statements of a configuration, none of which says anything but data."""

    def __init__(self):
        self._registers = False
        self._modules = {}  # by the name that the text has for them
        self._macros = {}  # their values, by their names
        self._places = []  # (argument as written, value)

    def add(self, statement):
        """Checks what a statement names, and keeps what it says."""
        if isinstance(statement, config_parser.ImportStatement):
            self._add_import(statement)
        elif isinstance(statement, config_parser.BlockDeclaration):
            self._check_name(statement.scope, statement.selector)
        elif isinstance(statement, config_parser.BindingStatement):
            self._add_binding(statement)
        else:
            raise _Refused(f"include {statement.filename!a}")

    def check_values(self):
        """Checks the arguments that say where data lie, wherever macros have their values."""
        for argument, value in self._places:
            found, macro = self._followed(value), _PLACES.get(argument.rpartition(".")[2])
            if macro is not None and found is not None and found != _Macro(macro):
                raise _Refused(f"{argument} = {found!a}, a place that only flags may give")
            if macro is None and not _is_tfds_name(found):
                raise _Refused(f"{argument} = {found!a}, which is no name of a data set")

    def _add_import(self, statement):
        line = statement.format()
        if line == _FIRST:
            self._registers = True
            return
        name, module = statement.bound_name(), statement.module
        if statement.module not in MODULES or not self._registers:
            raise _Refused(f"`{line}`")
        if not (statement.is_from or statement.alias):
            module = name
        if self._modules.setdefault(name, module) != module:
            raise _Refused(f"`{line}`, where {name} is {self._modules[name]} before")

    def _add_binding(self, statement):
        scope, selector, argument, value, _ = statement
        self._check_value(value)
        if argument:
            self._check_name(scope, selector)
            if argument in (*_PLACES, "dataset"):
                self._places.append((f"{selector}.{argument}", value))
            return
        if scope or selector in _GIVEN or selector in self._macros:
            raise _Refused(f"a macro {'/'.join(filter(None, (scope, selector)))}")
        self._macros[selector] = value

    def _check_name(self, scope, selector):
        """Raises unless a name is one of ours, as the imports so far have it."""
        root, _, rest = selector.partition(".")
        if f"{self._modules.get(root)}.{rest}" not in NAMES or "." in scope:
            raise _Refused(f"the name {'/'.join(filter(None, (scope, selector)))}")

    def _check_value(self, value):
        if isinstance(value, _Reference):
            self._check_name(*config_parser.parse_scoped_selector(value.name))
        elif isinstance(value, _Macro):
            if not value.name.isidentifier():
                raise _Refused(f"the macro %{value.name}")
        elif type(value) in (list, tuple):
            for item in value:
                self._check_value(item)
        elif type(value) is dict:
            self._check_dict(value)
        elif type(value) is str:
            _check_printable(value)
        elif value is not None and type(value) not in (bool, int, float):
            raise _Refused(f"a value of type {type(value).__name__}")

    def _check_dict(self, value):
        """Raises unless it is of numbers, as learning rates by names of variables are."""
        for key, item in value.items():
            is_plain = type(item) in (bool, int, float) or item is None
            if type(key) is not str or key in _KERAS_KEYS or not (is_plain or type(item) is _Macro):
                raise _Refused(f"a dict with {key!a}")
            _check_printable(key)
            self._check_value(item)

    def _followed(self, value):
        """Returns a value with its macro, and that one's macro, replaced by what they stand for."""
        for _ in self._macros:
            value = self._macros.get(value.name, value) if isinstance(value, _Macro) else value
        return value


def _check_printable(text):
    # Names of metrics are printed, and terminals obey some characters.
    if not text.isprintable():
        raise _Refused(f"the text {text!a}")


def _is_tfds_name(value):
    return type(value) is str and re.fullmatch(_TFDS_NAME, value, re.ASCII) is not None
