"""How far an interpolation is: a line for each place on the line, with its figures and the ETA."""

import itertools
import time

from state_of_sparsity.analysis import interpolation
from state_of_sparsity.analysis.markdown import percent
from state_of_sparsity.training.runs.progress import duration


def told(rows, places, splits):
    """Returns the rows of a table with their error; says how far it is after each place.

    Args:
        rows: an iterator over them, which measures when asked.
        places: how many places there are.
        splits: how many rows a place has.
    """
    print("compiling the first evaluation", flush=True)
    begin, timed_from, found = time.monotonic(), None, []
    for done in range(1, places + 1):
        own = [interpolation.with_error(row) for row in itertools.islice(rows, splits)]
        found += own
        now = time.monotonic()
        timed_from = timed_from or now  # the first place compiles
        left = (places - done) * (now - timed_from) / max(done - 1, 1)
        eta = duration(left) if done > 1 else "not known yet"
        text = f"[{duration(now - begin)}] {done}/{places}  ETA {eta}  alpha {own[0]['alpha']:.4g}"
        print("  ".join([text, *map(_in_words, own)]), flush=True)
    return found


def _in_words(row):
    text = f"{row['split']} loss {row['loss']:.4g}"
    return text if row["error"] is None else f"{text} error {percent(row['error'])}"
