"""Changing the layers of a model: wrapping them by rules, taking wrappers out, fixing masks."""
