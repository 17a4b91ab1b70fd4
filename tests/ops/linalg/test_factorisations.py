from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.reverse import grad, vjp

SHAPES = [(3, 3), (4, 2), (2, 4), (2, 4, 2), (3, 2, 4), (1, 3), (3, 1), (0, 3, 2)]


def definite(x: np.ndarray) -> np.ndarray:
    return x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(x.shape[-2])


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)])
def test_cholesky(draw: Callable[..., Any], shape: Any, dtype: str, upper: bool) -> None:
    x = definite(draw(*shape, dtype=dtype))
    np.testing.assert_allclose(xp.linalg.cholesky(x, upper=upper), np.linalg.cholesky(x, upper=upper), rtol=1e-12)
    check_grads(lambda a: xp.linalg.cholesky(a, upper=upper), [x])


def test_cholesky_as_in_jax(draw: Callable[..., Any], jax64: Any) -> None:
    x, w = definite(draw(4, 4, dtype="complex128")), draw(4, 4, dtype="complex128")
    wanted = jax64.grad(lambda a: jax64.numpy.sum(jax64.numpy.linalg.cholesky(a) * w).real)(x)
    found = grad(lambda a: xp.sum(xp.real(xp.linalg.cholesky(a) * w)))(x)
    # On Hermitian changes the gradients agree; off them JAX's is not that of its own function.
    np.testing.assert_allclose(found + found.T.conj(), wanted + wanted.T.conj(), rtol=1e-9, atol=1e-11)


def test_cholesky_needs_definite_matrices() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite") as caught:
        xp.linalg.cholesky(-np.eye(2))
    assert "in xp.cholesky(float64[2, 2])" in caught.value.__notes__


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_qr(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    q, r = xp.linalg.qr(x)
    np.testing.assert_allclose(q @ r, x, atol=1e-13)
    np.testing.assert_allclose(q, np.linalg.qr(x)[0], atol=1e-14)
    check_grads(lambda a: tuple(xp.linalg.qr(a)), [x])


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_complete_qr(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    m, n = shape[-2:]
    q, r = xp.linalg.qr(x, mode="complete")
    assert (q.shape, r.shape) == ((*shape[:-1], m), shape)
    np.testing.assert_allclose(q @ r, x, atol=1e-13)

    def determined(a: Any) -> Any:
        q, r = xp.linalg.qr(a, mode="complete")
        others = q[..., n:]
        return q[..., :n], r, others @ xp.conj(xp.matrix_transpose(others))

    check_grads(determined, [x])


@pytest.mark.parametrize("shape", [(4, 3), (3, 3)])
def test_qr_as_in_jax(draw: Callable[..., Any], jax64: Any, shape: Any) -> None:
    x, w1, w2 = draw(*shape), draw(*shape), draw(3, 3)

    def loss(module: Any) -> Any:
        def f(a: Any) -> Any:
            q, r = module.qr(a)
            return (q * w1).sum() + (r * w2).sum()

        return f

    np.testing.assert_allclose(grad(loss(xp.linalg))(x), jax64.grad(loss(jax64.numpy.linalg))(x), rtol=1e-9, atol=1e-11)


def test_wide_qr_as_in_torch(draw: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x, w1, w2 = draw(2, 4), draw(2, 2), draw(2, 4)
    there = torch.tensor(x, requires_grad=True)
    q, r = torch.linalg.qr(there)
    ((q * torch.tensor(w1)).sum() + (r * torch.tensor(w2)).sum()).backward()

    def loss(a: Any) -> Any:
        q, r = xp.linalg.qr(a)
        return xp.sum(q * w1) + xp.sum(r * w2)

    np.testing.assert_allclose(grad(loss)(x), there.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    x = draw(2, 4, 3, dtype="float32")
    gram = definite(np.swapaxes(x, 1, 2))
    with case.active():
        y, pullback = vjp(lambda a: xp.linalg.qr(a).R, case.asarray(x))
        (g,) = pullback(y)
        factor = xp.linalg.cholesky(case.asarray(gram), upper=True)
    # Half the sum of squares of R is that of x.
    np.testing.assert_allclose(case.to_numpy(g), x, rtol=1e-3, atol=1e-4)
    wanted = np.linalg.cholesky(gram.astype(float), upper=True)
    np.testing.assert_allclose(case.to_numpy(factor), wanted, rtol=1e-4, atol=1e-5)


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 3)
    np.testing.assert_allclose(vmap(xp.linalg.cholesky)(definite(x)), np.linalg.cholesky(definite(x)), rtol=1e-9)
    np.testing.assert_allclose(vmap(xp.linalg.qr)(x).R, np.linalg.qr(x)[1], atol=1e-12)


def test_dependent_columns_keep_the_library_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        grad(lambda a: xp.linalg.qr(a).Q[0, 0])(np.zeros((2, 2)))


def test_errors() -> None:
    with pytest.raises(ParameterError, match=r"(?s)mode='full'.*'complete'"):
        xp.linalg.qr(np.eye(2), mode="full")
    with pytest.raises(ShapeError, match="takes matrices"):
        xp.linalg.qr(np.ones(2))
    with pytest.raises(ShapeError, match="square matrices"):
        xp.linalg.cholesky(np.ones((2, 3)))
