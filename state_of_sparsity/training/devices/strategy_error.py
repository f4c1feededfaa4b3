"""What goes wrong with strategies."""

from state_of_sparsity.errors import UsageError


class StrategyError(UsageError):
    """A strategy that cannot be had, or cannot run what is asked; the message says what to do."""
