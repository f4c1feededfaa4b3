"""torch-pruning in the comparison: it takes whole units out, which makes a network smaller.

pip install torch torch-pruning
python studies/comparison/torch_pruning_units.py
"""

import importlib.metadata

import torch
import torch_pruning
from torch import nn


def main():
    """Halves the units of LeNet-300-100 and of a residual block, and prints what is left."""
    print("torch-pruning", importlib.metadata.version("torch-pruning"))
    example = torch.zeros(1, 64)
    model = nn.Sequential(
        nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    before = torch_pruning.utils.count_ops_and_params(model, example)
    torch_pruning.pruner.MagnitudePruner(
        model,
        example,
        importance=torch_pruning.importance.MagnitudeImportance(p=2),
        pruning_ratio=0.5,
        ignored_layers=[model[-1]],
    ).step()
    after = torch_pruning.utils.count_ops_and_params(model, example)
    print("multiply-adds and parameters before and after:", before, after)
    print("shapes of its layers:", [tuple(layer.weight.shape) for layer in model[::2]])
    print("zeros in them:", sum(int((layer.weight == 0).sum()) for layer in model[::2]))


if __name__ == "__main__":
    main()
