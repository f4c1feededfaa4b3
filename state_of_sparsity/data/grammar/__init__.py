"""Pairs of English and German sentences from a grammar, with nothing to download."""
