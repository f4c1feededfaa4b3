"""TF-MOT's names for pruning, on Keras 3: code that prunes with TF-MOT changes one import.

>>> from state_of_sparsity import tfmot
>>> schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=100)
>>> sparse = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
>>> sparse.compile("adam", "mse")
>>> sparse.fit(x, y, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
>>> plain = tfmot.sparsity.keras.strip_pruning(sparse)

What differs, and why, is in docs/from_tfmot.md.
"""

from state_of_sparsity.tfmot import sparsity

__all__ = ["sparsity"]
