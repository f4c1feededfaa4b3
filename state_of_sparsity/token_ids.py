"""The ids that a vocabulary of ours keeps for what is no text, and models know."""

PADDING, END, UNKNOWN = 0, 1, 2
