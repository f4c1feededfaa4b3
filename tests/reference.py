"""Slow, plain numpy statements of the formulas, for the tests to hold the package against.

Written from the papers and the published code, in float64, with loops where they make a statement
plainer. Nothing of the package is imported.

Sources:
    Molchanov, Ashukha, Vetrov, "Variational Dropout Sparsifies Deep Neural Networks", 2017.
    Louizos, Welling, Kingma, "Learning Sparse Neural Networks through L0 Regularization", 2018.
    Zhu, Gupta, "To prune, or not to prune", 2017.
    Evci et al., "Rigging the Lottery: Making All Tickets Winners", 2020.
    Gale, Elsen, Hooker, "The State of Sparsity in Deep Neural Networks", 2019, and its code.
"""

import itertools
import math

import numpy as np

# Molchanov et al., below equation 14.
K1, K2, K3 = 0.63576, 1.87320, 1.48695
# The guard against log 0 and sqrt 0 in the code of Gale et al., the same everywhere.
EPSILON = 1e-8
# Louizos et al., section 4.1: the constants of the hard-concrete distribution.
BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


# Variational dropout.


def log_alpha(theta, log_sigma2):
    """Molchanov et al., section 4.1: sigma^2 = alpha theta^2; guarded as in Gale et al."""
    theta, log_sigma2 = np.asarray(theta, np.float64), np.asarray(log_sigma2, np.float64)
    return log_sigma2 - np.log(theta**2 + EPSILON)


def clipped_log_alpha(theta, log_sigma2, limit=8.0):
    """Gale et al., code of `variational_dropout/common.py`."""
    return np.clip(log_alpha(theta, log_sigma2), -limit, limit)


def clipped_sigma2(theta, log_sigma2, limit=8.0):
    """The variance of a weight with its log alpha clipped (same source)."""
    theta = np.asarray(theta, np.float64)
    return np.exp(clipped_log_alpha(theta, log_sigma2, limit) + np.log(theta**2 + EPSILON))


def kl_divergence(log_alpha):
    """Molchanov et al., equation 14, with the sign of a penalty: the sum over all weights."""
    total = 0.0
    for a in np.asarray(log_alpha, np.float64).reshape(-1):
        negative = K1 * sigmoid(K2 + K3 * a) - 0.5 * math.log(1 + math.exp(-a)) - K1
        total -= negative
    return total


def dense_moments(inputs, theta, sigma2):
    """Molchanov et al., equation 17: moments of the pre-activations of a dense layer."""
    x, theta, sigma2 = (np.asarray(a, np.float64) for a in (inputs, theta, sigma2))
    return x @ theta, x**2 @ sigma2 + EPSILON


def convolution_moments(images, theta, sigma2):
    """Molchanov et al., equation 18: moments for a convolution without padding, stride 1."""
    return _convolve(images, theta), _convolve(np.square(images), sigma2) + EPSILON


def _convolve(images, kernel):
    images, kernel = np.asarray(images, np.float64), np.asarray(kernel, np.float64)
    height, width = kernel.shape[:2]
    rows, columns = images.shape[1] - height + 1, images.shape[2] - width + 1
    outputs = np.zeros((len(images), rows, columns, kernel.shape[-1]))
    for n, i, j in itertools.product(range(len(images)), range(rows), range(columns)):
        patch = images[n, i : i + height, j : j + width]
        for channel in range(kernel.shape[-1]):
            outputs[n, i, j, channel] = np.sum(patch * kernel[..., channel])
    return outputs


# L0 regularization.


def gate_sample(log_alpha, uniform):
    """Louizos et al., equation 10, then 11's hard sigmoid; guarded as in Gale et al."""
    u = np.asarray(uniform, np.float64)
    s = sigmoid((np.log(u + EPSILON) - np.log(1 - u) + log_alpha) / BETA)
    return np.minimum(1, np.maximum(0, s * (ZETA - GAMMA) + GAMMA))


def gate_mean(log_alpha, gamma=GAMMA, zeta=ZETA):
    """Louizos et al., equation 13: the gate of evaluation."""
    return np.minimum(1, np.maximum(0, sigmoid(log_alpha) * (zeta - gamma) + gamma))


