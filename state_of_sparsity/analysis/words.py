"""What techniques, data sets and models are called in text, by their names in `result.json`."""

_WORDS = {
    "l0_regularization": "L0 regularization",
    "erdos_renyi_kernel": "Erdos-Renyi-Kernel",
    "layerwise": "a sparsity for each layer",
    "digits": "handwritten digits",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "image_net": "ImageNet",
    "grammar_corpus": "sentences of a grammar",
    "translation": "sentence pairs",
    "lenet_300_100": "LeNet-300-100",
    "lenet_5": "LeNet-5",
    "vgg7": "VGG-7",
    **{f"resnet{depth}": f"ResNet-{depth}" for depth in (8, 18, 20, 32, 34, 50, 56, 101, 152, 200)},
}


def words(name: str) -> str:
    """Returns a name in words: those people use, or its own with spaces.

    Args:
        name: in snake case; several joined by `+`.

    Example:

    >>> words("lenet_300_100"), words("fixed_mask+l0_regularization")
    ('LeNet-300-100', 'fixed mask + L0 regularization')
    """
    return " + ".join(_WORDS.get(part, part.replace("_", " ")) for part in name.split("+"))


def technique(name: str, distribution: str | None = None) -> str:
    """Returns a technique in words, with how its zeros are shared among the kernels.

    Example:

    >>> technique("magnitude_pruning", "erdos_renyi_kernel")
    'Magnitude pruning, Erdos-Renyi-Kernel'
    """
    return capital(", ".join(words(part) for part in (name, distribution) if part))


def capital(text: str) -> str:
    """Returns text with a capital first letter."""
    return text[:1].upper() + text[1:]
