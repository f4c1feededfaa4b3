"""Losses and metrics of Keras models that Keras has not: smoothed labels, padded tokens."""
