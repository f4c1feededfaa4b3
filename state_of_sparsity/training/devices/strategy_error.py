"""What goes wrong with strategies."""


class StrategyError(Exception):
    """A strategy that cannot be had, or cannot run what is asked; the message says what to do."""
