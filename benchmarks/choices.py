"""Flags whose value is a list of names."""

import argparse


def names_of(allowed):
    """Returns an argparse `type` that takes names of `allowed`, separated by commas."""

    def names(text):
        found = text.split(",")
        unknown = set(found) - set(allowed)
        if unknown:
            raise argparse.ArgumentTypeError(
                f"must be of {', '.join(allowed)}. Received: {', '.join(sorted(unknown))}."
            )
        return found

    return names
