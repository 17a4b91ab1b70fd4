"""Sparsemax against the projection of optax and its own optimality conditions."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.errors import ShapeError
from funcnet.testing.backends import BackendCase, backend_params

F = nn.functional
X = np.random.default_rng(0).standard_normal((20, 9)) * 2


def test_values_and_gradients_equal_optax() -> None:
    jax = pytest.importorskip("jax", reason="JAX is the oracle of this test")
    optax = pytest.importorskip("optax", reason="optax is the oracle of this test")
    g = np.random.default_rng(1).standard_normal(X.shape)
    with jax.enable_x64(True):
        wanted, pullback = jax.vjp(jax.vmap(optax.projections.projection_simplex), jax.numpy.asarray(X))
        (gradient,) = pullback(jax.numpy.asarray(g))
    y, ours = fn.vjp(F.sparsemax, X)
    np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours(g)[0], gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", backend_params())
def test_optimal_on_every_backend_and_axis(case: BackendCase) -> None:
    with case.active():
        y = case.to_numpy(F.sparsemax(case.asarray(X.astype("float32")), axis=0)).astype(float)
    assert (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=0), 1, rtol=1e-6)
    # The projection lowers all kept entries by one number, and the others are below that.
    for column, x in zip(y.T, X.T, strict=True):
        level = (x - column)[column > 0]
        np.testing.assert_allclose(level, level[0], atol=1e-5)
        assert (x[column == 0] <= level[0] + 1e-5).all()


def test_large_values_and_ties() -> None:
    np.testing.assert_array_equal(F.sparsemax(np.float32([1e30, 1e30, -1e30])), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(F.sparsemax(np.array([[3.0], [-4.0]])), 1.0)
    assert F.sparsemax(np.array(3.0)) == 1.0
    assert F.sparsemax(np.zeros((2, 0))).shape == (2, 0)


def test_under_vmap_and_at_second_order() -> None:
    np.testing.assert_array_equal(fn.vmap(F.sparsemax)(X), F.sparsemax(X))
    # Piecewise linear.
    curvature = fn.grad(lambda x: xp.sum(fn.grad(lambda x: xp.sum(F.sparsemax(x) * X))(x) ** 2))(X)
    np.testing.assert_array_equal(curvature, 0.0)


def test_no_such_axis() -> None:
    with pytest.raises(ShapeError, match="axis"):
        F.sparsemax(X, axis=2)


def bisected(x: np.ndarray) -> np.ndarray:
    """The entmax of order 1.5 along the last axis, its bound by bisection."""
    z = x / 2
    low, high = z.max(-1, keepdims=True) - 1, z.max(-1, keepdims=True)
    for _ in range(200):
        middle = (low + high) / 2
        over = (np.maximum(z - middle, 0) ** 2).sum(-1, keepdims=True) > 1
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.maximum(z - low, 0) ** 2


def test_entmax_equals_bisection_and_differences() -> None:
    y, pullback = fn.vjp(F.entmax15, X)
    np.testing.assert_allclose(y, bisected(X), rtol=1e-11, atol=1e-14)
    assert (y == 0).any()
    g = np.random.default_rng(1).standard_normal(X.shape)
    gradient = pullback(g)[0]
    d = np.random.default_rng(2).standard_normal(X.shape)
    h = 1e-5
    quotient = np.sum((bisected(X + h * d) - bisected(X - h * d)) / (2 * h) * g)
    np.testing.assert_allclose(np.sum(gradient * d), quotient, rtol=1e-6)
    np.testing.assert_allclose(fn.jvp(F.entmax15, (X,), (d,))[1].sum(), 0, atol=1e-12)


@pytest.mark.parametrize("case", backend_params())
def test_entmax_on_every_backend_and_axis(case: BackendCase) -> None:
    with case.active():
        y = case.to_numpy(F.entmax15(case.asarray(X.astype("float32")), axis=0))
    np.testing.assert_allclose(y, bisected(X.T).T, rtol=1e-4, atol=1e-6)


def test_entmax_at_ties_far_out_and_under_vmap() -> None:
    np.testing.assert_allclose(F.entmax15(np.float32([1e30, 1e30, -1e30])), [0.5, 0.5, 0.0], rtol=2e-7)
    np.testing.assert_array_equal(F.entmax15(np.array([[3.0], [-4.0]])), 1.0)
    assert F.entmax15(np.array(3.0)) == 1.0
    np.testing.assert_allclose(fn.vmap(F.entmax15)(X), F.entmax15(X), rtol=1e-14)
    curvature = fn.grad(lambda x: xp.sum(fn.grad(lambda x: xp.sum(F.entmax15(x) * X))(x) * X[::-1]))(X)
    assert np.isfinite(curvature).all()
