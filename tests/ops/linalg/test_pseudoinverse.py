from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.core import carries_derivative
from funcnet.errors import DtypeError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.reverse import vjp


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 4, 2), (0, 3), (3, 0), (0, 3, 2)])
def test_pseudoinverse(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    np.testing.assert_allclose(xp.linalg.pinv(x), np.linalg.pinv(x), atol=1e-12)
    check_grads(xp.linalg.pinv, [x])


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_pseudoinverse_of_constant_rank(draw: Callable[..., Any], shape: Any) -> None:
    m, n = shape
    left, right = draw(m, 2), draw(2, n)
    check_grads(lambda a, b: xp.linalg.pinv(a @ b, rtol=1e-6), [left, right], order=2)


def test_limits(draw: Callable[..., Any]) -> None:
    x = draw(values=[1.0, 1e-3, 1e-9])
    stack = np.stack([x, x])
    assert int(xp.linalg.matrix_rank(x)) == 3
    assert int(xp.linalg.matrix_rank(x, rtol=1e-6)) == 2
    np.testing.assert_array_equal(xp.linalg.matrix_rank(stack, rtol=np.array([1e-6, 1e-2])), [2, 1])
    np.testing.assert_allclose(xp.linalg.pinv(x, rtol=1e-2), np.linalg.pinv(x, rtol=1e-2), rtol=1e-9)
    two = xp.linalg.pinv(stack, rtol=np.array([1e-6, 1e-2]))
    np.testing.assert_allclose(two[1], np.linalg.pinv(x, rtol=1e-2), rtol=1e-9)
    assert xp.linalg.matrix_rank(np.zeros((2, 0, 3))).tolist() == [0, 0]
    with pytest.raises(ShapeError, match=r"(?s)rtol of shape \(3,\).*shape \(2,\)"):
        xp.linalg.pinv(stack, rtol=np.ones(3))


def test_the_rank_carries_no_derivative() -> None:
    def f(a: Any) -> Any:
        rank = xp.linalg.matrix_rank(a)
        return xp.sum(a), carries_derivative(rank)

    assert vjp(f, np.eye(2), has_aux=True)[2] is False


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    x = draw(2, 4, 3, dtype="float32")
    with case.active():
        inverse = xp.linalg.pinv(case.asarray(x))
        # array_api_strict counts in 64 bits, which that device does not have.
        rank = None if case.name == "strict-no-x64" else xp.linalg.matrix_rank(case.asarray(x))
    np.testing.assert_allclose(case.to_numpy(inverse), np.linalg.pinv(x.astype(float)), rtol=1e-3, atol=1e-4)
    if rank is not None:
        np.testing.assert_array_equal(case.to_numpy(rank), [3, 3])


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 2)
    np.testing.assert_allclose(vmap(xp.linalg.pinv)(x), np.linalg.pinv(x), rtol=1e-9)
    np.testing.assert_array_equal(vmap(xp.linalg.matrix_rank)(x), [2] * 4)


def test_errors() -> None:
    for function in (xp.linalg.pinv, xp.linalg.matrix_rank):
        with pytest.raises(ShapeError, match="takes matrices"):
            function(np.ones(3))
        with pytest.raises(DtypeError, match="floating-point"):
            function(np.ones((2, 2), int))
