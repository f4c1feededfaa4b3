"""Command-line programs; the only modules that know absl and gin."""
