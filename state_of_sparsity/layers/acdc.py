"""`ACDC`: alternate between phases of training a pruned network and the dense one."""

import keras

from state_of_sparsity.layers.magnitude_pruning import MagnitudePruning
from state_of_sparsity.version import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class ACDC(MagnitudePruning):
    """Magnitude pruning that forgets: pruned weights come back at 0 when the schedule lets them.

    With `sos.schedules.Alternating` it is AC/DC. Where a compressed phase begins, the weights of
    smallest magnitude are masked; masks stay as they are until it ends. Then all weights are
    trained, the masked ones from 0, and of them optimizers begin anew. The network at the end of
    the last decompressed phase is a dense twin of the one that comes out at last. (The authors'
    settings for 100 epochs of ResNet-50 are, in epochs, `Alternating(0.9, 10, 5, 85)`.)

    Args:
        layer: the Keras layer to prune, built or not.
        schedule: `schedule(step) -> (should_prune, sparsity)`, such as
            `sos.schedules.Alternating(0.9, begin_step=100, phase_steps=50, end_step=700)`.
        distribution: how zeros are shared among layers (`sos.distributions`); by default every
            kernel has the same sparsity.
        **kwargs: `kernels` as for `sos.ScheduledMask`; `name` and `trainable`, as for a Keras
            layer.

    Raises:
        ValueError: if `layer` is sparse already or `schedule` is not callable.

    Example:

    >>> schedule = sos.schedules.Alternating(0.9, begin_step=100, phase_steps=50, end_step=700)
    >>> layer = sos.ACDC(keras.layers.Dense(10), schedule)

    Reference: Peste et al., "AC/DC: Alternating Compressed/DeCompressed Training of Deep Neural
    Networks", 2021, algorithm 1 (ResNet-50 in 100 epochs, one threshold over all layers: 76.45 %
    accuracy at 80 %, 75.03 at 90, 73.14 at 95, 68.48 at 98).
    """

    evolves = True
