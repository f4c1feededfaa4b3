"""Inference of a pruned network: `sos.inference` against the fastest dense engine, in turn.

A network with random weights, pruned by magnitude in one step and stripped. All engines compute the
same model, zeros and all, on the same batch, with as many threads; one whose package is missing is
left out. Ratios are of the dense engine that is fastest in the median to ours, round by round.
With `--memory`, each engine runs in a process of its own as well, for its peak of memory.
"""

import argparse
import importlib.metadata
import json
import pathlib
import statistics
import sys
import tempfile
import time

import dense_engines
import interleaved
import numpy as np
import own_process
import results

BOUNDS = {
    ("resnet50", "uniform", 0.95): 2.0,
    ("resnet50", "uniform", 0.9): 1.3,
    ("resnet50", "erdos_renyi_kernel", 0.95): 1.5,
    ("resnet50", "global", 0.95): 1.5,
    ("mlp", "uniform", 0.95): 3.0,
    ("feed_forward", "uniform", 0.95): 3.0,
}
OURS = "sparse"


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=[*NETWORKS], default="resnet50")
    parser.add_argument("--sparsity", type=float, default=0.95)
    parser.add_argument(
        "--distribution", choices=["uniform", "erdos_renyi_kernel", "global"], default="uniform"
    )
    parser.add_argument("--batch_size", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--memory", action="store_true", help="measure peaks of memory as well")
    parser.add_argument("--peak_of", help=argparse.SUPPRESS)
    parser.add_argument("--layers", action="store_true", help="show what was measured of each")
    parser.add_argument("--output", help="a JSON file")
    return parser.parse_args()


def resnet50():
    import keras

    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def mlp():
    """Four hidden layers of 2048."""
    import keras

    hidden = [keras.layers.Dense(2048, "relu") for _ in range(4)]
    return keras.Sequential([keras.Input((1024,)), *hidden, keras.layers.Dense(1000)])


def feed_forward():
    """The feed-forward layers of a Transformer's encoder: 128 tokens of 512, 2048 within."""
    import keras

    layers = [keras.layers.Dense(2048, "relu"), keras.layers.Dense(512)]
    return keras.Sequential([keras.Input((128, 512)), *layers])


def encoder():
    """One layer of a Transformer's encoder, attention and all."""
    import keras

    inputs = keras.Input((128, 512))
    x = keras.layers.Add()([inputs, keras.layers.MultiHeadAttention(8, 64)(inputs, inputs)])
    x = keras.layers.LayerNormalization()(x)
    hidden = keras.layers.Dense(2048, "relu")(x)
    x = keras.layers.Add()([x, keras.layers.Dense(512)(hidden)])
    return keras.Model(inputs, keras.layers.LayerNormalization()(x))


def lenet_5():
    from state_of_sparsity.models import lenet

    return lenet.lenet_5()


def vgg7():
    from state_of_sparsity.models import small_vgg

    return small_vgg.vgg7()


NETWORKS = {each.__name__: each for each in (resnet50, mlp, feed_forward, encoder, lenet_5, vgg7)}


SHAPES = {
    **{"resnet50": (224, 224, 3), "mlp": (1024,), "feed_forward": (128, 512)},
    **{"encoder": (128, 512), "lenet_5": (28, 28, 1), "vgg7": (32, 32, 3)},
}


def pruned(network, sparsity, distribution):
    """Returns a network, stripped; `uniform` leaves the first convolution dense, as usual."""
    import keras

    import state_of_sparsity as sos

    keras.utils.set_random_seed(0)
    model = NETWORKS[network]()
    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0)
    rule = {
        "uniform": lambda layer: sos.MagnitudePruning(layer, schedule),
        "erdos_renyi_kernel": sos.distributions.erdos_renyi_kernel_magnitude(schedule),
        "global": sos.distributions.global_magnitude(schedule),
    }[distribution]
    first = next(layer for layer in model.layers if hasattr(layer, "kernel"))
    dense = isinstance(first, keras.layers.Conv2D) and distribution == "uniform"

    kinds = keras.layers.Conv2D, keras.layers.Dense, keras.layers.MultiHeadAttention

    def rules(layer):
        prunable = isinstance(layer, kinds)
        return rule(layer) if prunable and not (dense and layer is first) else None

    sparse = sos.sparsify(model, rules)
    sos.UpdateSparsity().update(sparse, 0)
    return sos.strip(sparse, in_place=True)


