"""Images with labels: digits, MNIST, CIFAR-10, ImageNet."""
