"""How weights are pruned round by round, and what is done with them and the learning rate then."""

import dataclasses
import math
import re

from state_of_sparsity.errors import UsageError

WEIGHT_REWINDING = "weight_rewinding"
LEARNING_RATE_REWINDING = "learning_rate_rewinding"
FINE_TUNING = "fine_tuning"
VARIANTS = (WEIGHT_REWINDING, LEARNING_RATE_REWINDING, FINE_TUNING)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How weights are pruned round by round.

    Args:
        rounds: how often weights are pruned.
        share: of the weights left, in each round.
        by_layer: whether each layer loses that share, or all together.
        layer_shares: pairs of a regular expression and a share, of layers that have their own.
        variant: one of `VARIANTS`: what is done with weights and learning rate after pruning.
        rewind_step: where weights are rewound to a step, which.
        final_rate: of fine-tuning, the learning rate; None for the last of the schedule.
        reinitializations: how many branches of each round have its masks and weights drawn anew.

    Raises:
        UsageError: if a share or a rate is out of range, all shares are 0, or one of these is of
            another variant.
    """

    rounds: int
    share: float = 0.2
    by_layer: bool = False
    layer_shares: tuple[tuple[str, float], ...] = ()
    variant: str = WEIGHT_REWINDING
    rewind_step: int = 0
    final_rate: float | None = None
    reinitializations: int = 0

    def __post_init__(self):
        _check_share("share", self.share)
        for _, share in self.layer_shares:
            _check_share("layer_share", share)
        if not any([self.share, *(share for _, share in self.layer_shares)]):
            raise UsageError(
                "`share`, or a `layer_share`, must be above 0: no round would prune anything. "
                "Received: 0."
            )
        if self.rewind_step and self.variant != WEIGHT_REWINDING:
            raise _of_another_variant("rewind_step", self.rewind_step, WEIGHT_REWINDING, self)
        if self.final_rate is None:
            return
        if self.variant != FINE_TUNING:
            raise _of_another_variant("final_rate", self.final_rate, FINE_TUNING, self)
        if not 0 < self.final_rate < math.inf:
            raise UsageError(f"`final_rate` must be above 0. Received: {self.final_rate}.")


def layer_share(text: str) -> tuple[str, float]:
    """Returns the regular expression and the share of `REGEX=SHARE`.

    Raises:
        UsageError: if the text does not have that form.

    Example:

    >>> layer_share("logits=0.1")
    ('logits', 0.1)
    """
    pattern, _, share = text.rpartition("=")
    try:
        if not pattern:
            part = "expression before `=`" if "=" in text else "`=SHARE` at its end"
            raise ValueError(f"it has no {part}")
        re.compile(pattern)
        return pattern, float(share)
    except (ValueError, re.error) as error:
        raise UsageError(
            "`layer_share` must be a regular expression and a share, as in "
            f"--layer_share='logits=0.1'. Received: {text!r} ({error})."
        ) from None


def _check_share(flag, share):
    if not 0 <= share < 1:
        raise UsageError(
            f"`{flag}` must be at least 0 and below 1, of the weights left. Received: {share}."
        )


def _of_another_variant(flag, value, variant, recipe):
    return UsageError(
        f"`{flag}` is for --variant={variant}. Received: {value}, with {recipe.variant}. Leave it "
        "out."
    )
