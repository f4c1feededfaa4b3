"""The runs of iterative magnitude pruning: gin files and bindings of each, and what it needs."""

import dataclasses
from collections.abc import Mapping, Sequence

from state_of_sparsity.bin.round_recipe import WEIGHT_REWINDING, Recipe
from state_of_sparsity.errors import UsageError

DENSE = "round_00"
MOST_ROUNDS = MOST_BRANCHES = 99

_SEED = "SEED"
# Apart by so much, seeds of branches and rounds are those of no other run with a seed below it.
_A_ROUND, _A_BRANCH = 10_000, 1_000_000


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One run.

    Args:
        directory: its run directory, in that of all rounds.
        gin_files: its gin files.
        bindings: its gin bindings.
        needs: directory of the run that must be finished before, None for none.
    """

    directory: str
    gin_files: tuple[str, ...]
    bindings: tuple[str, ...]
    needs: str | None = None

    @property
    def is_branch(self) -> bool:
        """Whether no further round begins from it."""
        return "/" in self.directory


def plan(
    gin_files: Sequence[str], bindings: Sequence[str], settings: Mapping, recipe: Recipe
) -> list[PlannedRun]:
    """Returns all runs: the dense one, the rounds in their order, and then their branches.

    Where others lie is said relative to each run's own directory, so that rounds of other seeds,
    and those that have moved, have one configuration.

    Args:
        gin_files: of the dense run.
        bindings: of the dense run, which win over the files.
        settings: what those set, from `settings.of_parsed`.
        recipe: the `Recipe`.

    Raises:
        UsageError: if seeds of branches cannot be bound.
    """
    files, bindings = tuple(gin_files), tuple(bindings)
    runs = [PlannedRun(DENSE, files, bindings + _kept(settings, recipe))]
    for number in range(1, recipe.rounds + 1):
        before = name(number - 1)
        own = (*bindings, *_round(recipe, before))
        parts = (*files, *_fragments(recipe))
        runs.append(PlannedRun(name(number), parts, own, before))
    for number in range(1, recipe.rounds + 1):
        for branch in range(1, recipe.reinitializations + 1):
            own = (
                *bindings,
                f"MASKS_OF = '{{directory}}/../../{name(number)}'",
                f"{_SEED} = {_branch_seed(settings, number, branch)}",
            )
            directory = f"reinitialized_{branch}/{name(number)}"
            parts = (*files, "tickets/reinitialized.gin")
            runs.append(PlannedRun(directory, parts, own, name(number)))
    return runs


def name(number: int) -> str:
    """Returns the directory of a round: `round_00` of the dense run."""
    return f"round_{number:02d}"


def _fragments(recipe):
    rewinds = "late_rewinding" if recipe.rewind_step else "lottery_ticket"
    start = rewinds if recipe.variant == WEIGHT_REWINDING else recipe.variant
    return f"tickets/{start}.gin", "tickets/one_shot_masks.gin"


def _round(recipe, before):
    """Returns the bindings of a round."""
    rewinds = recipe.variant == WEIGHT_REWINDING
    found = {
        "MASKS_OF": f"{{directory}}/../{before}",
        "WEIGHTS_OF": f"{{directory}}/../{DENSE if rewinds else before}",
        "SHARE": recipe.share,
        "BY_LAYER": recipe.by_layer,
        "SHARES": recipe.layer_shares,
    }
    if rewinds and recipe.rewind_step:
        found["REWIND_STEP"] = recipe.rewind_step
    if recipe.final_rate is not None:
        found["FINAL_RATE"] = recipe.final_rate
    return [f"{key} = {value!r}" for key, value in found.items()]


def _kept(settings, recipe):
    """Returns the binding by which the dense run keeps the step that later ones are rewound to."""
    if not recipe.rewind_step:
        return ()
    key = next((k for k in settings if k.endswith("Experiment.kept_steps")), None)
    key, kept = key or "Experiment.kept_steps", settings.get(key) or []
    while isinstance(kept, str) and kept[1:] in settings:  # a macro
        key, kept = kept[1:], settings[kept[1:]]
    if not isinstance(kept, list) or recipe.rewind_step in kept:
        return ()  # what is no list is refused when the experiment is made
    return (f"{key} = {[*kept, recipe.rewind_step]}",)


def _branch_seed(settings, number, branch):
    """Returns a seed that no other branch or round has, nor runs of other seeds below 10,000."""
    seed = settings.get(_SEED)
    if not isinstance(seed, int):
        raise UsageError(
            "`reinitializations` needs gin files with a macro SEED, which each branch has another "
            f"value of. Received: SEED = {seed!r}. Add SEED = 0 to the gin file and use it: "
            "Experiment.seed = %SEED."
        )
    return (seed + number * _A_ROUND + branch * _A_BRANCH) % 2**32
