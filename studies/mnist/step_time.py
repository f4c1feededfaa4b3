"""Times a step of every technique on MNIST, interleaved in one process.

    python studies/mnist/step_time.py --data_dir=data/mnist --output=step_time.csv

Every cell is built from its gin file; in each round each trains some steps. The median over rounds
counts, and its ratio to the dense network's.
"""

import argparse
import csv
import io
import itertools
import os
import statistics
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gin
from published import NETWORKS

from state_of_sparsity import atomic_write
from state_of_sparsity.bin import gin_app
from state_of_sparsity.surgery.structure import sparse_layers
from state_of_sparsity.training.experiment import Experiment
from state_of_sparsity.updates.update_sparsity import UpdateSparsity

# One of each kind: what masks weights costs the same however the mask is found.
TECHNIQUES = (
    "dense",
    "magnitude_global",
    "random_pruning",
    "variational_dropout",
    "l0_regularization",
    "l0_groups",
)


def main():
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", help="where MNIST lies")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds")
    parser.add_argument("--steps", type=int, default=100, help="steps of a round")
    parser.add_argument("--output", help="CSV file")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "`schedule` does not reach")  # nothing is trained to the end
    rows = []
    for network in NETWORKS:
        models = {t: _build(t, network, arguments.data_dir) for t in TECHNIQUES}
        times = {technique: [] for technique in TECHNIQUES}
        for number in range(arguments.rounds + 1):
            for technique, (model, batches) in models.items():
                seconds = _train(model, batches, arguments.steps)
                if number:  # the first round compiles
                    times[technique].append(seconds)
            print(f"{network}: round {number} of {arguments.rounds}", flush=True)
        dense = statistics.median(times["dense"])
        for technique in TECHNIQUES:
            median = statistics.median(times[technique])
            rows.append(
                {
                    "network": network,
                    "technique": technique,
                    "ms_per_step": f"{1000 * median / arguments.steps:.2f}",
                    "ratio_to_dense": f"{median / dense:.2f}",
                }
            )
            print(rows[-1])
    if arguments.output:
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        atomic_write.write_text(arguments.output, text.getvalue())


def _build(technique, network, data_dir):
    """Returns a compiled model and endless batches in memory."""
    needed = ["L0_WEIGHT = 1e-6"] if technique == "l0_regularization" else []
    gin_app.parse([f"lenet/{technique}/{network}.gin"], needed, data_dir)
    with gin.unlock_config():
        experiment = gin.get_configurable(Experiment)()
    batches = list(itertools.islice(experiment.data.train(0), 50))
    # `fit` takes generators, and no other iterators.
    return experiment.build(), (batch for batch in itertools.cycle(batches))


def _train(model, batches, steps):
    """Returns the seconds of some steps in one call of `fit`."""
    begin = time.perf_counter()
    model.fit(
        batches,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[UpdateSparsity()] if sparse_layers(model) else [],
    )
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
