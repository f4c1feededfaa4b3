"""Rows of a table of runs, made up."""

FOLDERS = {
    "magnitude_pruning": ("magnitude_pruning", "uniform"),
    "magnitude_global": ("magnitude_pruning", "global_threshold"),
    "random_pruning": ("random_pruning", "uniform"),
}


def row(run, accuracy, sparsity, target=None, kernels=((10, 100), (1, 10))):
    """Returns a row of a table; `kernels` are `(non-zeros, size)`."""
    technique, distribution = FOLDERS.get(run.split("/")[0], (run.split("/")[0], None))
    return {
        "run": run,
        "technique": technique,
        "distribution": distribution,
        "seed": int(run[-1]),
        "target_sparsity": target,
        "sparsity": sparsity,
        "accuracy": accuracy,
        "multiply_adds": 1000,
        "sparse_multiply_adds": 150,
        "steps": 100,
        "wall_time_s": 60.0 * (1 + int(run[-1])),
        "kernels": [
            {"path": f"layer_{i}/kernel", "nonzero": nonzero, "size": size}
            for i, (nonzero, size) in enumerate(kernels)
        ],
    }


ROWS = [
    row("random_pruning/sparsity_0.9_seed_0", 0.70, 0.899, 0.9),
    row("random_pruning/sparsity_0.9_seed_1", 0.72, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.9_seed_1", 0.83, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.9_seed_0", 0.81, 0.899, 0.9),
    row("magnitude_pruning/sparsity_0.5_seed_0", 0.86, 0.5, 0.5),
    row("variational_dropout/kl_weight_3e-5_seed_0", 0.82, 0.91, None, ((8, 100), (4, 10))),
    row("variational_dropout/kl_weight_3e-5_seed_1", 0.84, 0.92, None, ((6, 100), (4, 10))),
    row("variational_dropout/kl_weight_1e-5_seed_0", 0.84, 0.7),
    row("dense/seed_0", 0.87, 0.0),
    row("scratch/seed_0", 0.5, 0.0),
]
