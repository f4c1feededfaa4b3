"""The rounds of pruning LeNet-300-100: from what bin/rounds.py wrote of each seed, to a table."""

import pathlib
import statistics

from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.rounds import read_csv

REWOUND, DRAWN = "rewound to step 0", "re-initialized"


def read(folder):
    """Returns `{REWOUND: rounds, DRAWN: rounds}` of all seeds, from `seed_*.csv` in a folder."""
    found = {REWOUND: [], DRAWN: []}
    for path in sorted(pathlib.Path(folder).glob("seed_*.csv")):
        for each in read_csv(path):
            found[DRAWN if each.branch else REWOUND].append(each)
    return {name: rounds for name, rounds in found.items() if rounds}


def rounds(found):
    """Returns a line for each round: weights left, accuracy and early stop, by mean and range."""
    if not found:
        return "Not measured yet."
    lines = []
    for number in sorted({each.number for own in found.values() for each in own}):
        line = []
        for name, own in found.items():
            runs = [each for each in own if each.number == number]
            if not line:
                line = [f"{100 * statistics.fmean(each.weights_left for each in runs):.2f}"]
            if name == DRAWN and not runs:
                line += ["-", "-"]
                continue
            line.append(_cell([100 * each.run.result["accuracy"] for each in runs], ".2f"))
            line.append(_cell([each.early_stop["step"] for each in runs], ",.0f"))
        lines.append(line)
    header = ["Weights left (%)"]
    for name in found:
        header += [f"Accuracy (%), {name}", f"Early stop at step, {name}"]
    return table(header, lines)


def _cell(values, style):
    mean, low, high = (f(values) for f in (statistics.fmean, min, max))
    spread = f" [{low:{style}}, {high:{style}}]" if len(values) > 1 else ""
    return f"{mean:{style}}{spread} ({len(values)})"
