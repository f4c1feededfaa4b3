"""What reports call a run by where it begins: `lottery_ticket`, `scratch`, and so on."""

import functools
import os
import re

from state_of_sparsity.training.runs.run_dir import LAST

# What bin/rounds.py binds as the run that masks are of.
_ROUND = re.compile(r"\{directory\}(?:/\.\.)+/round_\d+")


def name_of(start) -> str:
    """Returns the name of a `tickets.Start`: of its masks, its weights, its rate and its length.

    What a kind of run has by definition is left out: masks as a run found them while it trained,
    the learning rate from the step of its weights.
    """
    return "_".join(filter(None, [_of_masks(start), _of_weights(start), _of_length(start)]))


def _of_masks(start):
    function = start.masks
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", type(function).__name__)
    if name in ("as_found", "pruned"):
        is_of_a_round = _ROUND.fullmatch(os.fspath(start.masks_of or ""))
        name = "iterative" if is_of_a_round else {"as_found": "", "pruned": "one_shot"}[name]
    return name and f"{name}_masks"


def _of_weights(start):
    step, rate = start.step, start.rate_from
    if start.weights_of is None:
        name, usual = "scratch" if start.initialize is None else "scratch_sparse_initialization", 0
    elif start.masks_of is None:
        name, usual = "last_weights" if step == LAST else f"weights_of_step_{step}", 0
    elif step == LAST:
        name, usual = "fine_tuning" if rate == LAST else "learning_rate_rewinding", rate
        name += "" if rate in (0, LAST) else f"_to_{rate}"
    else:
        name, usual = "lottery_ticket" if step == 0 else f"rewinding_to_{step}", step
    return name if rate == usual else f"{name}_rate_from_{rate}"


def _of_length(start):
    if start.length == 1:
        return ""
    return f"{start.length:g}_times{'' if start.stretch else '_at_final_rate'}"
