from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, NotDifferentiableError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

SHAPES = [(3, 3), (4, 2), (2, 4), (2, 4, 2), (3, 2, 4), (1, 3), (0, 3, 2), (0, 0)]


def adjoint(v: Any) -> Any:
    return xp.conj(xp.matrix_transpose(v))


def determined(full: bool) -> Callable[[Any], Any]:
    """What of a decomposition does not depend on the choice of vectors."""

    def f(a: Any) -> Any:
        u, s, vh = xp.linalg.svd(a, full_matrices=full)
        k = s.shape[-1]
        found = [s, u[..., :k] @ vh[..., :k, :], (u[..., :k] * xp.expand_dims(xp.exp(s), axis=-2)) @ vh[..., :k, :]]
        return [*found, u[..., k:] @ adjoint(u[..., k:]), adjoint(vh[..., k:, :]) @ vh[..., k:, :]]

    return f


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_decomposition(draw: Callable[..., Any], shape: Any, dtype: str, full: bool) -> None:
    x = draw(*shape, dtype=dtype)
    m, n = shape[-2:]
    k = min(m, n)
    u, s, vh = xp.linalg.svd(x, full_matrices=full)
    assert (u.shape[-1], vh.shape[-2]) == ((m, n) if full else (k, k))
    np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], x, atol=1e-13)
    np.testing.assert_allclose(xp.linalg.svdvals(x), s, atol=1e-13)
    check_grads(determined(full), [x])
    check_grads(xp.linalg.svdvals, [x])


def test_vectors_as_in_jax(draw: Callable[..., Any], jax64: Any) -> None:
    x, w1, w2 = draw(4, 3), draw(4, 3), draw(3, 3)

    def loss(module: Any) -> Any:
        def f(a: Any) -> Any:
            u, s, vh = module.svd(a, full_matrices=False)
            return (u * u * w1).sum() + (vh * vh * w2).sum() + (s**2).sum()

        return f

    np.testing.assert_allclose(grad(loss(xp.linalg))(x), jax64.grad(loss(jax64.numpy.linalg))(x), rtol=1e-9, atol=1e-11)


def polar(a: Any) -> Any:
    u, _, vh = xp.linalg.svd(a, full_matrices=False)
    return u @ vh


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [3.0, 1.0, 1.0], [2.0, 2.0, 1.0]])
def test_the_polar_factor_at_equal_singular_values(draw: Callable[..., Any], values: Any) -> None:
    for x in (draw(values=values), draw(4, 3, values=values), draw(3, 4, values=values), np.diag(values)):
        check_grads(polar, [x], order=2)
        check_grads(lambda a: xp.linalg.matrix_norm(a, ord="nuc"), [x], order=2)


def test_the_polar_factor_at_the_identity_in_float32(draw: Callable[..., Any]) -> None:
    w = draw(3, 3, dtype="float32")
    g = grad(lambda a: xp.sum(polar(a) * w))(np.eye(3, dtype=np.float32))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, (w - w.T) / 2, atol=1e-6)
    t = jvp(polar, (np.eye(3, dtype=np.float32),), (w,))[1]
    np.testing.assert_allclose(t, (w - w.T) / 2, atol=1e-6)


def test_singular_values_that_are_zero() -> None:
    np.testing.assert_array_equal(grad(lambda a: xp.sum(xp.linalg.svdvals(a)))(np.zeros((2, 3))), 0.0)
    g = grad(lambda a: xp.sum(xp.linalg.svdvals(a)))(np.diag([2.0, 0.0]))
    np.testing.assert_allclose(g, np.diag([1.0, 0.0]))
    # It jumps there, though along no derivative of the sum.
    with pytest.raises(NotDifferentiableError, match="depends on the choice"):
        grad(lambda a: xp.sum(polar(a)))(np.diag([2.0, 0.0, 0.0]))


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    x = draw(2, 4, 3, dtype="float32")
    with case.active():
        y, pullback = vjp(polar, case.asarray(x))
        (g,) = pullback(y)
    u, _, vh = np.linalg.svd(x.astype(float), full_matrices=False)
    np.testing.assert_allclose(case.to_numpy(y), u @ vh, rtol=1e-3, atol=1e-4)
    # The length of a polar factor does not change.
    np.testing.assert_allclose(case.to_numpy(g), 0.0, atol=1e-4)


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 2)
    np.testing.assert_allclose(vmap(xp.linalg.svdvals)(x), np.linalg.svd(x)[1], rtol=1e-9)
    per_matrix = [grad(lambda a: xp.sum(polar(a)))(a) for a in x]
    np.testing.assert_allclose(vmap(grad(lambda a: xp.sum(polar(a))))(x), per_matrix, rtol=1e-8, atol=1e-10)


def test_errors() -> None:
    for function in (xp.linalg.svd, xp.linalg.svdvals):
        with pytest.raises(ShapeError, match="takes matrices"):
            function(np.ones(3))
        with pytest.raises(DtypeError, match="floating-point"):
            function(np.ones((2, 2), int))
