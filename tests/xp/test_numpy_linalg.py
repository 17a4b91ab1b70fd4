"""NumPy's ``linalg`` on traced arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp
from funcnet.xp.numpy_linalg import FUNCTIONS

RNG = np.random.default_rng(3)
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
TALL = RNG.normal(size=(4, 3))
STACK = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
SYMMETRIC = SQUARE + SQUARE.T
VECTOR = RNG.normal(size=3)

CALLS: dict[str, list[tuple[Callable[..., Any], np.ndarray]]] = {
    "cholesky": [
        (lambda a: np.linalg.cholesky(a @ a.T), SQUARE),
        (lambda a: np.linalg.cholesky(a @ a.T, upper=True), SQUARE),
    ],
    "cond": [(lambda a, p=p: np.linalg.cond(a, p), SQUARE) for p in (None, -2, 1, "fro")],
    "cross": [(lambda a: np.linalg.cross(a, VECTOR), STACK)],
    "det": [(np.linalg.det, STACK)],
    "diagonal": [(lambda a: np.linalg.diagonal(a, offset=1), STACK)],
    "eig": [(lambda a: np.linalg.eig(a).eigenvalues, SQUARE), (lambda a: np.linalg.eig(a)[0], SYMMETRIC)],
    "eigh": [(lambda a: np.linalg.eigh(a)[0], SQUARE), (lambda a: np.linalg.eigh(a, "U")[0], SQUARE)],
    "eigvals": [(np.linalg.eigvals, SYMMETRIC), (np.linalg.eigvals, SQUARE)],
    "eigvalsh": [(np.linalg.eigvalsh, SQUARE), (lambda a: np.linalg.eigvalsh(a, UPLO="u"), SQUARE)],
    "inv": [(np.linalg.inv, STACK)],
    "lstsq": [
        (lambda a: np.linalg.lstsq(a, np.arange(4.0))[0], TALL),
        (lambda a: np.linalg.lstsq(a, np.arange(4.0), rcond=-1)[1], TALL),
        (lambda a: np.linalg.lstsq(a, np.ones((4, 2)))[1], TALL),
        (lambda a: np.linalg.lstsq(a, np.ones((3, 2)))[0], TALL[:3, :2]),
        (lambda a: np.linalg.lstsq(a, np.ones(3))[3], TALL.T),
    ],
    "matmul": [(lambda a: np.linalg.matmul(a, VECTOR[:, None]), STACK)],
    "matrix_norm": [(lambda a: np.linalg.matrix_norm(a, ord="nuc", keepdims=True), STACK)],
    "matrix_power": [(lambda a, n=n: np.linalg.matrix_power(a, n), STACK) for n in (-2, 0, 3)],
    "matrix_transpose": [(np.linalg.matrix_transpose, STACK)],
    "multi_dot": [(lambda a: np.linalg.multi_dot([a, SQUARE, VECTOR]), TALL)],
    "norm": [
        (np.linalg.norm, STACK),
        (lambda a: np.linalg.norm(a, axis=1), STACK),
        (lambda a: np.linalg.norm(a, 1, axis=-1, keepdims=True), STACK),
        (lambda a: np.linalg.norm(a, 2), TALL),
        (lambda a: np.linalg.norm(a, "nuc", axis=(0, 2), keepdims=True), STACK),
        (lambda a: np.linalg.norm(a, ord=3), VECTOR),
    ],
    "outer": [(lambda a: np.linalg.outer(a, VECTOR), VECTOR)],
    "pinv": [(np.linalg.pinv, TALL), (lambda a: np.linalg.pinv(a, rtol=1e-3), TALL)],
    "qr": [(lambda a: np.linalg.qr(a).R, TALL), (lambda a: np.linalg.qr(a, "r"), TALL)],
    "slogdet": [(lambda a: np.linalg.slogdet(a).logabsdet, STACK)],
    "solve": [(lambda a: np.linalg.solve(a, VECTOR), STACK), (lambda b: np.linalg.solve(SQUARE, b), VECTOR)],
    "svd": [(lambda a: np.linalg.svd(a)[1], TALL), (lambda a: np.linalg.svd(a, compute_uv=False), TALL)],
    "svdvals": [(np.linalg.svdvals, TALL)],
    "tensordot": [(lambda a: np.linalg.tensordot(a, TALL, axes=((2,), (1,))), STACK)],
    "tensorinv": [(lambda a: np.linalg.tensorinv(a.reshape(3, 1, 3), ind=2), SQUARE)],
    "tensorsolve": [
        (lambda a: np.linalg.tensorsolve(a.reshape(3, 3, 1), VECTOR), SQUARE),
        (lambda a: np.linalg.tensorsolve(a.reshape(3, 3, 1), VECTOR, axes=(0,)), SQUARE),
    ],
    "trace": [(lambda a: np.linalg.trace(a, offset=-1), STACK)],
    "vecdot": [(lambda a: np.linalg.vecdot(a, VECTOR), STACK)],
    "vector_norm": [(lambda a: np.linalg.vector_norm(a, axis=0, ord=1), STACK)],
}


def test_every_function_is_tested() -> None:
    assert set(CALLS) | {"matrix_rank"} == set(FUNCTIONS)


@pytest.mark.parametrize(("f", "x"), [pytest.param(f, x, id=name) for name, all in CALLS.items() for f, x in all])
def test_value_and_derivative(f: Callable[..., Any], x: np.ndarray) -> None:
    wanted = f(x)
    y, pullback = vjp(f, x)
    assert y.dtype == wanted.dtype
    np.testing.assert_allclose(y, wanted, rtol=1e-9, atol=1e-12)
    # NumPy's own functions are differenced: they are not quite those that are traced.
    t, h = np.sin(np.arange(x.size, dtype=float)).reshape(x.shape), 1e-5
    slope = (f(x + h * t) - f(x - h * t)) / (2 * h)
    np.testing.assert_allclose(jvp(f, (x,), (t,))[1], slope, rtol=1e-6, atol=1e-7)
    w = np.asarray(np.cos(np.arange(y.size)).reshape(y.shape), dtype=y.dtype)[()]
    np.testing.assert_allclose(np.real(np.sum(pullback(w)[0] * t)), np.real(np.sum(w * slope)), rtol=1e-6, atol=1e-7)


def test_ranks() -> None:
    def f(a: Any) -> Any:
        ranks = [np.linalg.matrix_rank(a), np.linalg.matrix_rank(a, tol=1e9), np.linalg.matrix_rank(a, rtol=1e-3)]
        return xp.sum(a), [int(rank) for rank in ranks]

    assert vjp(f, TALL, has_aux=True)[2] == [3, 0, 3]


def test_lists_and_integers_are_converted() -> None:
    g = grad(lambda b: np.sum(np.linalg.solve([[2, 0], [0, 4]], b)))(np.ones(2))
    np.testing.assert_allclose(g, [0.5, 0.25])
    g = grad(lambda a: np.linalg.norm(np.linalg.solve(a, np.array([1, 1]))))(np.eye(2))
    np.testing.assert_allclose(g, -np.full((2, 2), 0.5**0.5))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda a: np.linalg.eigh(a, "X"), ParameterError, "'X'"),
        (lambda a: np.linalg.pinv(a, 1e-3, rtol=1e-3), ParameterError, "one limit"),
        (lambda a: np.linalg.lstsq(a, np.ones(7)), ShapeError, r"\(7,\)"),
        (lambda a: np.linalg.norm(a, axis=(0, 1, 2)), ShapeError, "one axis or two"),
    ],
)
def test_errors(call: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        vjp(call, SQUARE)


def test_chains_of_products_do_not_wrap_around() -> None:
    a, x = np.array([[9, 100], [80, 7]], np.int8), np.array([0.5, 1.5])
    found = jvp(lambda x: np.linalg.multi_dot([a, a, x]), (x,), (x,))[0]
    np.testing.assert_allclose(found, np.linalg.multi_dot([a, a, x]), rtol=1e-14)
