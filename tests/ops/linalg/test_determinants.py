from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.reverse import grad, vjp


def minor(a: np.ndarray, rows: list[int], columns: list[int]) -> Any:
    """The determinant without these rows and columns, expanded by rows: no division, so right for any rank."""
    left = np.delete(np.delete(a, rows, 0), columns, 1)
    if not left.size:
        return 1.0
    return sum((-1) ** j * left[0, j] * minor(left, [0], [j]) for j in range(left.shape[0]))


def exact(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives of the determinant from its minors."""
    n = a.shape[0]
    first = np.array([[(-1) ** (i + j) * minor(a, [i], [j]) for j in range(n)] for i in range(n)])
    second = np.zeros((n, n, n, n), a.dtype)
    for i, j, k, m in product(range(n), repeat=4):
        if i != k and j != m:
            turned = 1 if (i < k) == (j < m) else -1
            second[i, j, k, m] = turned * (-1) ** (i + j + k + m) * minor(a, [i, k], [j, m])
    return first, second.reshape(n * n, n * n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_of_every_rank(draw: Callable[..., Any], hessian: Any, rank: int, dtype: str) -> None:
    a = np.asarray(draw(4, rank) @ draw(rank, 4), dtype=dtype)
    rtol = 1e-4 if dtype == "float32" else 1e-11
    scale = max(1.0, float(np.abs(a).max())) ** 3
    wanted, second = exact(a.astype(float))
    found = grad(xp.linalg.det)(a)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(hessian(xp.linalg.det, a), second, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_of_diagonal_matrices(hessian: Any, zeros: int) -> None:
    a = np.diag([0.0] * zeros + [3.0, 2.0, 2.0][zeros:])
    wanted, second = exact(a)
    np.testing.assert_allclose(grad(xp.linalg.det)(a), wanted, atol=1e-12)
    np.testing.assert_allclose(hessian(xp.linalg.det, a), second, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2])
def test_of_small_matrices(hessian: Any, n: int) -> None:
    a = np.zeros((n, n))
    wanted, second = exact(a)
    np.testing.assert_array_equal(grad(xp.linalg.det)(a), wanted)
    np.testing.assert_allclose(hessian(xp.linalg.det, a), second, atol=1e-14)


def test_a_complex_singular_one(draw: Callable[..., Any]) -> None:
    a = draw(3, 2, dtype="complex128") @ draw(2, 3, dtype="complex128")
    wanted, second = exact(a)
    pull = vjp(xp.linalg.det, a)[1]
    np.testing.assert_allclose(pull(np.complex128(1))[0], wanted, rtol=1e-10, atol=1e-12)
    rows = vjp(lambda z: vjp(xp.linalg.det, z)[1](np.complex128(1))[0], a)[1]
    t = draw(3, 3, dtype="complex128")
    np.testing.assert_allclose(rows(t)[0].ravel(), second @ t.ravel(), rtol=1e-9, atol=1e-10)


def test_the_third_derivative_at_equal_singular_values() -> None:
    check_grads(xp.linalg.det, [np.eye(3)], order=3)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1), (0, 0), (0, 2, 2)])
def test_stacks(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    np.testing.assert_allclose(xp.linalg.det(x), np.linalg.det(x), rtol=1e-12)
    check_grads(xp.linalg.det, [x])
    check_grads(xp.linalg.slogdet, [x])


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    x = draw(2, 3, 3, dtype="float32")
    with case.active():
        y, pullback = vjp(xp.linalg.slogdet, case.asarray(x))
        (g,) = pullback(y._replace(sign=None))
    sign, logarithm = np.linalg.slogdet(x.astype(float))
    np.testing.assert_allclose(case.to_numpy(y.sign), sign)
    np.testing.assert_allclose(case.to_numpy(y.logabsdet), logarithm, rtol=1e-4)
    inverse = np.swapaxes(np.linalg.inv(x.astype(float)), 1, 2)
    np.testing.assert_allclose(case.to_numpy(g), logarithm[:, None, None] * inverse, rtol=1e-3, atol=1e-4)


def test_slogdet_as_in_jax(draw: Callable[..., Any], jax64: Any) -> None:
    x = draw(3, 3, dtype="complex128")

    def loss(module: Any, real: Any, imag: Any) -> Any:
        def f(a: Any) -> Any:
            sign, logarithm = module.slogdet(a)
            return real(sign) * 2.0 + imag(sign) + logarithm * 3.0

        return f

    wanted = jax64.grad(loss(jax64.numpy.linalg, jax64.numpy.real, jax64.numpy.imag))(x)
    np.testing.assert_allclose(grad(loss(xp.linalg, xp.real, xp.imag))(x), wanted, rtol=1e-9, atol=1e-11)


def test_slogdet_of_a_singular_matrix() -> None:
    x = np.stack([np.eye(2), np.zeros((2, 2))])

    def chosen(a: Any) -> Any:
        sign, logarithm = xp.linalg.slogdet(a)
        return xp.sum(xp.where(sign != 0, logarithm, 0.0))

    np.testing.assert_array_equal(grad(chosen)(x), np.stack([np.eye(2), np.zeros((2, 2))]))
    assert np.all(np.isinf(grad(lambda a: xp.linalg.slogdet(a).logabsdet)(x[1])))


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 3)
    np.testing.assert_allclose(vmap(grad(xp.linalg.det))(x), [grad(xp.linalg.det)(a) for a in x], rtol=1e-9)
    np.testing.assert_allclose(vmap(xp.linalg.slogdet)(x).logabsdet, np.linalg.slogdet(x)[1], rtol=1e-9)


def test_errors() -> None:
    for function in (xp.linalg.det, xp.linalg.slogdet):
        with pytest.raises(ShapeError, match="square matrices"):
            function(np.ones((2, 3)))
