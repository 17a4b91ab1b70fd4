"""Cross-entropies of yes-or-no labels: against PyTorch, at extreme scores, their weights and their errors."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import losses
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import backend_params
from funcnet.testing.oracles import oracle

torch = oracle("torch")


RNG = np.random.default_rng(0)
INF = float("inf")


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_sigmoid_cross_entropy_equals_torch(reduction):
    z, q = 3 * RNG.standard_normal((4, 3)), RNG.random((4, 3))
    y, pullback = fn.vjp(lambda z, q: losses.sigmoid_cross_entropy(z, q, reduction=reduction), z, q)
    g = np.asarray(RNG.standard_normal(y.shape))
    zt, qt = torch.tensor(z, requires_grad=True), torch.tensor(q, requires_grad=True)
    yt = torch.nn.functional.binary_cross_entropy_with_logits(zt, qt, reduction=reduction)
    yt.backward(torch.tensor(g))
    np.testing.assert_allclose(y, yt.detach().numpy(), rtol=1e-10)
    for a, b in zip(pullback(g), (zt, qt), strict=True):
        np.testing.assert_allclose(a, b.grad.numpy(), rtol=1e-10)


@pytest.mark.requirement("D56", "DX16", "PX30")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_cross_entropy_of_extreme_scores(dtype):
    z = np.array([1e4, -1e4, 800.0, 0.0], dtype=dtype)
    labels = np.array([0, 0, 1, 1])
    value, pullback = fn.vjp(lambda z: losses.sigmoid_cross_entropy(z, labels, reduction="none"), z)
    np.testing.assert_allclose(value, [1e4, 0, 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(pullback(np.ones_like(z))[0], [1, 0, 0, -0.5], atol=1e-12)


@pytest.mark.requirement("D57")
def test_binary_cross_entropy_equals_torch_inside():
    p, q = RNG.uniform(0.01, 0.99, (4, 3)), RNG.random((4, 3))
    value, (dp, dq) = fn.value_and_grad(losses.binary_cross_entropy, (0, 1))(p, q)
    pt, qt = torch.tensor(p, requires_grad=True), torch.tensor(q, requires_grad=True)
    yt = torch.nn.functional.binary_cross_entropy(pt, qt)
    yt.backward()
    np.testing.assert_allclose(value, yt.item(), rtol=1e-10)
    np.testing.assert_allclose(dp, pt.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(dq, (np.log1p(-p) - np.log(p)) / 12, rtol=1e-10)


@pytest.mark.requirement("D57", "DX17")
def test_binary_cross_entropy_at_the_ends_is_symmetric_and_not_clipped():
    with np.errstate(divide="ignore"):
        p, q = np.array([1.0, 0.0, 1.0, 0.0, 0.25]), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
        y, pullback = fn.vjp(lambda p: losses.binary_cross_entropy(p, q, reduction="none"), p)
        np.testing.assert_allclose(y, [0, 0, INF, INF, np.log(4)])
        np.testing.assert_allclose(pullback(np.ones(5))[0], [-1, 1, INF, -INF, -4])
    tiny = np.array([1e-12])
    np.testing.assert_allclose(fn.grad(losses.binary_cross_entropy)(tiny, np.array([1.0])), -1e12)


@pytest.mark.parametrize("f", [losses.sigmoid_cross_entropy, losses.binary_cross_entropy])
def test_binary_losses_check_shapes_and_reduction(f):
    with pytest.raises(ShapeError, match="of different shapes"):
        f(np.full((3, 1), 0.5), np.zeros(3))
    with pytest.raises(ParameterError, match="unknown reduction"):
        f(np.full(3, 0.5), np.zeros(3), reduction="all")


@pytest.mark.parametrize("case", backend_params(variants=False))
def test_binary_losses_on_every_backend(case):
    z = np.linspace(-3, 3, 6, dtype="float32")
    q = np.array([0, 1, 0, 1, 0, 1], dtype="float32")
    p = 1 / (1 + np.exp(-z))
    expected = -(q * np.log(p) + (1 - q) * np.log1p(-p)).mean()
    with case.active():
        a = losses.sigmoid_cross_entropy(case.asarray(z), case.asarray(q))
        b = losses.binary_cross_entropy(case.asarray(p), case.asarray(q))
        np.testing.assert_allclose([float(a), float(b)], expected, rtol=1e-5)


def test_infinite_scores_on_the_right_side_cost_nothing():
    z, q = np.array([INF, -INF, INF, -INF, INF]), np.array([1.0, 0.0, 0.0, 1.0, 0.3])
    y, pullback = fn.vjp(lambda z: losses.sigmoid_cross_entropy(z, q, reduction="none"), z)
    np.testing.assert_array_equal(y, [0, 0, INF, INF, INF])
    np.testing.assert_allclose(pullback(np.ones(5))[0], [0, 0, 1, -1, 0.7])
    weighted = losses.sigmoid_cross_entropy(z, q, pos_weight=3.0, reduction="none")
    np.testing.assert_array_equal(weighted, [0, 0, INF, INF, INF])


def test_confident_right_scores_do_not_cancel():
    z, q = np.array([40.0, 30.0]), np.array([1.0, 1.0])
    value = losses.sigmoid_cross_entropy(z, q, reduction="none")
    np.testing.assert_allclose(value, np.log1p(np.exp(-z)), rtol=1e-15)


def test_second_derivative_at_zero():
    second = fn.grad(fn.grad(lambda z: losses.sigmoid_cross_entropy(z, np.array(1.0))))(np.array(0.0))
    assert second == 0.25


def test_pos_weight_per_column_and_weights_equal_torch():
    z, q = RNG.standard_normal((4, 3)), RNG.integers(0, 2, (4, 3))
    w, columns = RNG.uniform(0.5, 2, (4, 1)), np.array([0.5, 1.0, 4.0])
    value, grad = fn.value_and_grad(
        lambda z: losses.sigmoid_cross_entropy(z, q, pos_weight=columns, weights=w, reduction="sum")
    )(z)
    zt = torch.tensor(z, requires_grad=True)
    other = torch.nn.functional.binary_cross_entropy_with_logits(
        zt, torch.tensor(q).double(), torch.tensor(w), pos_weight=torch.tensor(columns), reduction="sum"
    )
    other.backward()
    np.testing.assert_allclose(value, other.item(), rtol=1e-12)
    np.testing.assert_allclose(grad, zt.grad.numpy(), rtol=1e-12)


def test_what_has_no_weight_does_not_count():
    with np.errstate(divide="ignore"):
        p, q, w = np.array([0.0, 0.5]), np.array([1.0, 1.0]), np.array([0, 2])
        assert losses.binary_cross_entropy(p, q, weights=w) == np.log(2)
        np.testing.assert_allclose(
            fn.grad(lambda p: losses.binary_cross_entropy(p, q, weights=w))(p), [0, -2], atol=1e-15
        )


def test_label_smoothing():
    p, q = RNG.uniform(0.1, 0.9, 5), RNG.integers(0, 2, 5)
    smoothed = 0.8 * q + 0.1
    expected = -(smoothed * np.log(p) + (1 - smoothed) * np.log(1 - p)).mean()
    np.testing.assert_allclose(losses.binary_cross_entropy(p, q, label_smoothing=0.2), expected, rtol=1e-14)
    np.testing.assert_allclose(
        losses.sigmoid_cross_entropy(np.log(p / (1 - p)), q, label_smoothing=0.2), expected, rtol=1e-12
    )
    with pytest.raises(ParameterError, match="label_smoothing that it cannot have"):
        losses.sigmoid_cross_entropy(p, q, label_smoothing=1.5)


@pytest.mark.parametrize("f", [losses.sigmoid_cross_entropy, losses.binary_cross_entropy])
def test_scores_are_floating_point(f):
    with pytest.raises(DtypeError, match="takes floating-point"):
        f(np.zeros(3, dtype=int), np.zeros(3))
