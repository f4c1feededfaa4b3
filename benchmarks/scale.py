"""Time and extra memory of one mask update, from a million weights to a billion in one model.

Each size is measured in processes of its own, with the same sparsity in every kernel and with one
threshold over all. Extra memory is the most that updates held beyond the model itself.
"""

import argparse
import json
import os
import statistics
import time

from choices import names_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# {name: (square kernels, their width)}
SIZES = {"1M": (16, 256), "10M": (40, 512), "100M": (24, 2048), "1B": (60, 4096)}
SHARING = ("kernel by kernel", "one threshold")
# Of a weight and its mask, with some room. Less than that is not even tried.
BYTES_A_WEIGHT = 6
SPARSITY = 0.9


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=names_of(SIZES), default=list(SIZES), help="of " + ",".join(SIZES)
    )
    parser.add_argument("--rounds", type=int, default=30, help="timed updates of each")
    parser.add_argument("--output", help="JSON file")
    parser.add_argument("--measure", choices=SIZES, help="measure this size in this process")
    parser.add_argument("--sharing", choices=SHARING, help="and this way, with --measure")
    return parser.parse_args()


def weights_of(size):
    """Returns how many weights a size has."""
    kernels, width = SIZES[size]
    return kernels * width**2


def sparse_model(size, sharing):
    """Returns a model of square kernels; masks are due at every step."""
    import keras

    import state_of_sparsity as sos

    kernels, width = SIZES[size]
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(width, use_bias=False) for _ in range(kernels)]
    model = keras.Sequential([keras.Input((width,)), *layers])
    schedule = sos.schedules.ConstantSparsity(SPARSITY, begin_step=0, frequency=1)
    if sharing == "one threshold":
        return sos.sparsify(model, sos.distributions.global_magnitude(schedule))
    return sos.sparsify(model, lambda layer: sos.MagnitudePruning(layer, schedule))


def measure(size, sharing, rounds):
    """Returns the seconds of each update and the most memory they held beyond the model's."""
    import keras
    import own_process

    import state_of_sparsity as sos

    own_process.fail_beyond_available()
    model, updater, seconds = sparse_model(size, sharing), sos.UpdateSparsity(), []
    own_process.reset_peak()
    held = own_process.held_bytes()
    for step in range(rounds + 1):
        start = time.perf_counter()
        updater.update(model, step)
        seconds.append(time.perf_counter() - start)
    return {
        "backend": keras.backend.backend(),
        "seconds": seconds[1:],
        "extra_bytes": own_process.peak_bytes() - held,
    }


def measure_all(options):
    """Returns `{(size, sharing): result}`, the result a reason where it did not fit."""
    import own_process
    from interleaved import show_progress

    found, done, begin = {}, 0, time.perf_counter()
    total = len(SHARING) * sum(map(weights_of, options.sizes))
    for size in options.sizes:
        for sharing in SHARING:
            needed, free = BYTES_A_WEIGHT * weights_of(size), own_process.available_bytes()
            try:
                if needed > free:
                    raise own_process.DoesNotFit(
                        f"at least {needed / 2**30:.1f} GiB needed, {free / 2**30:.1f} free"
                    )
                found[size, sharing] = own_process.measured(
                    __file__, measure=size, sharing=sharing, rounds=options.rounds
                )
            except own_process.DoesNotFit as reason:
                found[size, sharing] = f"does not fit: {reason}"
            done += weights_of(size)
            show_progress(f"{size} {sharing}, weights", done, total, begin)
    return found


def summarized(found):
    """Returns one dictionary for each size and sharing."""
    from interleaved import median_interval

    cells = []
    for (size, sharing), result in found.items():
        cell = {"size": size, "sharing": sharing, "weights": weights_of(size)}
        if isinstance(result, str):
            cells.append({**cell, "skipped": result})
            continue
        seconds, (_, width) = result["seconds"], SIZES[size]
        cells.append(
            {
                **cell,
                "backend": result["backend"],
                "median_s": statistics.median(seconds),
                "interval_s": median_interval(seconds),
                "ns_a_weight": statistics.median(seconds) / weights_of(size) * 1e9,
                "extra_mib": result["extra_bytes"] / 2**20,
                "extra_in_kernels": result["extra_bytes"] / (4 * width**2),
            }
        )
    return cells


def row(cell):
    """Returns a cell as a row of the table."""
    first = [cell["size"], cell["sharing"], f"{cell['weights']:,}"]
    if "skipped" in cell:
        return [*first, cell["skipped"], "", "", ""]
    return [
        *first,
        f"{1e3 * cell['median_s']:.1f}",
        f"{cell['ns_a_weight']:.2f}",
        f"{cell['extra_mib']:.1f}",
        f"{cell['extra_in_kernels']:.1f}",
    ]


def main():
    options = parse()
    if options.measure:
        print(json.dumps(measure(options.measure, options.sharing, options.rounds)))
        return
    import results

    found = measure_all(options)
    cells = summarized(found)
    results.write(options.output, "scale", vars(options), cells=cells)
    header = ["size", "sharing", "weights", "median ms", "ns a weight", "extra MiB", "in kernels"]
    results.print_table(header, [row(cell) for cell in cells])


if __name__ == "__main__":
    main()
