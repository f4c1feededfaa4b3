"""Variational dropout against the formulas and against closed-form moments."""

import keras
import numpy as np
import pytest

import state_of_sparsity as sos
from state_of_sparsity.layers import random_numbers
from tests import reference

DRAWS = 20_000
SIGMAS = 5  # standard errors allowed: two in ten million comparisons would fail by chance


def variable(wrapper, name):
    return next(v for v in wrapper.variables if v.name == name)


def noisy(layer, input_shape, **options):
    """Returns a wrapper with random means and noise on both sides of the clip, and its state."""
    options.setdefault("kl_weight", 0.0)
    wrapper = sos.VariationalDropout(layer, seed=1, **options)
    wrapper.build(input_shape)
    rng = np.random.default_rng(0)
    kernel = wrapper.sparse_kernels[0].variable
    theta = rng.normal(size=kernel.shape)
    log_alpha = rng.uniform(-10, 1, kernel.shape)
    theta.flat[0], log_alpha.flat[0] = 0.02, 12.0
    log_sigma2 = log_alpha + np.log(theta**2)
    kernel.assign(theta)
    variable(wrapper, "log_sigma2").assign(log_sigma2)
    sigma2 = reference.clipped_sigma2(np.float32(theta), np.float32(log_sigma2))
    return wrapper, np.float32(theta), sigma2


def draw(wrapper, example):
    """Returns the pre-activations of many copies of one example."""
    batch = np.repeat(np.asarray(example)[None], DRAWS, axis=0)
    return keras.ops.convert_to_numpy(wrapper(batch, training=True)).astype(np.float64)


def check_moments(samples, mean, variance):
    """Compares moments with those of independent Gaussians, within `SIGMAS` standard errors."""
    count = len(samples)
    deviation = np.sqrt(variance)
    assert (np.abs(samples.mean(0) - mean) < SIGMAS * deviation / np.sqrt(count)).all()
    error = SIGMAS * variance * np.sqrt(2 / (count - 1))
    assert (np.abs(samples.var(0, ddof=1) - variance) < error).all()
    kurtosis = (((samples - mean) / deviation) ** 4).mean(0)
    assert (np.abs(kurtosis - 3) < SIGMAS * np.sqrt(96 / count)).all()


def check_uncorrelated(samples):
    correlation = np.corrcoef(samples.reshape(len(samples), -1).T)
    off_diagonal = correlation[~np.eye(len(correlation), dtype=bool)]
    assert (np.abs(off_diagonal) < SIGMAS / np.sqrt(len(samples))).all()


def test_dense_moments():
    wrapper, theta, sigma2 = noisy(keras.layers.Dense(3, use_bias=False), (None, 4))
    example = np.float32([1.0, -2.0, 0.5, 3.0])
    samples = draw(wrapper, example)
    check_moments(samples, *reference.dense_moments(example, theta, sigma2))
    check_uncorrelated(samples)


@pytest.mark.parametrize("layer", ["dense", "einsum"])
@pytest.mark.parametrize("share_positions", [True, False])
def test_moments_on_sequences(layer, share_positions):
    dense = {
        "dense": keras.layers.Dense(2),
        "einsum": keras.layers.EinsumDense("bti,io->bto", (3, 2), bias_axes="o"),
    }[layer]
    wrapper, theta, sigma2 = noisy(dense, (None, 3, 4), share_positions=share_positions)
    dense.bias.assign([7.0, -7.0])
    example = np.float32(np.random.default_rng(1).normal(size=(3, 4)))
    samples = draw(wrapper, example)
    mean, variance = reference.dense_moments(example, theta, sigma2)
    mean = mean + np.array([7.0, -7.0])
    check_moments(samples, mean, variance)
    noise = (samples - mean) / np.sqrt(variance)
    if share_positions:
        for position in (1, 2):
            np.testing.assert_allclose(noise[:, position], noise[:, 0], atol=1e-3)
        check_uncorrelated(noise[:, 0])
    else:
        check_uncorrelated(noise)


def test_convolution_moments_and_own_noise_at_every_position():
    wrapper, theta, sigma2 = noisy(keras.layers.Conv2D(2, 2, use_bias=False), (None, 3, 3, 2))
    example = np.float32(np.random.default_rng(1).normal(size=(3, 3, 2)))
    samples = draw(wrapper, example)
    mean, variance = reference.convolution_moments(example[None], theta, sigma2)
    check_moments(samples, mean[0], variance[0])
    check_uncorrelated(samples)


