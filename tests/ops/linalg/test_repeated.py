from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import NotDifferentiableError
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.forward import jvp
from funcnet.transforms.jacobians import hessian, jacobian
from funcnet.transforms.reverse import grad
from funcnet.transforms.shape import eval_shape

W = np.arange(9.0).reshape(3, 3)
TURN = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
EIGENVALUES = (
    r"(?s)values and vectors of xp.linalg.eigh is not.*found: .*repeated: \[.*needed: distinct.*write: .*solve"
)
SINGULAR = (
    r"(?s)values and vectors of xp.linalg.svd is not.*found: .*repeated or zero: \[.*needed: distinct.*write: .*pinv"
)


def of_hermitian(f: Callable[[Any], Any], a: Any) -> Any:
    w, v = xp.linalg.eigh(a)
    return (v * xp.expand_dims(f(w), axis=-2)) @ xp.matrix_transpose(v)


def of_values(f: Callable[[Any], Any], a: Any) -> Any:
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    return (u * xp.expand_dims(f(s), axis=-2)) @ vh


def symmetric(a: Any) -> Any:
    return xp.sum(xp.exp(xp.linalg.eigvalsh(a)))


def squares(a: Any) -> Any:
    return xp.sum(xp.linalg.svdvals(a) ** 2)


@pytest.mark.parametrize("spectrum", [[1.0, 1.0, 1.0], [1.0, 1.0, 3.0], [0.0, 2.0, 2.0]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_mixed_with_vectors(draw: Callable[..., Any], spectrum: Any, dtype: str) -> None:
    w = W.astype(dtype)
    for x in (draw(spectrum=spectrum, dtype=dtype), np.diag(spectrum).astype(dtype)):
        with pytest.raises(NotDifferentiableError, match=EIGENVALUES):
            grad(lambda a: xp.sum(of_hermitian(xp.exp, a) * w))(x)
        with pytest.raises(NotDifferentiableError, match=SINGULAR):
            grad(lambda a: xp.sum(of_values(xp.exp, a) * w))(x)
    with pytest.raises(NotDifferentiableError, match=EIGENVALUES):
        # Zero where the values repeat, so that only the cotangent of the values shows it.
        grad(lambda a: xp.sum(of_hermitian(lambda v: v - 2, a) * w))(draw(spectrum=[2.0, 2.0, 2.0], dtype=dtype))


def test_one_matrix_of_a_batch(draw: Callable[..., Any]) -> None:
    x = np.stack([draw(spectrum=[1.0, 2.0, 3.0]), np.eye(3)])
    gradient = grad(lambda a: xp.sum(of_hermitian(xp.exp, a) * W))
    for run in (gradient, vmap(gradient)):
        with pytest.raises(NotDifferentiableError, match=r"\[1\. 1\. 1\.\]"):
            run(x)
    assert eval_shape(gradient, x).shape == (2, 3, 3)


@pytest.mark.parametrize(("f", "message"), [(symmetric, EIGENVALUES), (squares, SINGULAR)])
def test_second_derivatives(f: Any, message: str) -> None:
    x = np.eye(3)
    for run in (
        lambda: grad(lambda a: xp.sum(grad(f)(a) * TURN))(x),
        lambda: grad(lambda a: jvp(f, (a,), (TURN,))[1])(x),
        lambda: jvp(grad(f), (x,), (TURN,)),
        lambda: hessian(f)(x),
        lambda: jacobian(grad(f))(x),
    ):
        with pytest.raises(NotDifferentiableError, match=message):
            run()


def test_what_repeated_values_determine(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 2.0, 2.0])
    check_grads(symmetric, [x], order=1)
    check_grads(squares, [x], order=1)
    check_grads(lambda a, p: p * xp.linalg.eigvalsh(a)[0], [x, np.array(0.7)], order=2)
    np.testing.assert_allclose(hessian(lambda a: xp.sum(xp.linalg.eigvalsh(a)))(np.eye(3)), 0.0, atol=1e-12)


def test_the_vectors_of_large_values_of_matrices_of_low_rank(draw: Callable[..., Any]) -> None:
    def first(a: Any) -> Any:
        w, v = xp.linalg.eigh(a)
        return (v[:, -1:] * xp.sqrt(w[-1:])) @ xp.matrix_transpose(v[:, -1:])

    def first_singular(a: Any) -> Any:
        u, s, vh = xp.linalg.svd(a, full_matrices=False)
        return (u[:, :1] * xp.sin(s[:1])) @ vh[:1, :]

    x = draw(spectrum=[0.0, 0.0, 0.0, 4.0])
    check_grads(first, [x], order=1)
    check_grads(first_singular, [x], order=1)
    check_grads(lambda a: xp.linalg.eigvalsh(a)[-1] ** 2, [x], order=2)


def test_singular_values_that_are_zero(draw: Callable[..., Any]) -> None:
    # The sine vanishes with its argument, so the function is smooth there.
    def mixed(a: Any) -> Any:
        return of_values(xp.sin, a)

    check_grads(mixed, [draw(values=[2.0, 1.0, 0.0])], order=1, modes=("vjp",))
    for x in (draw(4, 3, values=[2.0, 1.0, 0.0]), draw(values=[2.0, 0.0, 0.0]), draw(values=[2.0, 1.0, 0.0]) + 0j):
        with pytest.raises(NotDifferentiableError, match=SINGULAR):
            grad(lambda a: xp.sum(xp.real(mixed(a))))(x)


def test_distinct_values_are_untouched(draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 2.0, 4.0])
    c = np.array([1.0, -2.0, 0.5])
    v = np.linalg.eigh((x + x.T) * 0.5)[1]
    np.testing.assert_array_equal(grad(lambda a: xp.sum(xp.linalg.eigvalsh(a) * c))(x), (v * c) @ v.T)
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    np.testing.assert_array_equal(grad(lambda a: xp.sum(xp.linalg.svdvals(a) * c))(x), (u * c) @ vh)
