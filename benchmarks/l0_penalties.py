"""Sparsity and accuracy that L0 regularization reaches at each penalty, on handwritten digits.

`sos.L0Regularization(layer, l0_weight)` and an optimizer by its name, as people call them; the
digits that scikit-learn ships. Prints the rows of the table in docs/l0_regularization.md.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH_SIZE = 32
STEPS_PER_EPOCH = 33
NETWORKS = ("lenet_300_100", "convolutions")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument("--optimizer", default="adam", help="a name that Keras knows")
    parser.add_argument("--learning_rate", type=float, help="the optimizer's own by default")
    parser.add_argument(
        "--l0_weights",
        type=lambda text: [float(each) for each in text.split(",")],
        default=[1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3],
        help="penalties, separated by commas",
    )
    parser.add_argument("--gate_speed", type=float, help="the layer's default if not given")
    parser.add_argument("--group", choices=("unit",), help="a gate a unit")
    parser.add_argument("--initial_keep", type=float, default=0.9)
    parser.add_argument("--epochs", type=int, default=30, help="of 33 steps of 32 images")
    parser.add_argument("--seeds", type=int, default=2, help="how many, from 0 on")
    parser.add_argument("--output", help="JSON file")
    return parser.parse_args()


def make_network(name):
    """Returns a dense network of one of `NETWORKS`, built."""
    import keras

    from state_of_sparsity.models.lenet import lenet_300_100

    if name == "lenet_300_100":
        return lenet_300_100(input_shape=(8, 8, 1))
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


def train(options, l0_weight, seed):
    """Returns `(sparsity, test accuracy)` of one training; dense where `l0_weight` is None."""
    import keras

    import state_of_sparsity as sos
    from state_of_sparsity.data.images.digits import Digits

    keras.utils.set_random_seed(seed)
    model = make_network(options.network)
    arguments = {"initial_keep": options.initial_keep, "group": options.group}
    if options.gate_speed is not None:
        arguments["gate_speed"] = options.gate_speed
    callbacks = []
    if l0_weight is not None:
        rule = lambda layer: sos.L0Regularization(layer, l0_weight, **arguments)  # noqa: E731
        model, callbacks = sos.sparsify(model, rule), [sos.UpdateSparsity()]
    optimizer = keras.optimizers.get(options.optimizer)
    if options.learning_rate is not None:
        optimizer.learning_rate = options.learning_rate
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    data = Digits(batch_size=BATCH_SIZE, seed=seed)
    model.fit(
        data.train(),
        steps_per_epoch=STEPS_PER_EPOCH,
        epochs=options.epochs,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )
    _, accuracy = model.evaluate(data.test(), verbose=0)
    return sos.report(model).sparsity, accuracy


def main():
    options = parse()
    import results

    found, rows = [], []
    for l0_weight in [None, *options.l0_weights]:
        runs = [train(options, l0_weight, seed) for seed in range(options.seeds)]
        sparsity, accuracy = (statistics.fmean(values) for values in zip(*runs, strict=True))
        name = "dense" if l0_weight is None else f"{l0_weight:.0e}".replace("e-0", "e-")
        found.append({"l0_weight": l0_weight, "runs": runs})
        rows.append([name, f"{sparsity:.3f}", f"{accuracy:.3f}"])
        print(*rows[-1], flush=True)
    print()
    results.print_table(["l0_weight", "sparsity", "test accuracy"], rows)
    results.write(options.output, "l0_penalties", vars(options), found=found)


if __name__ == "__main__":
    main()
