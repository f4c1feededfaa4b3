"""Time of a training step: dense, each technique, TF-MOT, and bounds, in interleaved rounds.

The backend is KERAS_BACKEND's, TensorFlow by default; TF-MOT runs with TensorFlow alone.
"""

import argparse
import os
import statistics
import sys
import time

from choices import names_of
from technique_names import LATER, STUDIED

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the programs do

ALL = (
    "dense",
    *STUDIED,
    "two_contractions",
    "tfmot_dense",
    "tfmot",
)
L0_BOUNDS = {"tensorflow": 1.15, "jax": 1.12}
# (numerator, denominator, bound on the ratio or None, by backend where it is not one for all; what
# of the ratio is held against it)
RATIOS = (
    ("magnitude", "dense", 1.05, "low"),
    ("random", "dense", 1.05, "low"),
    ("l0", "magnitude", L0_BOUNDS, "median"),
    ("variational_dropout", "magnitude", 1.65, "median"),  # the paper's figure
    ("variational_dropout", "two_contractions", 1.1, "median"),
    ("two_contractions", "dense", None, None),
    ("l0", "dense", None, None),
    ("variational_dropout", "dense", None, None),
    ("tfmot", "tfmot_dense", None, None),
    ("tfmot_dense", "dense", None, None),
    *((name, "dense", None, None) for name in LATER),
)


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", choices=("resnet50", "transformer"), default="resnet50")
    parser.add_argument(
        "--variants",
        type=names_of((*ALL, *LATER)),
        default=list(ALL),
        help="of "
        + ",".join((*ALL, *LATER))
        + "; by default those up to tfmot. two_contractions: two plain layers in place of each",
    )
    parser.add_argument("--rounds", type=int, default=30, help="timed steps of each variant")
    parser.add_argument(
        "--batch_size", type=int, default=32, help="images, or sequences of 64 tokens"
    )
    parser.add_argument("--image_size", type=int, default=64, help="of ResNet-50")
    parser.add_argument("--dtype_policy", default="float32", help="Keras's, as mixed_bfloat16")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="say instead on which ops the first variant spends its time on the processor",
    )
    parser.add_argument("--output", help="JSON file")
    return parser.parse_args(arguments)


def make_steps(options):
    """Returns `{variant: callable}`, each one training step, warmed up."""
    import keras
    import tfmot_baseline
    import variants
    import workloads
    from training_step import tensorflow_step, training_step

    keras.config.set_dtype_policy(options.dtype_policy)
    sizes = {"image_size": options.image_size} if options.workload == "resnet50" else {}

    def make_workload(module):
        return workloads.WORKLOADS[options.workload](module, options.batch_size, **sizes)

    steps = {}
    for name in options.variants:
        begin = time.perf_counter()
        if name in tfmot_baseline.VARIANTS:
            if keras.backend.backend() != "tensorflow":
                print(f"{name} needs TensorFlow: left out", file=sys.stderr)
                continue
            made = tfmot_baseline.compiled_model(name, make_workload, variants.SPARSITY)
            steps[name] = tensorflow_step(*made)
        else:
            steps[name] = training_step(*variants.compiled_model(name, make_workload))
        steps[name]()  # traces and compiles
        elapsed = time.perf_counter() - begin
        print(f"compiled {name} in {elapsed:.1f} s", file=sys.stderr, flush=True)
    return steps


def ratios_of(seconds, backend):
    """Returns one dictionary for each ratio of variants that were measured."""
    from interleaved import paired_ratio

    found = []
    for top, bottom, bound, part in RATIOS:
        bound = bound[backend] if isinstance(bound, dict) else bound
        if top in seconds and bottom in seconds:
            ratio = paired_ratio(seconds[top], seconds[bottom])
            value = ratio.interval[0] if part == "low" and ratio.interval else ratio.median
            met = None if bound is None else value <= bound
            found.append({"of": top, "to": bottom, "ratio": ratio, "bound": bound, "met": met})
    return found


def profile(options):
    """Prints the time of each kind of op in a step of the first of the variants."""
    import results
    from profile_ops import time_by_kind

    options.variants = options.variants[:1]
    ((name, step),) = make_steps(options).items()
    step()
    rows = [(kind, calls, f"{time:.1f}") for kind, calls, time in time_by_kind(step)[:30]]
    print(f"{options.workload}, {name}")
    results.print_table(["kind of op", "calls a step", "ms a step"], rows)


def report(parameters, seconds, cells, ratios):
    """Prints the tables."""
    import results

    print("{workload}, batch {batch_size}, {backend}".format(**parameters))
    results.print_table(
        ["variant", "median ms", "fastest ms"],
        [[n, f"{1e3 * cells[n]:.1f}", f"{1e3 * min(seconds[n]):.1f}"] for n in cells],
    )
    print()
    says = {True: "yes", False: "NO", None: ""}
    results.print_table(
        ["ratio", "median [95 % interval]", "bound", "met"],
        [[f"{r['of']} / {r['to']}", r["ratio"], r["bound"] or "", says[r["met"]]] for r in ratios],
    )


def main():
    options = parse()
    import results
    from interleaved import seconds_in_rounds

    if options.profile:
        profile(options)
        return
    seconds = seconds_in_rounds(
        make_steps(options), options.rounds, warm_up=2, label=options.workload
    )
    import keras

    cells = {name: statistics.median(values) for name, values in seconds.items()}
    backend = keras.backend.backend()
    ratios = ratios_of(seconds, backend)
    parameters = {**vars(options), "backend": backend}
    results.write(
        options.output, "step_time", parameters, median_s=cells, ratios=ratios, seconds=seconds
    )
    report(parameters, seconds, cells, ratios)


if __name__ == "__main__":
    main()
