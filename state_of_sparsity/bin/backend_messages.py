"""What an error of Keras or of its backend says, in one line."""

import re
import textwrap

MAX_CHARACTERS = 300

# What the lines begin with that say where an error came up.
_TRACE = (
    *("Graph execution error", "Detected at node", 'File "', "[[{{node"),
    *("Exception encountered", "Arguments received", "•"),
)


def reason(error):
    """Returns the message of an error in one line, without its trace, long lists cut short."""
    lines = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines()  # without colours
    kept = [line for line in lines if not line.strip().startswith(_TRACE)]
    text = " ".join(kept).strip() or type(error).__name__
    return textwrap.shorten(text, MAX_CHARACTERS, placeholder=" ...")
