"""`torch.nn.utils.prune` in the comparison: the digits. The schedule is a loop of one's own.

pip install torch scikit-learn
python studies/comparison/torch_prune.py --output=docs/results/comparison/digits.csv
"""

import argparse
import time

import digits_setting as setting
import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune


def network(seed):
    """Returns LeNet-300-100 with the first weights of a seed."""
    model = nn.Sequential(
        nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    weights = setting.first_weights(seed)
    with torch.no_grad():
        for layer, kernel, bias in zip(model[::2], weights[::2], weights[1::2], strict=True):
            layer.weight.copy_(torch.from_numpy(kernel.T))
            layer.bias.copy_(torch.from_numpy(bias))
    return model


def prune_to(layer, sparsity):
    """Prunes so many more weights that the layer has this sparsity; what is pruned stays pruned."""
    if not hasattr(layer, "weight_mask"):
        prune.identity(layer, "weight")
    pruned = int((layer.weight_mask == 0).sum())
    more = round(sparsity * layer.weight_mask.numel()) - pruned
    if more > 0:
        prune.l1_unstructured(layer, "weight", amount=more)


def train(data, sparsity, seed):
    """Trains one cell of the comparison."""
    (x, y), (x_test, y_test) = data
    torch.manual_seed(seed)
    model = network(seed)
    x, y = (torch.from_numpy(np.asarray(each)) for each in setting.batches(x, y, seed))
    optimizer = torch.optim.Adam(model.parameters(), setting.LEARNING_RATE, eps=1e-7)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, setting.STEPS)
    start = time.perf_counter()
    for step, (images, labels) in enumerate(
        zip(x.split(setting.BATCH_SIZE), y.split(setting.BATCH_SIZE), strict=True)
    ):
        if step % setting.FREQUENCY == 0 and step <= setting.END_STEP:
            for layer in model[::2]:
                prune_to(layer, setting.cubic(step, sparsity))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        rates.step()
    seconds = time.perf_counter() - start
    for layer in model[::2]:
        prune.remove(layer, "weight")
    with torch.no_grad():
        accuracy = np.mean(model(torch.from_numpy(x_test)).argmax(1).numpy() == y_test)
    return [layer.weight.detach().numpy() for layer in model[::2]], accuracy, seconds


def recurrent():
    """Prunes one of the kernels of an LSTM."""
    layer = nn.LSTM(16, 16)
    prune.l1_unstructured(layer, "weight_hh_l0", amount=0.5)
    layer(torch.zeros(5, 1, 16))
    return f"{float((layer.weight_hh_l0 == 0).float().mean()):.2f}"


def main():
    """Prints what is found; with a table, trains on the digits and adds a line a run to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", help="CSV file that runs on the digits are added to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # layers are too small for two, which wait for each other
    public = [name for name in dir(prune) if not name.startswith("_")]
    print("functions:", ", ".join(name for name in public if name[0].islower()))
    schedules = [name for name in public if "schedule" in name.lower()]
    print("schedules:", schedules or "none")
    setting.tried("an LSTM's kernel", recurrent)
    setting.measure(f"torch {torch.__version__} prune", train, arguments.output)


if __name__ == "__main__":
    main()
