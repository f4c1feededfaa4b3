"""Time of one mask update of ResNet-50's 54 kernels: ours against TF-MOT's in its graph mode.

Reading the weights and assigning the masks are included; both have the same weights, and their
masks are compared. TF-MOT is measured with the TensorFlow backend alone. Patterns (2:4 at 50 %, and
blocks of 4x1 and 16x16, each output by itself) are held against a mask of any weights.
"""

import argparse
import itertools
import os
import statistics
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

BOUND = 40  # TF-MOT's time to ours


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sparsity", type=float, default=0.9, help="fraction of zeros")
    parser.add_argument("--rounds", type=int, default=30, help="timed updates of each")
    parser.add_argument("--output", help="JSON file")
    return parser.parse_args()


def our_models(sparsity):
    """Returns ResNet-50 of equal weights: pruned kernel by kernel, one threshold, patterns."""
    import keras

    import state_of_sparsity as sos

    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0, frequency=1)
    rules = {
        "ours": lambda layer: sos.MagnitudePruning(layer, schedule),
        "ours, one threshold": sos.distributions.global_magnitude(schedule),
        **{f"ours, {pattern}": patterned(pattern, sparsity) for pattern in patterns()},
    }
    models = {}
    for name, rule in rules.items():
        keras.utils.set_random_seed(0)
        model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3))
        models[name] = sos.sparsify(model, rule)
    return models


def patterns():
    """Returns the patterns that are timed."""
    from state_of_sparsity.patterns import Block, NOfM, PerOutput

    return [NOfM(2, 4), Block((4, 1)), Block((16, 16)), PerOutput()]


def patterned(pattern, sparsity):
    """Returns a rule for magnitude pruning by a pattern."""
    import state_of_sparsity as sos

    sparsity = sparsity if pattern.sparsity is None else pattern.sparsity
    schedule = sos.schedules.ConstantSparsity(sparsity, begin_step=0, frequency=1)
    return lambda layer: sos.MagnitudePruning(layer, schedule, pattern=pattern)


def update_of(model):
    """Returns a callable that carries out the update of the next step."""
    import keras

    import state_of_sparsity as sos

    updater, steps = sos.UpdateSparsity(), itertools.count()
    masks = [mask for _, mask in kernels_and_masks(model)]

    def update():
        updater.update(model, next(steps))
        if keras.backend.backend() == "jax":
            import jax

            jax.block_until_ready([mask.value for mask in masks])

    return update


def kernels_and_masks(model):
    """Returns the variables `(kernel, mask)` of every wrapper."""
    import state_of_sparsity as sos

    return [
        (kernel.variable, wrapper.mask(kernel))
        for wrapper in sos.sparse_layers(model).values()
        for kernel in wrapper.sparse_kernels
    ]


def parts_of(model):
    """Returns callables for the parts of an update that read and write variables."""
    import state_of_sparsity as sos

    pairs = kernels_and_masks(model)
    values = [mask.numpy() for _, mask in pairs]
    wrappers = sos.sparse_layers(model).values()

    def read():
        for wrapper in wrappers:
            for kernel in wrapper.sparse_kernels:
                wrapper.checked_scores(kernel)

    def assign():
        for (_, mask), value in zip(pairs, values, strict=True):
            mask.assign(value)

    return {"reading and scoring the kernels": read, "assigning the masks": assign}


def tfmot_model(ours, sparsity):
    """Returns TF-MOT's wrapped ResNet-50 with the weights of ours."""
    import tf_keras
    import tfmot_baseline

    plain = tf_keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3))
    model = tfmot_baseline.wrapped(plain, sparsity, frequency=1)
    for wrapper in tfmot_baseline.pruning_layers(model):
        ((weight, _, _),) = wrapper.pruning_vars
        weight.assign(ours.get_layer(wrapper.layer.name).layer.kernel.numpy())
    return model


def tfmot_update(model):
    """Returns a callable that runs the update op of TF-MOT's wrappers, every one due."""
    import tensorflow as tf
    import tfmot_baseline

    wrappers = tfmot_baseline.pruning_layers(model)
    for wrapper in wrappers:
        wrapper.pruning_step.assign(1)

    @tf.function
    def update():
        for wrapper in wrappers:
            wrapper.pruning_obj.conditional_mask_update()

    return update


def compared(ours, theirs):
    """Returns how the masks differ: entries, and zeros on both sides."""
    import tfmot_baseline

    sizes, different, zeros, their_zeros = 0, 0, 0, 0
    for wrapper in tfmot_baseline.pruning_layers(theirs):
        mine = ours.get_layer(wrapper.layer.name)
        (kernel,) = mine.sparse_kernels
        mask, their_mask = mine.present(kernel), wrapper.pruning_vars[0][1].numpy() > 0
        sizes += mask.size
        different += int(np.count_nonzero(mask != their_mask))
        zeros += int(np.count_nonzero(~mask))
        their_zeros += int(np.count_nonzero(~their_mask))
    return {"weights": sizes, "different": different, "zeros": zeros, "tfmot_zeros": their_zeros}


def main():
    options = parse()
    import keras
    import results
    from interleaved import median_interval, paired_ratio, seconds_in_rounds

    print("building the models", file=sys.stderr, flush=True)
    models = our_models(options.sparsity)
    actions = {name: update_of(model) for name, model in models.items()}
    with_tfmot = keras.backend.backend() == "tensorflow"
    if with_tfmot:
        theirs = tfmot_model(models["ours"], options.sparsity)
        actions["TF-MOT"] = tfmot_update(theirs)
    for update in actions.values():
        update()
    actions |= parts_of(models["ours"])
    seconds = seconds_in_rounds(actions, options.rounds, warm_up=2, label="update")

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    found = {"median_s": medians, "interval_s": {n: median_interval(v) for n, v in seconds.items()}}
    if with_tfmot:
        found["masks"] = compared(models["ours"], theirs)
        found["ratios"] = {name: paired_ratio(seconds["TF-MOT"], seconds[name]) for name in models}
    found["pattern_ratios"] = {
        str(pattern): paired_ratio(seconds[f"ours, {pattern}"], seconds["ours"])
        for pattern in patterns()
    }
    parameters = {**vars(options), "backend": keras.backend.backend()}
    results.write(options.output, "mask_update", parameters, **found, seconds=seconds)
    report(found)


def report(found):
    """Prints the tables."""
    import results

    medians = found["median_s"]
    inside = medians["reading and scoring the kernels"] + medians["assigning the masks"]
    rows = {**medians, "partition and masks (what is left)": medians["ours"] - inside}
    results.print_table(["update", "median ms"], [[n, f"{1e3 * s:.1f}"] for n, s in rows.items()])
    for name, ratio in found.get("ratios", {}).items():
        bound = f"; at least {BOUND} wanted" if name == "ours" else ""
        print(f"TF-MOT / {name}: {ratio}{bound}")
    for name, ratio in found["pattern_ratios"].items():
        print(f"{name} / any weights: {ratio}")
    if "masks" in found:
        print("Of {weights:,} mask entries {different:,} differ".format(**found["masks"]), end=" ")
        print("({zeros:,} zeros, TF-MOT {tfmot_zeros:,}).".format(**found["masks"]))


if __name__ == "__main__":
    main()
