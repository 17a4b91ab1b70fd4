from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import DtypeError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.reverse import grad, vjp

SYSTEMS = [
    ((3, 3), (3,)),
    ((3, 3), (3, 2)),
    ((4, 3, 3), (3,)),
    ((4, 3, 3), (3, 2)),
    ((3, 3), (4, 3, 2)),
    ((2, 1, 3, 3), (4, 3, 2)),
    ((0, 3, 3), (3, 2)),
    ((0, 0), (0, 2)),
]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("a", "b"), SYSTEMS)
def test_systems_and_their_derivatives(draw: Callable[..., Any], a: Any, b: Any, dtype: str) -> None:
    x1, x2 = draw(*a, dtype=dtype) + 4 * np.eye(a[-1]), draw(*b, dtype=dtype)
    y = xp.linalg.solve(x1, x2)
    product = np.matmul(x1, y if len(b) > 1 else y[..., None])
    np.testing.assert_allclose(product, np.broadcast_to(x2 if len(b) > 1 else x2[:, None], product.shape), atol=1e-12)
    check_grads(xp.linalg.solve, [x1, x2])


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    a, b = draw(2, 3, 3, dtype="float32") + np.float32(4) * np.eye(3, dtype=np.float32), draw(3, dtype="float32")
    wanted = np.linalg.solve(a.astype(float), b.astype(float)[:, None])[..., 0]
    with case.active():
        y, pullback = vjp(xp.linalg.solve, case.asarray(a), case.asarray(b))
        da, db = pullback(y)
        inverse = xp.linalg.inv(case.asarray(a))
    np.testing.assert_allclose(case.to_numpy(y), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(inverse), np.linalg.inv(a), rtol=1e-4, atol=1e-5)
    right = np.linalg.solve(np.swapaxes(a, 1, 2).astype(float), wanted[..., None])
    np.testing.assert_allclose(case.to_numpy(db), right[..., 0].sum(0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(da), -right * wanted[:, None, :], rtol=1e-3, atol=1e-5)


def test_the_inverse_as_in_jax(draw: Callable[..., Any], jax64: Any) -> None:
    x, w = draw(2, 4, 4, dtype="complex128"), draw(2, 4, 4, dtype="complex128")
    wanted = jax64.grad(lambda a: jax64.numpy.sum(jax64.numpy.linalg.inv(a) * w).real)(x)
    np.testing.assert_allclose(grad(lambda a: xp.sum(xp.real(xp.linalg.inv(a) * w)))(x), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("a", "b"), [((5, 3, 3), (5, 3)), ((5, 3, 3), (3,)), ((3, 3), (5, 3)), ((5, 3, 3), (5, 3, 2))])
def test_under_vmap(draw: Callable[..., Any], a: Any, b: Any) -> None:
    x1, x2 = draw(*a), draw(*b)
    axes = (0 if a[0] == 5 else None, 0 if b[0] == 5 else None)
    wanted = [np.linalg.solve(x1[i] if axes[0] == 0 else x1, x2[i] if axes[1] == 0 else x2) for i in range(5)]
    np.testing.assert_allclose(vmap(xp.linalg.solve, in_axes=axes)(x1, x2), wanted, rtol=1e-9, atol=1e-12)


def test_singular_matrices_keep_the_library_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular") as caught:
        xp.linalg.solve(np.zeros((2, 2)), np.ones(2))
    assert "in xp.solve(float64[2, 2], float64[2, 1])" in caught.value.__notes__
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        grad(lambda a: xp.sum(xp.linalg.inv(a)))(np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: xp.linalg.inv(np.ones((2, 3))), ShapeError, r"inv takes square matrices.*\n.*\(2, 3\)"),
        (lambda: xp.linalg.inv(np.ones(3)), ShapeError, r"inv takes matrices.*\n.*\(3,\)"),
        (lambda: xp.linalg.inv(np.ones((2, 2), int)), DtypeError, r"(?s)floating-point.*int64.*astype"),
        (lambda: xp.linalg.inv(2.0), DtypeError, r"(?s)takes arrays.*float: 2.0"),
        (lambda: xp.linalg.solve(np.eye(2), np.ones(3)), ShapeError, r"(?s)do not fit.*\(2, 2\) and \(3,\)"),
        (lambda: xp.linalg.solve(np.eye(2), np.ones((3, 2))), ShapeError, r"(?s)stack of vectors"),
        (lambda: xp.linalg.solve(np.ones((3, 2, 2)), np.ones((2, 2, 1))), ShapeError, "broadcast"),
        (lambda: xp.linalg.solve(np.eye(2), [1.0, 2.0]), DtypeError, "list"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