def test_embedding_moments_and_own_noise_for_every_occurrence():
    wrapper, theta, sigma2 = noisy(keras.layers.Embedding(5, 3), (None, 3))
    tokens = np.array([4, 0, 4])
    samples = draw(wrapper, tokens)
    check_moments(samples, theta[tokens], sigma2[tokens] + reference.EPSILON)
    check_uncorrelated(samples)


def test_an_embedding_called_in_reverse_and_own_noise_at_every_position():
    wrapper, theta, sigma2 = noisy(keras.layers.ReversibleEmbedding(4, 3), (None, 2))
    example = np.float32(np.random.default_rng(1).normal(size=(2, 3)))
    batch = np.repeat(example[None], DRAWS, axis=0)
    samples = wrapper(batch, training=True, reverse=True)
    samples = keras.ops.convert_to_numpy(samples).astype(np.float64)
    check_moments(samples, *reference.dense_moments(example, theta.T, sigma2.T))
    check_uncorrelated(samples)
    tokens = np.array([3, 3])
    check_moments(draw(wrapper, tokens), theta[tokens], sigma2[tokens] + reference.EPSILON)


def test_capped_logits_are_not_linear():
    """So that their noise is drawn for the weights, before the cap."""
    layer = keras.layers.ReversibleEmbedding(4, 3, logit_soft_cap=2.0)
    wrapper = sos.VariationalDropout(layer, 0.0, seed=3, initial_log_sigma2=2.0)
    wrapper.build((None, 2))
    logits = wrapper(np.float32(np.full((50, 2, 3), 5.0)), reverse=True, training=True)
    assert np.abs(logits).max() <= 2.0
    np.testing.assert_array_equal(logits[:1], logits[-1:])


def test_einsum_with_several_output_axes():
    layer = keras.layers.EinsumDense("btd,dnh->btnh", (2, 2, 3))
    wrapper, theta, sigma2 = noisy(layer, (None, 2, 4), share_positions=False)
    example = np.float32(np.random.default_rng(1).normal(size=(2, 4)))
    mean, variance = reference.dense_moments(example, theta.reshape(4, 6), sigma2.reshape(4, 6))
    samples = draw(wrapper, example)
    check_moments(samples, mean.reshape(2, 2, 3), variance.reshape(2, 2, 3))
    check_uncorrelated(samples)


def test_a_layer_that_is_not_linear_draws_its_weights():
    """One draw of the weights a call, for the whole batch; each weight N(theta, sigma^2)."""
    layer = keras.layers.SimpleRNN(200, activation=None, use_bias=False)
    wrapper = sos.VariationalDropout(
        layer, 0.0, seed=3, clip_log_alpha=None, initial_log_sigma2=-2.0, kernels=("kernel",)
    )
    wrapper.build((None, 1, 100))
    identity = np.eye(100, dtype="float32")[:, None]  # one step, from a state of zeros
    drawn = keras.ops.convert_to_numpy(wrapper(identity, training=True))
    theta = layer.cell.kernel.numpy()
    check_moments((drawn - theta).reshape(-1), 0.0, np.exp(-2.0) + reference.EPSILON)
    batch = np.repeat(identity[:1], 4, axis=0)
    rows = keras.ops.convert_to_numpy(wrapper(batch, training=True))
    np.testing.assert_array_equal(rows, np.repeat(rows[:1], 4, axis=0))


NOISE_SHAPES = {
    "dense rank 2": (lambda: keras.layers.Dense(3), (2, 4), {}, (2, 3)),
    "dense rank 3": (lambda: keras.layers.Dense(3), (2, 5, 4), {}, (2, 1, 3)),
    "dense rank 4": (lambda: keras.layers.Dense(3), (2, 5, 6, 4), {}, (2, 1, 1, 3)),
    "dense independent": (
        lambda: keras.layers.Dense(3),
        (2, 5, 4),
        {"share_positions": False},
        (2, 5, 3),
    ),
    "einsum heads": (
        lambda: keras.layers.EinsumDense("btd,dnh->btnh", (5, 2, 3)),
        (2, 5, 4),
        {},
        (2, 1, 2, 3),
    ),
    "einsum ellipsis": (
        lambda: keras.layers.EinsumDense("...x,xy->...y", 3),
        (2, 5, 6, 4),
        {},
        (2, 1, 1, 3),
    ),
    "einsum rank 2": (lambda: keras.layers.EinsumDense("bi,io->bo", (3,)), (2, 4), {}, (2, 3)),
    "conv1d": (lambda: keras.layers.Conv1D(3, 2), (2, 5, 4), {}, (2, 4, 3)),
    "conv2d": (lambda: keras.layers.Conv2D(3, 2), (2, 5, 6, 4), {}, (2, 4, 5, 3)),
    "transposed": (lambda: keras.layers.Conv1DTranspose(3, 2), (2, 5, 4), {}, (2, 6, 3)),
    "depthwise": (lambda: keras.layers.DepthwiseConv1D(2), (2, 5, 4), {}, (2, 4, 4)),
    "embedding": (lambda: keras.layers.Embedding(7, 3), (2, 5), {}, (2, 5, 3)),
}


