"""The rounds of pruning LeNet-300-100: from what bin/rounds.py wrote of each seed, to a table."""

import pathlib
import statistics

from state_of_sparsity.analysis import file_text
from state_of_sparsity.analysis.markdown import table
from state_of_sparsity.analysis.results import Run
from state_of_sparsity.analysis.rounds import Round

_STOP = "early_stop_"
REWOUND, DRAWN = "rewound to step 0", "re-initialized"


def read(folder):
    """Returns `{REWOUND: rounds, DRAWN: rounds}` of all seeds, from `seed_*.csv` in a folder."""
    found = {REWOUND: [], DRAWN: []}
    for path in sorted(pathlib.Path(folder).glob("seed_*.csv")):
        for line in file_text.read_csv(path):
            row = {key: file_text.parse_cell(cell) for key, cell in line.items()}
            found[DRAWN if line["branch"] else REWOUND].append(_round(line, row))
    return {name: rounds for name, rounds in found.items() if rounds}


def _round(line, row):
    result = {**row, "technique": "fixed_mask", "sparsity": 1 - row["weights_left"]}
    stop = {k.removeprefix(_STOP): v for k, v in row.items() if k.startswith(_STOP)}
    run = Run(pathlib.Path(line["run"]), result)
    return Round(line["run"], row["round"], line["branch"], run, stop)


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
