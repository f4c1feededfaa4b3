"""Training runs: one `train` function, run directories, checkpoints, progress."""
