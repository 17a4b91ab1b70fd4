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


@pytest.mark.parametrize("offset", [-5, -2, -1, 0, 1, 2, 5])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4), (4, 2), (0, 3), (2, 0)])
def test_diagonals(draw: Callable[..., Any], shape: Any, offset: int) -> None:
    x = draw(*shape)
    wanted = np.diagonal(x, offset, -2, -1)
    np.testing.assert_array_equal(xp.linalg.diagonal(x, offset=offset), wanted)
    np.testing.assert_allclose(xp.linalg.trace(x, offset=offset), wanted.sum(-1))
    check_grads(lambda a: (xp.linalg.diagonal(a, offset=offset), xp.linalg.trace(a, offset=offset)), [x])


def test_dtypes_of_traces() -> None:
    assert xp.linalg.trace(np.ones((2, 2), np.int8)).dtype == np.int64
    assert xp.linalg.trace(np.ones((2, 2), np.float32)).dtype == np.float32
    assert xp.linalg.trace(np.ones((2, 2), np.float32), dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    a, b = draw(2, 3, dtype="float32"), draw(3, dtype="float32")
    x = draw(2, 3, 3, dtype="float32")
    with case.active():
        there = [case.asarray(v) for v in (a, b)]
        y, pullback = vjp(xp.linalg.cross, *there)
        da, db = pullback(y)
        outer = xp.linalg.outer(there[1], there[1])
        power = xp.linalg.matrix_power(case.asarray(x), 3)
        (dx,) = vjp(lambda z: xp.linalg.trace(z, offset=1), case.asarray(x))[1](case.asarray(np.ones(2, np.float32)))
    wanted = np.cross(a, b)
    np.testing.assert_allclose(case.to_numpy(y), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(case.to_numpy(da), np.cross(b, wanted), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(db), np.cross(wanted, a).sum(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(outer), np.outer(b, b), rtol=1e-6)
    np.testing.assert_allclose(case.to_numpy(power), np.linalg.matrix_power(x, 3), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(case.to_numpy(dx), np.broadcast_to(np.eye(3, k=1), (2, 3, 3)))


@pytest.mark.parametrize(
    ("a", "b", "axis"),
    [((3,), (3,), -1), ((2, 3), (3,), -1), ((3, 2), (4, 3, 1), -2), ((3, 1, 2), (3, 4, 2), -3), ((0, 3), (0, 3), -1)],
)
def test_cross_products(draw: Callable[..., Any], a: Any, b: Any, axis: int) -> None:
    x1, x2 = draw(*a), draw(*b, dtype="complex128")
    y = xp.linalg.cross(x1, x2, axis=axis)
    np.testing.assert_allclose(y, np.cross(x1, x2, axis=axis), rtol=1e-12)
    check_grads(lambda p, q: xp.linalg.cross(p, q, axis=axis), [x1, x2])
    ints = np.array([1, 2, 3])
    np.testing.assert_array_equal(xp.linalg.cross(ints, ints[::-1]), np.cross(ints, ints[::-1]))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5, np.int64(4)])
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (0, 0)])
def test_powers(draw: Callable[..., Any], shape: Any, n: int) -> None:
    x = draw(*shape) + 2 * np.eye(shape[-1])
    np.testing.assert_allclose(xp.linalg.matrix_power(x, n), np.linalg.matrix_power(x, int(n)), rtol=1e-9)
    check_grads(lambda a: xp.linalg.matrix_power(a, n), [x], order=2)


def test_the_zeroth_power_has_derivative_zero() -> None:
    np.testing.assert_array_equal(grad(lambda a: xp.sum(xp.linalg.matrix_power(a, 0)))(np.full((2, 2), np.inf)), 0.0)


def test_under_vmap(draw: Callable[..., Any]) -> None:
    a, b, x = draw(4, 3), draw(3), draw(4, 3, 3)
    np.testing.assert_allclose(vmap(xp.linalg.outer, in_axes=(0, None))(a, b), a[:, :, None] * b)
    np.testing.assert_allclose(vmap(xp.linalg.cross, in_axes=(0, None))(a, b), np.cross(a, b))
    np.testing.assert_allclose(vmap(xp.linalg.trace)(x), np.trace(x, axis1=1, axis2=2))
    np.testing.assert_allclose(vmap(lambda z: xp.linalg.matrix_power(z, 2))(x), x @ x)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: xp.linalg.outer(np.ones((2, 2)), np.ones(2)), ShapeError, r"(?s)two vectors.*\(2, 2\) and \(2,\)"),
        (lambda: xp.linalg.cross(np.ones(2), np.ones(2)), ShapeError, "three elements"),
        (lambda: xp.linalg.cross(np.ones(3), np.ones(3), axis=0), ShapeError, r"(?s)axis=0.*-1 to -1"),
        (lambda: xp.linalg.cross(np.ones((2, 3)), np.ones((4, 3))), ShapeError, "broadcast"),
        (lambda: xp.linalg.matrix_power(np.eye(2), 1.5), ParameterError, "n=1.5"),
        (lambda: xp.linalg.matrix_power(np.ones((2, 3)), 2), ShapeError, "square"),
        (lambda: xp.linalg.diagonal(np.ones(2)), ShapeError, "takes matrices"),
        (lambda: xp.linalg.trace(np.float64(2)), ShapeError, "takes matrices"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
