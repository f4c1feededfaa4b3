"""Running any Keras layer with its kernels replaced by sparse ones."""
