"""TF-MOT's magnitude pruning under Keras 2 (`tf_keras`), beside Keras 3 in one process."""

from state_of_sparsity.schedules.tfmot_schedules import pruning_schedules

VARIANTS = ("tfmot_dense", "tfmot")


def wrapped(model, sparsity, frequency=10**9):
    """Returns a `tf_keras` model with TF-MOT's wrapper around every layer with a kernel.

    Its masks are updated at step 1 and then every `frequency` steps: TF-MOT counts from 1.

    Args:
        model: a model of `tf_keras`.
        sparsity: fraction of zeros.
        frequency: steps between updates.
    """
    # TF-MOT's import comes before that of `tf_keras`, and leaves `tf.keras` as it is.
    tfmot = pruning_schedules()
    import tf_keras

    schedule = tfmot.ConstantSparsity(sparsity, begin_step=1, frequency=frequency)

    def clone(layer):
        if isinstance(layer, (tf_keras.layers.Dense, tf_keras.layers.Conv2D)):
            return tfmot.prune_low_magnitude(layer, schedule)
        return layer

    pruned = tf_keras.models.clone_model(model, clone_function=clone)
    for layer in pruning_layers(pruned):
        # What its callback does before the first step.
        layer.pruning_step.assign(0)
    return pruned


def pruning_layers(model):
    """Returns TF-MOT's wrappers in a model, in its order."""
    return [layer for layer in model.layers if hasattr(layer, "pruning_obj")]


def compiled_model(variant, make_workload, sparsity, frequency=10**9):
    """Returns a model of `tf_keras` ready for training, and its batch.

    Args:
        variant: "tfmot", whose masks are updated in the very first step and whose conditional
            update stays in the graph, or "tfmot_dense", the same model as it is.
        make_workload: a callable `keras -> Workload`.
        sparsity: fraction of zeros.
        frequency: steps between updates of masks.
    """
    pruning_schedules()  # imported in either case, as its memory counts
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    workload = make_workload(tf_keras)
    model = workload.model
    if variant == "tfmot":
        model = wrapped(model, sparsity, frequency)
    model.compile(workload.optimizer, workload.loss)
    return model, workload.batch


def callbacks(variant):
    """Returns the callbacks that a variant is trained with."""
    return [pruning_schedules().UpdatePruningStep()] if variant == "tfmot" else []
