"""Optimizers and learning rates that Keras has not, and what holds of every optimizer."""
