"""`Program`: the steps of a runner bound to buffers, for batches of one size."""

import numpy as np

from state_of_sparsity.inference import work
from state_of_sparsity.inference.grid import Maps
from state_of_sparsity.inference.memory import Memory
from state_of_sparsity.inference.steps import Bound, Step
from state_of_sparsity.inference.worker import take_part


class Program:
    """Computes outputs of batches of one size.

    Args:
        steps: in order.
        inputs: the values that are given.
        outputs: those that are wanted.
        images: how many a batch has.
        helpers: an executor with threads that compute beside the one that calls; None for none.
        threads: how many compute, with that one.
    """

    def __init__(self, steps: list[Step], inputs, outputs, images: int, helpers, threads: int):
        spans = _spans(steps)
        buffers = {key: span for key, span in spans.items() if isinstance(key, Maps)}
        self.memory = Memory(images, threads, buffers)
        self._inputs, self._outputs = inputs, outputs
        self._helpers, self._threads = helpers, threads
        self._parts = []
        for at, step in enumerate(steps):
            mentioned = {*step.reads, *step.writes}
            over = {key for key in mentioned if spans[key][1] == at} - set(outputs)
            for maps in step.writes:
                if isinstance(maps, Maps) and maps.zeros_around and maps not in step.reads:
                    self._part().take(Bound(_clearing(step, maps, self.memory)), [])
            bound = step.bind(self.memory)
            part = self._part(bound.call)
            part.take(bound, [key for key in over if key not in buffers])
        for part in self._parts:
            part.close()

    def _part(self, call=None):
        """Returns the part of a step: that of the step before, if both are compiled."""
        if not self._parts or call or self._parts[-1].call:
            self._parts.append(_Part(call, self._helpers, self._threads))
        return self._parts[-1]

    def __call__(self, inputs: list) -> list:
        values = self.memory.values
        values.update(zip(self._inputs, inputs, strict=True))
        try:
            for part in self._parts:
                part.run()
                for key in part.over:
                    del values[key]
            return [values[key] for key in self._outputs]
        finally:
            values.clear()


def _spans(steps):
    """Returns `{maps or value: (first, last)}`, the steps that mention each."""
    spans = {}
    for at, step in enumerate(steps):
        for key in (*step.reads, *step.writes):
            spans[key] = spans.get(key, (at,))[0], at
    return spans


def _clearing(step, maps, memory):
    """Returns the line that writes the zeros around maps which a step itself does not write."""
    lead, positions = maps.grid.lead, memory.images * maps.grid.map_pitch
    kept = (lead, lead + positions) if step.fills_gaps else (0, 0)
    place = memory.place("y", maps)
    return work.work(
        *(work.CLEAR_AROUND, maps.channels), **place, kept_from=kept[0], kept_to=kept[1]
    )


class _Part:
    """What is one call: of Python, or of compiled code for several steps."""

    def __init__(self, call, helpers, threads):
        self.call, self.helpers, self.threads = call, helpers, threads
        self.over = []  # values that are needed no more
        self._bound = []

    def take(self, bound, over):
        self._bound.append(bound)
        self.over += over

    def close(self):
        """Makes one table of all steps."""
        lines = [bound.line for bound in self._bound if bound.line is not None]
        self.table = np.concatenate(lines) if lines else None
        self.preparations, at = [], 0
        for bound in self._bound:
            line = None if bound.line is None else self.table[at : at + 1]
            at += line is not None
            if bound.prepare is not None:
                self.preparations.append((bound.prepare, line))

    def run(self):
        for prepare, line in self.preparations:
            prepare(line)
        if self.call is not None:
            self.call()
        elif self.table is not None:
            # Their own for each run: a helper that comes late finds everything taken.
            counts = np.zeros((2, len(self.table)), np.int64)
            for _ in range(self.threads - 1):
                self.helpers.submit(take_part, self.table, *counts)
            take_part(self.table, *counts)
