from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.reverse import grad, vjp

ORDERS = [2, 1, 0, inf, -inf, 3, 2.5, 0.5, -1, -2, 4]
MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, inf, -inf]


@pytest.mark.parametrize("ord", ORDERS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_vectors(draw: Callable[..., Any], ord: Any, dtype: str) -> None:
    x = draw(3, 4, 2, dtype=dtype)
    for axis in (None, 1, -1, (0, 2)):
        for keepdims in (False, True):
            wanted = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
            found = xp.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
    # Near a tie the largest element changes soon.
    check_grads(
        lambda a: xp.linalg.vector_norm(a, axis=(0, 2), ord=ord), [x], eps=2.0**-12 if ord in (inf, -inf) else None
    )


@pytest.mark.parametrize("ord", MATRIX_ORDERS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4), (4, 2)])
def test_matrices(draw: Callable[..., Any], ord: Any, shape: Any) -> None:
    for dtype in ("float64", "complex128"):
        x = draw(*shape, dtype=dtype)
        for keepdims in (False, True):
            wanted = np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims)
            np.testing.assert_allclose(xp.linalg.matrix_norm(x, ord=ord, keepdims=keepdims), wanted, rtol=1e-12)
        check_grads(lambda a: xp.linalg.matrix_norm(a, ord=ord), [x])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ord", ORDERS)
def test_the_zero_vector_has_gradient_zero(hessian: Any, ord: Any, dtype: str) -> None:
    x = np.zeros(3, dtype)
    found = grad(lambda a: xp.linalg.vector_norm(a, ord=ord))(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, 0.0)
    if ord != 0:
        np.testing.assert_array_equal(hessian(lambda a: xp.linalg.vector_norm(a, ord=ord), x), 0.0)


@pytest.mark.parametrize("ord", MATRIX_ORDERS)
def test_the_zero_matrix_has_gradient_zero(ord: Any) -> None:
    np.testing.assert_array_equal(grad(lambda a: xp.linalg.matrix_norm(a, ord=ord))(np.zeros((2, 3))), 0.0)


@pytest.mark.parametrize("scale", [1e20, 1e-25, 1e-40, 1e30])
@pytest.mark.parametrize("ord", [2, 3, 0.5, -1, 1, inf])
@pytest.mark.parametrize("case", backend_params())
def test_no_overflow_in_float32(case: BackendCase, ord: Any, scale: float) -> None:
    x = (np.array([3.0, -4.0, 1.0]) * scale).astype(np.float32)
    wide = x.astype(float)
    wanted = np.linalg.vector_norm(wide, ord=ord)
    slopes = grad(lambda a: xp.linalg.vector_norm(a, ord=ord))(wide)
    with case.active():
        y, pullback = vjp(lambda a: xp.linalg.vector_norm(a, ord=ord), case.asarray(x))
        (g,) = pullback(case.asarray(np.float32(1)))
    if scale == 1e-40 and case.backend_name != "numpy":
        # Some libraries treat numbers this small as zero.
        return
    np.testing.assert_allclose(case.to_numpy(y), wanted, rtol=1e-3 if scale == 1e-40 else 1e-5)
    np.testing.assert_allclose(case.to_numpy(g), slopes, rtol=1e-3 if scale == 1e-40 else 1e-5)


@pytest.mark.parametrize("scale", [1e20, 1e-25])
def test_second_derivatives_in_float32(hessian: Any, scale: float) -> None:
    x = (np.array([3.0, 4.0]) * scale).astype(np.float32)
    wanted = np.array([[16.0, -12.0], [-12.0, 9.0]]) / 125 / scale
    np.testing.assert_allclose(hessian(xp.linalg.vector_norm, x), wanted, rtol=1e-5)


def test_elements_that_are_zero() -> None:
    x = np.array([0.0, 3.0, -4.0])
    np.testing.assert_allclose(grad(xp.linalg.vector_norm)(x), [0.0, 0.6, -0.8])
    np.testing.assert_allclose(grad(lambda a: xp.linalg.vector_norm(a, ord=1))(x), [0.0, 1.0, -1.0])
    assert np.all(np.isfinite(grad(lambda a: xp.linalg.vector_norm(a, ord=0.5))(x)))
    np.testing.assert_allclose(
        grad(lambda a: xp.linalg.vector_norm(a, ord=inf))(np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0]
    )


def test_infinite_elements() -> None:
    x = np.array([1.0, -inf])
    for ord in (1, 2, 3, inf):
        assert float(xp.linalg.vector_norm(x, ord=ord)) == inf


def test_no_elements() -> None:
    for ord in (0, 1, 2, 3, inf):
        np.testing.assert_array_equal(xp.linalg.vector_norm(np.zeros((2, 0)), axis=1, ord=ord), [0.0, 0.0])
    for ord in ("fro", "nuc", 1, 2, inf):
        assert float(xp.linalg.matrix_norm(np.zeros((0, 0)), ord=ord)) == 0.0


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 2)
    for ord in (1, 2, 3, inf):
        found = vmap(lambda a: xp.linalg.vector_norm(a, axis=-1, ord=ord))(x)  # noqa: B023  # called now
        np.testing.assert_allclose(found, np.linalg.vector_norm(x, axis=-1, ord=ord))
    np.testing.assert_allclose(vmap(xp.linalg.matrix_norm)(x), np.linalg.matrix_norm(x))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: xp.linalg.vector_norm(np.ones(2, int)), DtypeError, "floating-point"),
        (lambda: xp.linalg.vector_norm(np.ones(2), ord="fro"), ParameterError, r"(?s)ord='fro'.*matrix_norm"),
        (lambda: xp.linalg.vector_norm(np.ones(2), axis=1), ShapeError, "axis"),
        (lambda: xp.linalg.vector_norm(np.ones(0), ord=-inf), ShapeError, "needs elements"),
        (lambda: xp.linalg.matrix_norm(np.ones((2, 2)), ord=3), ParameterError, r"(?s)ord=3.*'nuc'.*vector_norm"),
        (lambda: xp.linalg.matrix_norm(np.ones(2)), ShapeError, "takes matrices"),
        (lambda: xp.linalg.matrix_norm(np.ones((2, 0)), ord=-1), ShapeError, "needs elements"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
