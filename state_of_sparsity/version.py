"""The one place that states the version, and the name under which Keras saves our classes."""

__version__ = "0.2.0"
# Keras finds them again by it, also in files of later versions: it never changes.
PACKAGE = "state_of_sparsity"
