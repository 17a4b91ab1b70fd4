"""Alpha dropout and Gaussian noise: closed forms, moments, edges, and the same numbers everywhere."""

import numpy as np
import pytest
from scipy import stats

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


MAKERS = {
    "alpha_dropout": nn.alpha_dropout,
    "feature_alpha_dropout": nn.feature_alpha_dropout,
    "gaussian_dropout": nn.gaussian_dropout,
    "gaussian_noise": nn.gaussian_noise,
}


def disturbed(name, amount, x, seed=0):
    return MAKERS[name](amount).apply({}, {}, x, key=random.key(seed), train=True)[0]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_alpha_dropout_gives_the_two_values_of_torch(rate):
    x = np.full(2000, 0.7)
    y = disturbed("alpha_dropout", rate, x)
    torch.manual_seed(0)
    expected = torch.nn.functional.alpha_dropout(torch.full((2000,), 0.7, dtype=torch.float64), rate, training=True)
    np.testing.assert_allclose(np.unique(y), np.unique(expected.numpy()), rtol=1e-10)
    assert abs((y == y.min()).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / 2000)


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_preserves_mean_and_variance(name):
    x = np.random.default_rng(0).standard_normal((300, 1, 400))
    y = disturbed(name, 0.3, x)
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


def test_feature_alpha_dropout_drops_channels_together():
    x = np.random.default_rng(0).standard_normal((50, 4, 4, 8))
    y = disturbed("feature_alpha_dropout", 0.5, x)
    dropped = np.ptp(y, axis=(1, 2)) == 0
    assert 0.3 < dropped.mean() < 0.7
    assert len(np.unique(y.max(axis=(1, 2))[dropped])) == 1
    assert not (np.ptp(y[~dropped.any(axis=1)], axis=(1, 2)) == 0).any()


def test_gaussian_dropout_is_normal_with_the_variance_of_dropout():
    y = disturbed("gaussian_dropout", 0.2, np.full(20_000, 3.0))
    assert stats.kstest(y, stats.norm(3, 3 * 0.5).cdf).pvalue > 1e-3


def test_gaussian_noise_is_normal():
    y = disturbed("gaussian_noise", 0.3, np.full(20_000, 2.0))
    assert stats.kstest(y, stats.norm(2, 0.3).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", MAKERS)
def test_identity_outside_of_training_and_at_zero(name):
    x = np.ones((2, 3))
    assert MAKERS[name](0.5).apply({}, {}, x)[0] is x
    assert MAKERS[name](0).apply({}, {}, x, train=True)[0] is x


@pytest.mark.requirement("DX21")
@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout", "gaussian_dropout"])
def test_rate_one_gives_zeros(name):
    y, pullback = fn.vjp(lambda x: disturbed(name, 1, x), np.array([[1.0, np.inf, np.nan]]))
    assert y.tolist() == [[0.0] * 3]
    assert pullback(np.ones((1, 3)))[0].tolist() == [[0.0] * 3]


@pytest.mark.parametrize("name", MAKERS)
def test_gradient_is_the_slope(name):
    x = np.random.default_rng(0).standard_normal((6, 7))
    _, pullback = fn.vjp(lambda x: disturbed(name, 0.4, x), x)
    slope = (disturbed(name, 0.4, x + 1) - disturbed(name, 0.4, x - 1)) / 2
    np.testing.assert_allclose(pullback(np.ones_like(x))[0], slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", backend_params())
@pytest.mark.parametrize("name", MAKERS)
def test_same_noise_on_every_backend(case, name):
    x = np.random.default_rng(0).standard_normal((5, 6)).astype("float32")
    expected = disturbed(name, 0.4, x)
    with case.active():
        got = case.to_numpy(disturbed(name, 0.4, case.asarray(x, "float32")))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("name", MAKERS)
def test_data_type_is_kept_and_does_not_change_the_noise(name, dtype):
    x = np.ones((4, 5), dtype=dtype)
    y = disturbed(name, 0.4, x)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y.astype("float32"), disturbed(name, 0.4, x.astype("float32")), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", MAKERS)
def test_second_derivative(name):
    x = np.array([[0.5, -1.0, 2.0]])
    a = disturbed(name, 0.4, np.zeros((1, 3)))
    b = disturbed(name, 0.4, np.ones((1, 3))) - a
    second = fn.grad(lambda x: xp.sum(fn.grad(lambda x: xp.sum(disturbed(name, 0.4, x) ** 3))(x)))(x)
    np.testing.assert_allclose(second, 6 * (b * x + a) * b**2, rtol=1e-10)


@pytest.mark.parametrize("name", MAKERS)
def test_missing_key_and_bad_amounts(name):
    with pytest.raises(ParameterError, match=f"Layer {name} needs a random key in training"):
        MAKERS[name](0.5).apply({}, {}, np.ones((2, 3)), train=True)
    for amount in (-0.1, float("nan"), float("inf"), "half", None, True):
        with pytest.raises(ParameterError, match=f"nn.{name} takes"):
            MAKERS[name](amount)


def test_axis_of_channels():
    with pytest.raises(ShapeError, match="Layer feature_alpha_dropout needs an axis"):
        nn.feature_alpha_dropout(0.5).init(random.key(0), (3,))


@pytest.mark.parametrize(
    "make", [*MAKERS.values(), nn.dropout, nn.spatial_dropout, nn.drop_path], ids=lambda make: make.__name__
)
def test_compiled_with_the_key_as_an_argument(make):
    x = np.random.default_rng(0).standard_normal((6, 5)).astype("float32")
    apply = fn.jit(lambda key, x: make(0.4).apply({}, {}, x, key=key, train=True)[0])
    for seed in (0, 1):
        expected = make(0.4).apply({}, {}, x, key=random.key(seed), train=True)[0]
        np.testing.assert_allclose(apply(random.key(seed), x), expected, rtol=1e-5, atol=1e-6)
