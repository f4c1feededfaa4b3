"""What the parsed gin configuration sets, as data."""

import math

from gin import config as gin_config

from state_of_sparsity.bin import gin_app

# Where data and run lie is no setting: a run may go on where they have moved.
_PLACES = (gin_app.DATA_DIR_MACRO, gin_app.RUN_DIR_MACRO)
_MACRO = "gin.macro"


def of_parsed() -> dict:
    """Returns every macro and every other binding of the parsed configuration.

    Names are those of the configuration's text, such as `STEPS` or
    `keras.optimizers.Adam.learning_rate`. What older files leave unsaid (`recorded_defaults`) is
    among them.

    Returns:
        `{name: value}`, values as JSON has them; references are text, such as `%STEPS` or
        `@keras.optimizers.Adam`.
    """
    # gin has no public way to walk over what was bound; its own `config_str` goes this one.
    imports = gin_config.ImportManager(gin_config._IMPORTS)
    registry, bound = gin_config._REGISTRY, gin_config._CONFIG
    for _, selector in bound:
        imports.require_configurable(registry[selector])
    for reference in gin_config.iterate_references(bound):
        imports.require_configurable(reference.configurable)
    settings = {}
    with gin_config._parse_scope(import_manager=imports):
        for (scope, selector), bindings in bound.items():
            if selector == _MACRO:
                names = {"value": scope}
            else:
                owner = "/".join(
                    filter(None, (scope, imports.minimal_selector(registry[selector])))
                )
                names = {parameter: f"{owner}.{parameter}" for parameter in bindings}
            settings |= {names[p]: _as_json(value) for p, value in bindings.items()}
    return {name: settings[name] for name in sorted(settings) if name not in _PLACES}


def _as_json(value):
    if isinstance(value, dict):
        return {str(_as_json(key)): _as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if value is None or is_number or isinstance(value, str) else repr(value)
