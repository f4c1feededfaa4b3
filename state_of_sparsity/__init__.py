"""Sparse neural networks in Keras 3: prune any model, or learn its sparsity.

>>> schedule = sos.schedules.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=1000)
>>> sparse = sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))
>>> sparse.compile("adam", "mse")
>>> sparse.fit(x, y, epochs=10, callbacks=[sos.UpdateSparsity()])
>>> print(sos.report(sparse))
>>> sos.strip(sparse).save("model.keras")
"""

import ast
import importlib
import pkgutil
import sys

from state_of_sparsity import extras
from state_of_sparsity.after_import import after_import


def _read_stub():
    """Returns `{public name: the module it is imported from}`, as `__init__.pyi` says."""
    stub = ast.parse(pkgutil.get_data(__name__, "__init__.pyi"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}


# They are imported when first used, so that the parts that need no Keras
# (`state_of_sparsity.analysis`) start in well under a second.
_HOME = _read_stub()
# Those with classes that a saved model may hold.
_REGISTERING = (
    "distributions",
    "earlier_names",
    "layers",
    "patterns",
    "models.transformer_layers",
    "optimizers.inverse_square_root",
    "optimizers.rewound",
    "optimizers.warm_up_and_drops",
    "optimizers.adam_with_multipliers",
    "optimizers.sgd_with_multipliers",
    "losses.smoothed_crossentropy",
    "losses.token_accuracy",
    "losses.token_crossentropy",
    "tfmot.prune_low_magnitude",
)

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with extras.explained():  # Keras itself may be there without a backend
        if _HOME[name] == __name__:
            return importlib.import_module(f"{__name__}.{name}")
        return getattr(importlib.import_module(_HOME[name]), name)


def __dir__():
    return __all__


def _register_with_keras():
    """Lets `keras.saving.load_model` revive our classes after `import state_of_sparsity` alone."""
    ours = [module for name, module in sys.modules.items() if name.startswith(f"{__name__}.")]
    # One of our own modules is importing Keras just now; it brings in what it needs.
    if any(getattr(module.__spec__, "_initializing", False) for module in ours):
        return
    for module in _REGISTERING:
        importlib.import_module(f"{__name__}.{module}")


after_import("keras", _register_with_keras)
