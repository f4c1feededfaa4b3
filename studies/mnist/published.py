"""What others published on MNIST, typed in with its source."""

NETWORKS = {"lenet_300_100": "LeNet-300-100", "lenet_5": "LeNet-5"}
KERNELS = {
    "lenet_300_100": ("hidden_1", "hidden_2", "logits"),
    "lenet_5": ("convolution_1", "convolution_2", "hidden", "logits"),
}

# Molchanov, Ashukha, Vetrov (2017), table 1, as the README of their code gives it: error (%), times
# fewer weights, sparsity of each layer (%). One run each.
VARIATIONAL_DROPOUT = {
    "lenet_300_100": (1.92, 68, (98.9, 97.2, 62.0)),
    "lenet_5": (0.75, 280, (67.0, 98.0, 99.8, 95.0)),
}

# The rows of the same table that Molchanov et al. compare with.
OTHERS = {
    "lenet_300_100": (
        ("dense (Molchanov et al.)", 1.64, 1),
        ("pruning (Han et al., 2015)", 1.59, 12),
        ("DNS (Guo et al., 2016)", 1.99, 56),
        ("SWS (Ullrich et al., 2017)", 1.94, 23),
        ("variational dropout (Molchanov et al., 2017)", 1.92, 68),
    ),
    "lenet_5": (
        ("dense (Molchanov et al.)", 0.80, 1),
        ("pruning (Han et al., 2015)", 0.77, 12),
        ("DNS (Guo et al., 2016)", 0.91, 111),
        ("SWS (Ullrich et al., 2017)", 0.97, 200),
        ("variational dropout (Molchanov et al., 2017)", 0.75, 280),
    ),
}

# Louizos, Welling, Kingma (2018), table 1, units left in each layer and error (%), as later papers
# reprint it. The error of 266-88-33 is 1.6 in one of them and 1.8 in another; 219-214-100 is from
# memory of the paper and was not seen. Best epochs.
ARCHITECTURES = {
    "lenet_300_100": (((219, 214, 100), 1.4), ((266, 88, 33), 1.6)),
    "lenet_5": (((20, 25, 45, 462), 0.9), ((9, 18, 65, 25), 1.0)),
}


def multiply_adds(network, units):
    """Returns the multiply-adds of the small dense network that some units of a LeNet make.

    Args:
        network: a key of `NETWORKS`.
        units: inputs left of every layer of LeNet-300-100; filters left of the convolutions of
            LeNet-5, and inputs left of its two dense layers.

    >>> multiply_adds("lenet_5", (20, 50, 800, 500))
    2293000
    """
    if network == "lenet_300_100":
        first, second, third = units
        return first * second + second * third + third * 10
    filters_1, filters_2, inputs, hidden = units
    positions_1, positions_2, weights = 24 * 24, 8 * 8, 5 * 5
    convolutions = filters_1 * weights * positions_1 + filters_1 * filters_2 * weights * positions_2
    return convolutions + inputs * hidden + hidden * 10
