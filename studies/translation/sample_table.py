"""The table of sample translations."""

import itertools

from state_of_sparsity.analysis.markdown import table


def markdown(rows):
    """Returns translations under their source.

    Args:
        rows: dicts of `source`, `reference`, `run` and `translation`, those of a source together.
    """
    parts = []
    for source, own in itertools.groupby(rows, key=lambda row: row["source"]):
        own = list(own)
        lines = [["reference", own[0]["reference"]]]
        lines += [[row["run"], row["translation"]] for row in own]
        parts.append(f"*{source}*\n\n{table(['Run', 'Translation'], lines)}")
    return "\n\n".join(parts)
