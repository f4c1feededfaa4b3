"""What a configuration means that says nothing of an argument which is newer than recorded runs."""

import gin

from state_of_sparsity.bin import gin_internals

# (configurable, argument, what it was before there was such an argument)
_UNSAID = (("state_of_sparsity.layers.l0_regularization.L0Regularization", "gate_speed", 1.0),)


def bind():
    """Binds, in the parsed configuration, what it leaves unsaid as older runs did.

    So a recorded configuration trains, and restores, the model that it always did.
    """
    unscoped = {selector: gin_internals.bindings().get(("", selector), {}) for selector in _bound()}
    for configurable, argument, value in _UNSAID:
        for selector, bindings in unscoped.items():
            if _full_name(selector) == configurable and argument not in bindings:
                with gin.unlock_config():
                    gin.bind_parameter(f"{selector}.{argument}", value)


def _bound():
    """Returns the names of all configurables that anything is bound of, in whatever scope."""
    return {selector for _, selector in gin_internals.bindings()}


def _full_name(selector):
    # A file may import a class from elsewhere than it is defined, as `sos.L0Regularization`.
    wrapped = gin_internals.configurable(selector).wrapped
    return f"{wrapped.__module__}.{wrapped.__qualname__}"
