"""Peak memory of training: dense, each technique and TF-MOT, each in a process of its own.

A process builds the model, trains some steps by `fit`, with an update of the masks after each, and
reports the most memory it ever held (resident set). Processes of all variants take turns. Bytes of
state a weight are counted exactly: variables of model and optimizer, beyond those of dense.
"""

import argparse
import json
import math
import os
import random
import statistics
import time

from choices import names_of
from technique_names import LATER, STUDIED

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DENSE_OF = {"tfmot": "tfmot_dense"}  # every other variant is held against "dense"
ALL = (
    "dense",
    *STUDIED,
    "tfmot_dense",
    "tfmot",
)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", choices=("resnet50", "transformer"), default="resnet50")
    parser.add_argument(
        "--variants",
        type=names_of((*ALL, *LATER)),
        default=list(ALL),
        help="of " + ",".join((*ALL, *LATER)) + "; by default all up to TF-MOT's",
    )
    parser.add_argument("--repeats", type=int, default=6, help="processes a variant")
    parser.add_argument("--steps", type=int, default=5, help="training steps in each")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--output", help="JSON file")
    parser.add_argument(
        "--measure", choices=(*ALL, *LATER), help="measure this one in this process"
    )
    return parser.parse_args()


def measure(options):
    """Trains one variant in this process and returns what that took."""
    import keras
    import numpy as np
    import own_process
    import workloads

    import state_of_sparsity as sos

    def make_workload(module):
        return workloads.WORKLOADS[options.workload](module, options.batch_size)

    sos.UpdateSparsity()  # brings in what is not imported yet
    imported = own_process.held_bytes()
    model, batch, callbacks = prepared(options.measure, make_workload)
    inputs, targets = (np.concatenate([array] * options.steps) for array in batch)
    model.fit(inputs, targets, batch_size=options.batch_size, verbose=0, callbacks=callbacks)
    optimizer = model.optimizer.variables
    optimizer = optimizer() if callable(optimizer) else optimizer  # a method in Keras 2
    kernels = [v for v in model.trainable_variables if "kernel" in v.name.rsplit("/", 1)[-1]]
    return {
        "backend": keras.backend.backend(),
        "peak": own_process.peak_bytes(),
        "imported": imported,
        "state": sum(map(state_bytes, [*model.variables, *optimizer])),
        "weights": sum(math.prod(kernel.shape) for kernel in kernels),
    }


def prepared(variant, make_workload):
    """Returns a compiled model, its batch, and the callbacks that it is trained with."""
    import tfmot_baseline
    import variants

    if variant in tfmot_baseline.VARIANTS:
        model, batch = tfmot_baseline.compiled_model(
            variant, make_workload, variants.SPARSITY, frequency=1
        )
        return model, batch, tfmot_baseline.callbacks(variant)
    import state_of_sparsity as sos

    model, batch = variants.compiled_model(variant, make_workload, frequency=1)
    return model, batch, [sos.UpdateSparsity()] if variant in variants.TECHNIQUES else []


def state_bytes(variable):
    """Returns the bytes of a variable of either Keras."""
    sizes = {"bool": 1, "int32": 4, "uint32": 4, "float32": 4, "int64": 8}
    return math.prod(variable.shape) * sizes[getattr(variable.dtype, "name", variable.dtype)]


def measure_in_turns(options):
    """Returns `{variant: [what `measure` returned, ...]}`, the order shuffled in each round."""
    import own_process
    from interleaved import show_progress

    flags = {name: getattr(options, name) for name in ("workload", "steps", "batch_size")}
    order, shuffle = list(options.variants), random.Random(0).shuffle
    found = {name: [] for name in order}
    begin, total = time.perf_counter(), options.repeats * len(order)
    for repeat in range(options.repeats):
        shuffle(order)
        for index, name in enumerate(order):
            found[name].append(own_process.measured(__file__, measure=name, **flags))
            show_progress("memory", repeat * len(order) + index + 1, total, begin)
    return found


def summarized(found):
    """Returns one dictionary a variant: medians, ratio to its dense model, bytes a weight."""
    from interleaved import paired_ratio

    cells = {}
    for name, runs in found.items():
        taken = [run["peak"] - run["imported"] for run in runs]
        cells[name] = {
            "peak_mib": statistics.median(run["peak"] for run in runs) / 2**20,
            "training_mib": statistics.median(taken) / 2**20,
        }
        dense = found.get(DENSE_OF.get(name, "dense"))
        if dense and dense is not runs:
            dense_taken = [run["peak"] - run["imported"] for run in dense]
            cells[name]["ratio"] = paired_ratio(taken, dense_taken)
            extra = runs[0]["state"] - dense[0]["state"]
            cells[name]["state_bytes_a_weight"] = extra / dense[0]["weights"]
    return cells


def main():
    options = parse()
    if options.measure:
        print(json.dumps(measure(options)))
        return
    import results

    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        options.variants = [name for name in options.variants if not name.startswith("tfmot")]
    found = measure_in_turns(options)
    cells = summarized(found)
    parameters = {**vars(options), "backend": next(iter(found.values()))[0]["backend"]}
    results.write(options.output, "memory", parameters, cells=cells, runs=found)
    results.print_table(
        ["variant", "peak MiB", "of training MiB", "to dense", "state, bytes a weight"],
        [
            [
                name,
                f"{cell['peak_mib']:.0f}",
                f"{cell['training_mib']:.0f}",
                cell.get("ratio", ""),
                f"{cell['state_bytes_a_weight']:+.2f}" if "ratio" in cell else "",
            ]
            for name, cell in cells.items()
        ],
    )


if __name__ == "__main__":
    main()
