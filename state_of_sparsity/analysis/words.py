"""What techniques, data sets and models are called in text, by their names in `result.json`."""

import re

_WORDS = {
    "l0_regularization": "L0 regularization",
    "rigl": "RigL",
    "set": "SET",
    "acdc": "AC/DC",
    "straight_through": "straight-through",
    "top_kast": "Top-KAST",
    "soft_threshold": "soft thresholds (STR)",
    "saliency_pruning": "pruning by saliency",
    "wanda": "Wanda",
    "erdos_renyi_kernel": "Erdos-Renyi-Kernel",
    "layerwise": "a sparsity for each layer",
    "learning_rate_rewinding": "learning-rate rewinding",
    "fine_tuning": "fine-tuning",
    "one_shot_masks": "one-shot pruning",
    "iterative_masks": "iterative pruning",
    "smart_ratios_masks": "masks by smart ratios",
    "scratch_sparse_initialization": "scratch, sparse initialization",
    "digits": "handwritten digits",
    "mnist": "MNIST",
    "cifar10": "CIFAR-10",
    "image_net": "ImageNet",
    "grammar_corpus": "sentences of a grammar",
    "translation": "sentence pairs",
    "wmt14_translate_en_de": "WMT14 English to German",
    "lenet_300_100": "LeNet-300-100",
    "lenet_5": "LeNet-5",
    "vgg7": "VGG-7",
    **{f"resnet{depth}": f"ResNet-{depth}" for depth in (8, 18, 20, 32, 34, 50, 56, 101, 152, 200)},
}
_START = re.compile(
    r"(?:(.+_masks)_)?(.*?)(?:_rate_from_(\d+|last))?(?:_([\d.e+-]+)_times(_at_final_rate)?)?", re.S
)


def words(name: str) -> str:
    """Returns a name in words: those people use, or its own with spaces.

    Args:
        name: in snake case; several joined by `+`.

    Example:

    >>> words("lenet_300_100"), words("fixed_mask+l0_regularization")
    ('LeNet-300-100', 'fixed mask + L0 regularization')
    """
    return " + ".join(_WORDS.get(part, part.replace("_", " ")) for part in name.split("+"))


def technique(name: str, distribution: str | None = None, begun: str | None = None) -> str:
    """Returns a technique in words, with how its zeros are shared among the kernels.

    Masks of another run are called by where the run began.

    Args:
        name: of the technique.
        distribution: of its zeros, or None.
        begun: the `start` of the run, or None.

    Example:

    >>> technique("magnitude_pruning", "erdos_renyi_kernel")
    'Magnitude pruning, Erdos-Renyi-Kernel'
    >>> technique("fixed_mask", None, "lottery_ticket")
    'Lottery ticket'
    """
    parts = [words(part) for part in (name, distribution) if part]
    if begun:
        parts = [start(begun)] if name == "fixed_mask" else [*parts, start(begun)]
    return capital(", ".join(parts))


def start(name: str) -> str:
    """Returns where a run began in words.

    Args:
        name: as results have it: masks, weights, learning rate and length in snake case.

    Example:

    >>> start("shuffled_masks_rewinding_to_390_2_times")
    'rewinding to step 390, shuffled masks, 2 times the steps'
    >>> start("iterative_masks_lottery_ticket")
    'lottery ticket, iterative pruning'
    """
    found = _START.fullmatch(name)
    if found is None:
        return words(name)
    masks, weights, rate, times, final = found.groups()
    weights = re.sub(r"_to_(?=\d+$)", "_to_step_", weights)
    of, _, step = weights.partition("_to_step_")
    parts = [f"{words(of)} to step {step}" if step else words(of)]
    parts += [words(masks)] if masks else []
    parts += (
        [f"learning rate from {'its end' if rate == 'last' else f'step {rate}'}"] if rate else []
    )
    parts += [f"{times} times the steps"] if times else []
    parts += ["the rest at the last rate"] if final else []
    return ", ".join(parts)


def capital(text: str) -> str:
    """Returns text with a capital first letter."""
    return text[:1].upper() + text[1:]
