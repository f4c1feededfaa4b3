"""Plain Keras models; none of them knows about sparsity."""
