"""Writes what runs make of some test sentences, as a table.

    python studies/translation/samples.py --runs_dir=runs/translation \
        --run=dense/seed_0 --run=magnitude_pruning/sparsity_0.95_seed_0 \
        --source=test.en.gz --reference=test.de.gz --output=docs/results/translation/samples.csv

Where the table is there, runs are added to it or take the place of what it had of them.
"""

import argparse
import pathlib

import keras

import state_of_sparsity  # noqa: F401 (the layers of the saved models)
from state_of_sparsity import atomic_write
from state_of_sparsity.analysis.pages.study_page import rows_if_there
from state_of_sparsity.data.text.parallel_text import ParallelFiles
from state_of_sparsity.data.text.vocabulary import Vocabulary
from state_of_sparsity.table_cells import csv_text
from state_of_sparsity.training.translation.translate import translate


def chosen_pairs(pairs, count):
    """Returns `count` of the pairs, evenly spaced: nobody chose them by what becomes of them."""
    pairs = list(pairs)
    count = min(count, len(pairs))
    return [pairs[i * len(pairs) // count] for i in range(count)]


def merged(old, new):
    """Returns the new rows and those of other runs, by sentence, then by the path of the run.

    Raises:
        ValueError: if the old rows are of other sentences.
    """
    order = {row["source"]: number for number, row in enumerate(new)}
    if old and {row["source"] for row in old} != order.keys():
        raise ValueError(
            "`source` and `count` must give the sentences that are in the table. Received: "
            f"{len(order)} sentences that are not its own. Choose another `output` for these."
        )
    runs = {row["run"] for row in new}
    kept = [row for row in old if row["run"] not in runs]
    return sorted([*kept, *new], key=lambda row: (order[row["source"]], row["run"]))


def main():
    """Translates the sentences with each run's model and its vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs_dir", required=True, type=pathlib.Path)
    parser.add_argument("--run", required=True, action="append", help="below runs_dir")
    parser.add_argument("--source", required=True, help="text file of test sentences")
    parser.add_argument("--reference", required=True, help="text file of their translations")
    parser.add_argument("--count", type=int, default=5, help="sentences, evenly spaced")
    parser.add_argument(
        "--length_penalty", type=float, default=1.0, help="as multi30k.gin's LENGTH_PENALTY"
    )
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    text = ParallelFiles(train_source=arguments.source, train_target=arguments.reference)
    pairs = chosen_pairs(text.pairs("train"), arguments.count)
    sources, translations = [source for source, _ in pairs], {}
    for run in arguments.run:
        folder = arguments.runs_dir / run
        vocabulary = Vocabulary.load(folder / "vocabulary.model")
        model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
        translations[run] = translate(
            model, vocabulary, sources, length_penalty=arguments.length_penalty
        )
    lines = [
        {"source": source, "reference": reference, "run": run, "translation": found[i]}
        for i, (source, reference) in enumerate(pairs)
        for run, found in translations.items()
    ]
    lines = merged(rows_if_there(arguments.output), lines)
    text = csv_text([list(lines[0]), *(line.values() for line in lines)])
    atomic_write.write_text(arguments.output, text)
    print(f"{arguments.output}: {len(pairs)} sentences, {len(translations)} runs.")


if __name__ == "__main__":
    main()