def engine(name, model, batch, threads, folder):
    """Returns an engine's function of a batch."""
    if name != OURS:
        return dense_engines.ENGINES[name](model, batch, threads, folder)
    import state_of_sparsity as sos

    return sos.inference.compile(model, len(batch), threads=threads)


def engines(model, batch, threads, folder):
    """Returns `{name: function}` of the engines that are installed, ours first."""
    found = {}
    for name in (OURS, *dense_engines.ENGINES):
        try:
            found[name] = engine(name, model, batch, threads, folder)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def peak(options, batch):
    """Prints by how many bytes an engine's process outgrows Keras alone while it runs."""
    import gc

    before = own_process.held_bytes()
    with tempfile.TemporaryDirectory() as folder:
        model = pruned(options.network, options.sparsity, options.distribution)
        run = engine(options.peak_of, model, batch, options.threads, pathlib.Path(folder))
        expected = run(batch)
        del model
        gc.collect()
        own_process.reset_peak()
        for _ in range(3):
            assert np.allclose(run(batch), expected, rtol=1e-3, atol=1e-5)
    print(json.dumps(own_process.peak_bytes() - before))


def peaks(options, names):
    """Returns `{name: bytes}` of engines, each in a process of its own."""
    flags = ("network", "sparsity", "distribution", "batch_size", "threads")
    settings = {flag: getattr(options, flag) for flag in flags}
    return {name: own_process.measured(__file__, **settings, peak_of=name) for name in names}


def report(seconds, differences, memory, options):
    """Prints the table, and returns the ratio to the fastest dense engine."""
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    rows = [
        (
            name,
            *(f"{1000 * number:.2f}" for number in (medians[name], min(found))),
            f"{differences[name]:.0e}",
            f"{memory[name] / 2**20:.0f}" if memory else "",
        )
        for name, found in seconds.items()
    ]
    results.print_table(("engine", "median ms", "fastest ms", "difference", "peak MiB"), rows)
    fastest = min((name for name in seconds if name != OURS), key=medians.get)
    ratio = interleaved.paired_ratio(seconds[fastest], seconds[OURS])
    least = min(min(found) for name, found in seconds.items() if name != OURS)
    undisturbed = f"of the fastest runs {least / min(seconds[OURS]):.2f}"
    bound = BOUNDS.get((options.network, options.distribution, options.sparsity))
    wanted = f"; at least {bound} wanted" if bound else ""
    print(f"{fastest} / {OURS}: {ratio}{wanted}; {undisturbed}")
    return ratio


def main():
    options = parse()
    dense_engines.set_threads(options.threads)
    import keras  # noqa: F401 - in all processes whose memory is compared

    shape = (options.batch_size, *SHAPES[options.network])
    batch = np.random.default_rng(0).normal(size=shape).astype("float32")
    if options.peak_of:
        peak(options, batch)
        return
    model = pruned(options.network, options.sparsity, options.distribution)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        found = engines(model, batch, options.threads, pathlib.Path(folder))
        print(f"engines made in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        outputs = {name: run(batch) for name, run in found.items()}
        scale = np.abs(outputs["Keras"]).max()
        differences = {
            name: float(np.abs(each - outputs["Keras"]).max() / scale)
            for name, each in outputs.items()
        }
        seconds = interleaved.seconds_in_rounds(
            {name: lambda run=run: run(batch) for name, run in found.items()},
            options.rounds,
            label=options.network,
            pause=0.05,
        )
    memory = peaks(options, found) if options.memory else {}
    print(
        f"{options.network}, {options.sparsity:.0%} {options.distribution}, batch "
        f"{options.batch_size}, threads {options.threads}"
    )
    ratio = report(seconds, differences, memory, options)
    print(f"{OURS} computed with {found[OURS].threads} of {options.threads} threads")
    if options.layers:
        print(found[OURS])
    versions = {}
    for package in ("numba", "onnxruntime", "openvino"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    results.write(
        *(options.output, "sparse_inference", vars(options)),
        **{"seconds": seconds, "ratio": ratio, "differences": differences},
        **{"peak_bytes": memory, "engine_versions": versions, "our_threads": found[OURS].threads},
    )


if __name__ == "__main__":
    main()
