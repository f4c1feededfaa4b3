"""The names that a recorded configuration may use without being trusted.

None of them runs code that its arguments name, reads code from a file, or writes to one when a run
is evaluated or decoded. What is not here needs `--trust_run_dir`: `keras.saving.load_model`, layers
and metrics that take a function, callbacks that write.
"""

import keras

from state_of_sparsity import layers

# The techniques: the public layers that a file of Keras may name, which their bases are not.
_TECHNIQUES = [
    kind
    for kind in (getattr(layers, name) for name in layers.__all__)
    if keras.saving.get_registered_name(kind) != kind.__name__
]
# Every name by the module that it is taken from, as in `from MODULE import ...`.
_NAMES = {
    "state_of_sparsity": " ".join(["Powerpropagation", *(kind.__name__ for kind in _TECHNIQUES)]),
    "state_of_sparsity.wrapping.powerpropagation": "Powerpropagation",
    "state_of_sparsity.layers": " ".join(kind.__name__ for kind in _TECHNIQUES),
    **{
        module: " ".join(kind.__name__ for kind in _TECHNIQUES if kind.__module__ == module)
        for module in {kind.__module__ for kind in _TECHNIQUES}
    },
    "state_of_sparsity.schedules": (
        "Alternating ConstantSparsity PolynomialDecay Ramp TargetSparsity"
    ),
    "state_of_sparsity.patterns": "Block NOfM PerOutput",
    "state_of_sparsity.distributions": (
        "ErdosRenyiKernel GlobalThreshold erdos_renyi_kernel_magnitude global_magnitude"
    ),
    "state_of_sparsity.data.images.cifar10": "Cifar10",
    "state_of_sparsity.data.images.digits": "Digits",
    "state_of_sparsity.data.grammar.corpus": "GrammarCorpus",
    "state_of_sparsity.data.images.imagenet": "ImageNet",
    "state_of_sparsity.data.images.mnist": "Mnist",
    "state_of_sparsity.data.text.parallel_records": "ParallelRecords",
    "state_of_sparsity.data.text.parallel_text": "ParallelFiles",
    "state_of_sparsity.data.text.translation": "Translation",
    "state_of_sparsity.models.lenet": "lenet_300_100 lenet_5",
    "state_of_sparsity.models.resnet": (
        "resnet8 resnet18 resnet20 resnet32 resnet34 resnet50 resnet56 resnet101 resnet152 "
        "resnet200 wide_resnet_22_2"
    ),
    "state_of_sparsity.models.small_vgg": "vgg7",
    "state_of_sparsity.models.transformer": "transformer transformer_base transformer_big",
    "state_of_sparsity.training.experiment": "Experiment",
    "state_of_sparsity.training.tickets": "Start",
    "state_of_sparsity.training.ticket_masks": "as_found shuffled smart_ratios inverted pruned",
    "state_of_sparsity.training.sparse_initialization": "sparsity_aware",
    "state_of_sparsity.optimizers.inverse_square_root": "InverseSquareRoot",
    "state_of_sparsity.optimizers.warm_up_and_drops": "WarmUpAndDrops",
    "state_of_sparsity.optimizers.adam_with_multipliers": "AdamWithMultipliers",
    "state_of_sparsity.optimizers.sgd_with_multipliers": "SGDWithMultipliers",
    "state_of_sparsity.losses.smoothed_crossentropy": "SmoothedCrossentropy",
    "state_of_sparsity.training.translation.translation_score": "TranslationScore",
    "state_of_sparsity.losses.token_accuracy": "TokenAccuracy",
    "state_of_sparsity.losses.token_crossentropy": "TokenCrossentropy",
    "tensorflow_model_optimization.sparsity.keras": "ConstantSparsity PolynomialDecay",
    "keras.optimizers": (
        "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer Muon Nadam "
        "RMSprop SGD"
    ),
    "keras.optimizers.schedules": (
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay "
        "PolynomialDecay"
    ),
    "keras.losses": (
        "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy "
        "CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge "
        "CosineSimilarity Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson "
        "SparseCategoricalCrossentropy SquaredHinge Tversky"
    ),
    "keras.metrics": (
        "AUC Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy "
        "CategoricalCrossentropy CategoricalHinge CosineSimilarity F1Score FBetaScore "
        "FalseNegatives FalsePositives Hinge KLDivergence LogCoshError MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson "
        "Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError "
        "SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy "
        "SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge "
        "TopKCategoricalAccuracy TrueNegatives TruePositives"
    ),
    "keras.callbacks": "EarlyStopping ReduceLROnPlateau TerminateOnNaN",
}

NAMES = frozenset(f"{module}.{name}" for module, names in _NAMES.items() for name in names.split())
# What has to be imported to reach them: `keras.optimizers.schedules`, `keras.optimizers`, `keras`.
MODULES = frozenset(
    ".".join(parts[:count])
    for parts in (module.split(".") for module in _NAMES)
    for count in range(1, len(parts) + 1)
)
