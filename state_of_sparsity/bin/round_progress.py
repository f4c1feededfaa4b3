"""How far rounds of pruning are: a line now and then, with the time that all that is left takes."""

import contextlib
import json
import pathlib
import statistics
import threading

from state_of_sparsity.arguments import is_number
from state_of_sparsity.bin.round_plan import PlannedRun
from state_of_sparsity.training.runs.progress import duration

_SECONDS_BETWEEN_REPORTS = 15.0
_TIMED = {"step", "steps", "eta_s"}


class RoundProgress:
    """Prints, while it is a context, how far the runs are that have begun.

    Args:
        directory: that of all rounds.
        runs: all planned runs.
        workers: how many run at once.
        every_s: seconds between reports.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        runs: list[PlannedRun],
        workers: int,
        every_s: float = _SECONDS_BETWEEN_REPORTS,
    ):
        self._directory, self._workers, self._every_s = directory, workers, every_s
        self._left = dict.fromkeys(run.directory for run in runs)
        self._total, self._seconds = len(runs), []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)

    def ended(self, name: str):
        """Is told of a run that is over, by its directory."""
        self._left.pop(name, None)
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            text = (self._directory / name / "result.json").read_text(encoding="utf-8")
            self._seconds.append(float(json.loads(text)["wall_time_s"]))

    @property
    def done(self) -> int:
        """How many runs are over."""
        return self._total - len(self._left)

    def eta(self) -> str:
        """Returns in words how long all that is left takes, empty if it is not known."""
        return self._eta(self._states())

    def lines(self) -> list[str]:
        """Returns a line for each run that has begun and is not over."""
        states = self._states()
        end = f"{self.done} of {self._total} runs done{self._eta(states)}"
        return [f"{name}  {_in_words(state)}  ({end})" for name, state in states.items()]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _report(self):
        while not self._end.wait(self._every_s):
            with contextlib.suppress(OSError):  # the terminal may be gone
                for line in self.lines():
                    print(f"    {line}", flush=True)

    def _unfinished(self):
        return [n for n in list(self._left) if not (self._directory / n / "result.json").exists()]

    def _states(self):
        """Returns what each run that has begun says of itself last: phase, step, metrics."""
        states = {}
        for name in self._unfinished():
            with contextlib.suppress(OSError):
                path = self._directory / name / "progress.jsonl"
                states[name] = _merged(path.read_text(encoding="utf-8").splitlines())
        return states

    def _eta(self, states):
        timed = [s for s in states.values() if s.keys() >= _TIMED]
        whole = [s["eta_s"] * s["steps"] / max(s["steps"] - s["step"], 1) for s in timed]
        count = len(self._unfinished())
        if not count or not (self._seconds or whole):
            return ""
        each = statistics.fmean(self._seconds or whole)
        begun = sum(state["eta_s"] for state in timed)
        left_s = (begun + each * (count - len(timed))) / self._workers
        return f", ETA {duration(left_s)} for all"


def _merged(lines):
    state = {}
    for line in lines:
        with contextlib.suppress(ValueError, TypeError):  # half written, or damaged
            said = {"phase": "training", **json.loads(line)}
            state |= {k: v for k, v in said.items() if k == "phase" or is_number(v)}
    return state


def _in_words(state):
    """Returns how far a run is, in words."""
    if state.get("phase") != "training" or not state.keys() >= _TIMED:
        return str(state.get("phase", "starting"))
    parts = [f"step {state['step']:,} of {state['steps']:,}"]
    if "sparsity" in state:
        parts.append(f"{100 * (1 - state['sparsity']):.1f} % of weights left")
    metric = next((k for k in state if k.startswith("val_") and k != "val_loss"), None)
    if metric:
        parts.append(f"{metric} {state[metric]:.4f}")
    return "  ".join([*parts, f"ETA {duration(state['eta_s'])}"])
