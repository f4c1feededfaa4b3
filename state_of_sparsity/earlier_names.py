"""The names by which models saved before know our classes: they load as what they are called now.

Everything else that was renamed is gone; files of models are kept by those who have them.
"""

import keras

from state_of_sparsity.losses.token_accuracy import TokenAccuracy
from state_of_sparsity.losses.token_crossentropy import TokenCrossentropy
from state_of_sparsity.optimizers.adam_with_multipliers import AdamWithMultipliers
from state_of_sparsity.optimizers.sgd_with_multipliers import SGDWithMultipliers
from state_of_sparsity.version import PACKAGE

_NOW = {
    "ScaledAdam": AdamWithMultipliers,
    "ScaledSGD": SGDWithMultipliers,
    "WordAccuracy": TokenAccuracy,
    "WordCrossentropy": TokenCrossentropy,
}

# Beside what `register_keras_serializable` puts there; what is saved has the present name.
keras.saving.get_custom_objects().update({f"{PACKAGE}>{name}": now for name, now in _NOW.items()})
