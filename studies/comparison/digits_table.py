"""Prints the table of the page from the runs on the digits.

python studies/comparison/digits_table.py docs/results/comparison/digits.csv
"""

import argparse
import collections
import csv
import pathlib
import statistics


def lines(rows):
    """Returns a line of the table for each tool and sparsity."""
    cells = collections.defaultdict(list)
    for row in rows:
        cells[row["sparsity asked for"], row["tool"]].append(row)
    for (sparsity, tool), members in sorted(cells.items()):
        accuracies = [100 * float(row["test accuracy"]) for row in members]
        zeros = {f"{int(row['zeros']):,}" for row in members}
        seconds, processor = (
            statistics.median(float(row[name]) for row in members)
            for name in ("seconds of training", "processor seconds")
        )
        each = ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)
        yield (
            f"| {100 * float(sparsity):g} | {tool} | {', '.join(sorted(zeros))} "
            f"| {statistics.fmean(accuracies):.2f} | {each} | {seconds:.0f} | {processor:.0f} |"
        )


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=pathlib.Path, help="CSV file")
    with parser.parse_args().table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ["Sparsity (%)", "Tool", "Zeros", "Accuracy (%)", "Each seed", "Seconds"]
    names += ["Processor seconds"]
    print(f"| {' | '.join(names)} |", "|" + " --- |" * len(names), *lines(rows), sep="\n")


if __name__ == "__main__":
    main()
