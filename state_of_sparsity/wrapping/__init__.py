"""How a wrapper runs its layer with other kernels than the layer holds."""
