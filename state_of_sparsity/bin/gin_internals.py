"""The private names of gin that programs need, one function each, with the reason.

gin binds, and looks bindings up; it has no public way to walk over what is bound, or to bind one
parsed statement.
"""

import contextlib
import types
from collections.abc import Callable

from gin import config, config_parser


def bindings() -> dict:
    """Returns what is bound: `{(scope, selector): {parameter: value}}`.

    `gin.query_parameter` answers for one name that is known; errors name those that are not.
    """
    return config._CONFIG


def configurable(selector: str):
    """Returns what gin knows of an object by its complete selector, with the object as `wrapped`.

    `gin.get_configurable` returns a function around the object, whose signature is another.
    """
    return config._REGISTRY[selector]


def selectors() -> list[str]:
    """Returns the complete selectors of all objects that gin knows: one of them may be meant."""
    return [selector for selector, _ in config._REGISTRY.items()]


def configurables_named(name: str) -> list:
    """Returns what gin knows of the objects that a part of a selector fits, as messages have it."""
    return config._REGISTRY.get_all_matches(name)


def imported() -> set[str]:
    """Returns the modules that the parsed configuration imports, which its text alone has."""
    return {statement.module for statement in config._IMPORTS}


def called() -> list[tuple[str, str]]:
    """Returns `(scope, selector)` of all objects called, which `operative_config_str` writes."""
    return list(config._OPERATIVE_CONFIG)


def selector_called(frame: types.FrameType) -> str | None:
    """Returns the selector of the object that gin calls in a frame, None if it calls none there.

    Its errors name the object in their text alone.
    """
    return frame.f_locals.get("selector") if frame.f_code.co_name == "gin_wrapper" else None


def is_constant(reference) -> bool:
    """Returns whether a reference is to one of gin's constants, such as `%gin.REQUIRED`."""
    return reference.configurable.wrapped == config._retrieve_constant


@contextlib.contextmanager
def parsing():
    """Enters the scope of a file or a binding, with the imports that its statements make.

    `gin.parse_config` enters it for a whole text, and keeps no places.
    """
    with config._parse_scope() as context:
        yield context
        config._IMPORTS.update(context.imports)


@contextlib.contextmanager
def naming():
    """Enters the scope in which `gin.config_str` names objects, and gives the function that does.

    It takes a complete selector. gin itself has the names in its text alone; references that are
    written out in the scope have them as well.
    """
    imports = config.ImportManager(config._IMPORTS)
    for _, selector in config._CONFIG:
        imports.require_configurable(config._REGISTRY[selector])
    for reference in config.iterate_references(config._CONFIG):
        imports.require_configurable(reference.configurable)
    with config._parse_scope(import_manager=imports):
        yield lambda selector: imports.minimal_selector(config._REGISTRY[selector])


def begin_of_next(parser: config_parser.ConfigParser) -> int | None:
    """Returns the line in which the next statement begins, None inside a block of statements.

    A statement that cannot be read has no location.
    """
    if parser._statements_queue:
        return None
    parser._skip_whitespace_and_comments()
    return parser.current_token.start[0]


def refuse_unknown(selector: str):
    """Raises gin's error about an object that it does not know, with those that may be meant."""
    config._raise_unknown_configurable_error(selector)


def surround_imports(manner: Callable[[str], contextlib.AbstractContextManager]):
    """Has every import of a gin file carried out inside `manner(module)`.

    gin has no hook for it, and imports again whenever it writes a configuration down.
    """
    process_import = config.ParseContext.process_import

    def surrounded(context, statement):
        with manner(statement.module):
            process_import(context, statement)

    config.ParseContext.process_import = surrounded


def search_path() -> list[str]:
    """Returns the folders that gin files are looked for in: gin only ever adds to them."""
    return config._LOCATION_PREFIXES


def file_readers() -> list:
    """Returns `(open, exists)` of the readers of gin files, first that of local ones."""
    return config._FILE_READERS


def remove_resource_reader():
    """Removes gin's reader of package resources, which gin has no way to do without.

    It logs an error for every file that another reader finds, and fails on folders that look like
    packages, as gin_configs does.
    """
    config._FILE_READERS[:] = [
        reader for reader in config._FILE_READERS if reader[0].__module__ != "gin.resource_reader"
    ]
