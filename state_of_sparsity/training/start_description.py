"""Where a run begins, in words, and what it cannot begin without."""

from state_of_sparsity.tables import aligned
from state_of_sparsity.training import kept_state, ticket_masks
from state_of_sparsity.training.runs.run_dir import LAST
from state_of_sparsity.training.runs.snapshot import SnapshotError
from state_of_sparsity.training.tickets import Start


def describe_start(start: Start, seed: int, steps: int) -> list[str]:
    """Returns lines: masks, weights, learning rate and length of a run.

    Args:
        start: where it begins.
        seed: of the experiment; paths have it in place of `{seed}`.
        steps: `Experiment.steps`, at which the learning rate's schedule ends.
    """
    rows = [
        ("masks", _masks(start, seed)),
        ("weights", _weights(start, seed)),
        ("learning rate", _learning_rate(start, steps)),
        ("steps", f"{start.steps(steps):,}"),
    ]
    return [f"It begins as {start.name}:", *(f"  {line}" for line in aligned(rows, "<<"))]


def missing(start: Start, seed: int) -> dict[str, str]:
    """Returns what a run cannot begin without yet: `{path of a run: what is to be said of it}`.

    Args:
        start: where it begins.
        seed: of the experiment.
    """
    found: dict[str, str] = {}
    if start.has_begun:
        return found  # it goes on from what it has kept itself
    sources = [(start.masks_of, LAST, "masks_of"), (start.weights_of, start.step, "weights_of")]
    for path, step, argument in sources:
        if path is None:
            continue
        try:
            kept_state.locate(path, seed, step, argument, start.directory)
        except SnapshotError as error:
            found.setdefault(_name(start, path, seed), str(error))
    return found


def _masks(start, seed):
    if start.masks_of is None:
        return "those of the experiment's rules"
    of = f"of the last step of {_name(start, start.masks_of, seed)}"
    if start.masks is ticket_masks.as_found:
        return of
    return f"{getattr(start.masks, '__name__', type(start.masks).__name__)}, {of}"


def _weights(start, seed):
    if start.weights_of is not None:
        step = "the last step" if start.step == LAST else f"step {start.step:,}"
        return f"of {step} of {_name(start, start.weights_of, seed)}"
    if start.initialize is None:
        return "drawn anew"
    return f"drawn anew by {getattr(start.initialize, '__name__', 'initialize')}"


def _learning_rate(start, steps):
    final = "its last value" if start.final_rate is None else f"{start.final_rate:g}"
    if start.rate_from == LAST:
        return f"{final} throughout"
    text = f"from step {start.rate_from:,} of a schedule of {steps:,}"
    if start.length == 1:
        return text
    if start.stretch:
        return f"{text}, {start.length:g} times as long"
    return f"{text}, then {final}"


def _name(start, path, seed):
    """Returns the directory of a run, with what stands in braces filled in as far as known."""
    return kept_state.filled_in(path, seed, start.directory)