@pytest.mark.parametrize("case", NOISE_SHAPES)
def test_what_shares_its_noise(case, monkeypatch):
    make, shape, options, expected = NOISE_SHAPES[case]
    wrapper = sos.VariationalDropout(make(), 0.0, **options)
    wrapper.build((None, *shape[1:]))
    asked = []

    def record(shape, dtype=None, seed=None):
        asked.append(tuple(shape))
        return keras.ops.zeros(shape, dtype)

    monkeypatch.setattr(random_numbers, "normal", record)
    wrapper(np.zeros(shape, "float32"), training=True)
    assert asked == [expected]
    wrapper(np.zeros(shape, "float32"), training=False)
    assert asked == [expected]


def ones_for_noise(monkeypatch):
    monkeypatch.setattr(
        random_numbers, "normal", lambda shape, dtype=None, seed=None: keras.ops.ones(shape, dtype)
    )


def test_activation_and_activity_regularizer_act_once_on_the_noisy_output(monkeypatch):
    ones_for_noise(monkeypatch)
    activated, regularized = [], []

    def activation(x):
        activated.append(keras.ops.convert_to_numpy(x))
        return x * x

    def regularizer(x):
        regularized.append(keras.ops.convert_to_numpy(x))
        return keras.ops.sum(x)

    layer = keras.layers.Dense(3, activation=activation, activity_regularizer=regularizer)
    wrapper, theta, sigma2 = noisy(layer, (None, 4))
    layer.bias.assign([1.0, 2.0, 3.0])
    inputs = np.float32(np.random.default_rng(1).normal(size=(5, 4)))
    outputs = wrapper(inputs, training=True)
    mean, variance = reference.dense_moments(inputs, theta, sigma2)
    before = mean + np.array([1.0, 2.0, 3.0]) + np.sqrt(variance)
    assert len(activated) == len(regularized) == 1
    np.testing.assert_allclose(activated[0], before, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs, before**2, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(regularized[0], outputs)
    # Keras divides such a loss by the batch size.
    np.testing.assert_allclose(float(sum(wrapper.losses)), np.sum(outputs) / 5, rtol=1e-4)
    assert layer.activation is activation and layer.activity_regularizer is regularizer


def test_kernel_regularizer_and_bias_count_once(monkeypatch):
    ones_for_noise(monkeypatch)
    layer = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.5))
    wrapper, theta, _ = noisy(layer, (None, 3))
    wrapper(np.ones((1, 3), "float32"), training=True)
    kernel = wrapper.evaluation_kernel(wrapper.sparse_kernels[0])  # what is dropped has no size
    assert (kernel == 0).any() and (kernel == theta).any()
    np.testing.assert_allclose(float(sum(wrapper.losses)), 0.5 * np.sum(kernel**2), rtol=1e-5)


def test_kl_is_the_published_function_at_its_published_values():
    for log_alpha, value in [(-8, 4.6359), (-4, 2.6342), (0, 0.43124), (3, 0.02542), (8, 0.000168)]:
        assert reference.kl_divergence(log_alpha) == pytest.approx(value, rel=5e-3)


@pytest.mark.parametrize("clip", [8.0, 2.5, None])
def test_kl_divergence(clip):
    wrapper, theta, _ = noisy(keras.layers.Dense(6), (None, 9), kl_weight=0.25, clip_log_alpha=clip)
    log_sigma2 = variable(wrapper, "log_sigma2").numpy()
    log_alpha = reference.clipped_log_alpha(theta, log_sigma2, np.inf if clip is None else clip)
    expected = 0.25 * reference.kl_divergence(log_alpha)
    np.testing.assert_allclose(float(sum(wrapper.losses)), expected, rtol=1e-5)


def test_a_clipped_weight_gets_no_gradient_from_the_kl_divergence():
    tf = pytest.importorskip("tensorflow")
    wrapper, theta, _ = noisy(keras.layers.Dense(2), (None, 3), kl_weight=1.0)
    log_sigma2 = variable(wrapper, "log_sigma2")
    with tf.GradientTape() as tape:
        loss = sum(wrapper.losses)
    gradient = tape.gradient(loss, log_sigma2.value).numpy()
    clipped = np.abs(reference.log_alpha(theta, log_sigma2.numpy())) >= 8
    assert clipped.any() and not clipped.all()
    np.testing.assert_array_equal(gradient == 0, clipped)


