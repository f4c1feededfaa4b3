"""Pairs of sentences: text read, cut into subwords, made batches of."""