def expected_l0(log_alpha, beta=BETA, gamma=GAMMA, zeta=ZETA):
    """Louizos et al., equation 12: the expected number of gates that are not zero."""
    return float(np.sum(sigmoid(np.asarray(log_alpha) - beta * math.log(-gamma / zeta))))


# Schedules and ramps.


def polynomial_sparsity(step, initial, final, begin, end, power=3):
    """Zhu and Gupta, equation 1."""
    if step <= begin:
        return initial
    if step >= end:
        return final
    return final + (initial - final) * (1 - (step - begin) / (end - begin)) ** power


def cubic_ramp(step, weight, begin, end):
    """Gale et al., code of the Transformer: the cubic ramp before it is smoothed."""
    if step >= end:
        return weight
    return weight * (1 - (1 - max(step - begin, 0) / (end - begin)) ** 3)


def smoothed_cubic_ramp(step, weight, begin, end):
    """Gale et al., code of the Transformer: a variable that starts at 0, once a step."""
    variable = 0.0
    for i in range(step + 1):
        variable = 0.1 * cubic_ramp(i, weight, begin, end) + 0.9 * variable
    return variable


# Masks.


def exact_mask(scores, zeros):
    """Drops the `zeros` smallest scores by a full sort; of equal scores the first go."""
    flat = np.asarray(scores).reshape(-1)
    order = sorted(range(flat.size), key=lambda index: (flat[index], index))
    mask = np.ones(flat.size, bool)
    for index in order[:zeros]:
        mask[index] = False
    return mask.reshape(np.shape(scores))


def erdos_renyi_kernel_densities(shapes, density):
    """Evci et al., section 3 (1): the literal iteration, one dense layer more at a time.

    The density of a layer is `epsilon * sum(shape) / prod(shape)`; epsilon is what makes the
    total right once the layers that would be denser than dense are taken out.
    """
    sizes = [math.prod(shape) for shape in shapes]
    raw = [sum(shape) / math.prod(shape) for shape in shapes]
    dense = set()
    while len(dense) < len(shapes):
        rest = [i for i in range(len(shapes)) if i not in dense]
        wanted = density * sum(sizes) - sum(sizes[i] for i in dense)
        epsilon = wanted / sum(raw[i] * sizes[i] for i in rest)
        densest = max(rest, key=lambda i: raw[i])
        if epsilon * raw[densest] <= 1:
            return [1.0 if i in dense else epsilon * raw[i] for i in range(len(shapes))]
        dense.add(densest)
    return [1.0] * len(shapes)


# Patterns. A kernel is given as lists of indices, in the order of its memory.


def mask_by_groups(scores, groups, kept):
    """Of each group of indices the `kept` highest scores stay; of equal ones the first go."""
    mask = np.zeros(np.shape(scores), bool)
    for group in groups:
        order = sorted(range(len(group)), key=lambda place: (scores[group[place]], place))
        for place in order[max(0, len(group) - kept) :]:
            mask[group[place]] = True
    return mask


def mask_by_blocks(scores, blocks, zeros):
    """Blocks of indices go in the order of their means, up to the first that is too much."""
    mask = np.ones(np.shape(scores), bool)
    means = [sum(float(scores[index]) for index in block) / len(block) for block in blocks]
    for place in sorted(range(len(blocks)), key=lambda place: (means[place], place)):
        zeros -= len(blocks[place])
        if zeros < 0 or means[place] == math.inf:
            break
        for index in blocks[place]:
            mask[index] = False
    return mask


def mask_by_outputs(scores, outputs, zeros):
    """Each output loses as many, one after the other; what is left over, where it is lowest."""
    queues = [
        sorted(range(len(own)), key=lambda place, own=own: (scores[own[place]], place))
        for own in outputs
    ]
    mask = np.ones(np.shape(scores), bool)
    each, more = divmod(zeros, len(outputs))
    turns = sorted(
        range(len(outputs) if more else 0),
        key=lambda o: (scores[outputs[o][queues[o][each]]], o),
    )
    for o, own in enumerate(outputs):
        for place in queues[o][: each + (o in turns[:more])]:
            mask[own[place]] = False
    return mask
