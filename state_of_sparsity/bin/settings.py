"""What the parsed gin configuration sets, as data."""

import math

from state_of_sparsity.bin import gin_app, gin_internals

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
    settings = {}
    with gin_internals.naming() as name_of:
        for (scope, selector), bindings in gin_internals.bindings().items():
            if selector == _MACRO:
                names = {"value": scope}
            else:
                owner = f"{scope}/{name_of(selector)}".removeprefix("/")
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
