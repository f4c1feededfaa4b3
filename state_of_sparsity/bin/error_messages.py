"""What an error of a library says, in one line: gin, Keras and its backend write many."""

import re

# What the lines begin with that say where an error came up.
_TRAIL = (
    *("In call to configurable", "No values supplied by Gin", "Gin had values", "Caller supplied"),
    *("Exception encountered", "Graph execution error", "Detected at node", 'File "', "[[{{node"),
)

SHORT = 300  # characters of what is but a part of a message


def one_line(error: Exception, most: int = 1_000) -> str:
    """Returns the message of an error in one line, without where it came up, or its type's name.

    Args:
        error: what was raised.
        most: characters; a longer message is cut short.
    """
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, KeyError):
        message = f"unknown key {message}"
    # Keras writes in colours, and lists the arguments of calls, which may be large.
    message = re.sub(r"\x1b\[\d+m", "", message).partition("Arguments received by")[0] or message
    lines = [" ".join(line.split()) for line in message.splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith(_TRAIL))
    text = text or type(error).__name__
    return text if len(text) <= most else f"{text[: most - 4]} ..."