def test_a_frozen_wrapper_has_no_penalty():
    wrapper, _, _ = noisy(keras.layers.Dense(2), (None, 3), kl_weight=1.0)
    wrapper.trainable = False
    assert not wrapper.losses


@pytest.mark.parametrize("threshold", [3.0, 10.0])
def test_evaluation_drops_from_the_threshold_on_without_clipping(threshold):
    wrapper = sos.VariationalDropout(
        keras.layers.Dense(1, use_bias=False), 0.0, threshold=threshold
    )
    wrapper.build((None, 3))
    limit = np.float32(threshold)
    around = [np.nextafter(limit, np.float32(0)), limit, np.nextafter(limit, np.float32(99))]
    wrapper.layer.kernel.assign([[1.0]] * 3)  # log(1 + 1e-8) is 0 in float32
    variable(wrapper, "log_sigma2").assign(np.reshape(around, (3, 1)))
    outputs = keras.ops.convert_to_numpy(wrapper(np.eye(3, dtype="float32")))
    np.testing.assert_array_equal(outputs[:, 0], [1.0, 0.0, 0.0])
    (kernel,) = wrapper.sparse_kernels
    np.testing.assert_array_equal(wrapper.present(kernel)[:, 0], [True, False, False])
    np.testing.assert_array_equal(wrapper.evaluation_kernel(kernel), outputs)


def test_large_inputs_do_not_overflow_in_float16():
    """300^2 is above the largest float16."""
    layer = keras.layers.Dense(2, use_bias=False, dtype="mixed_float16")
    wrapper, theta, sigma2 = noisy(layer, (None, 4))
    samples = draw(wrapper, np.full(4, 300.0, "float16"))
    assert np.isfinite(samples).all()
    mean, variance = reference.dense_moments(np.full(4, 300.0), theta, sigma2)
    # float16 has 11 bits: far coarser than the standard errors of the mean.
    np.testing.assert_allclose(samples.mean(0), mean, atol=0.05 * np.sqrt(variance.max()))
    np.testing.assert_allclose(samples.std(0), np.sqrt(variance), rtol=0.05)


def test_the_same_seed_draws_the_same_noise():
    def draws(seed):
        wrapper = sos.VariationalDropout(
            keras.layers.Dense(4, kernel_initializer="ones"), 0.0, initial_log_sigma2=0.0, seed=seed
        )
        return [np.asarray(wrapper(np.ones((2, 3)), training=True)) for _ in range(2)]

    first, again, other = draws(5), draws(5), draws(6)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).all() and (first[0] != other[0]).all()


def test_the_configuration_holds_every_argument():
    arguments = {
        "threshold": 2.5,
        "initial_log_sigma2": -7.0,
        "clip_log_alpha": 6.0,
        "share_positions": False,
        "seed": 11,
        "name": "noisy",
        "trainable": False,
    }
    ramp = sos.schedules.Ramp(0.1, 3, 9, "cubic")
    wrapper = sos.VariationalDropout(
        keras.layers.SimpleRNN(2), ramp, kernels=("recurrent_kernel",), **arguments
    )
    again = sos.VariationalDropout.from_config(wrapper.get_config())
    assert {name: getattr(again, name) for name in arguments} == arguments
    assert again.penalty_weight.get_config() == ramp.get_config()
    again.build((None, 3, 4))
    assert [kernel.variable.name for kernel in again.sparse_kernels] == ["recurrent_kernel"]
    unclipped = sos.VariationalDropout(keras.layers.Dense(2), 0.25, clip_log_alpha=None)
    unclipped = sos.VariationalDropout.from_config(unclipped.get_config())
    assert unclipped.clip_log_alpha is None and unclipped.penalty_weight == 0.25


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integers_have_the_noise_of_the_numbers_they_are(dtype):
    inputs = np.full((4000, 1), 1 if dtype == "bool" else 16, dtype)
    wrapper, *_ = noisy(keras.layers.Dense(1, use_bias=False), (None, 1))
    floats, *_ = noisy(keras.layers.Dense(1, use_bias=False), (None, 1))
    drawn = keras.ops.convert_to_numpy(wrapper(inputs, training=True))
    expected = keras.ops.convert_to_numpy(floats(inputs.astype("float32"), training=True))
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)
