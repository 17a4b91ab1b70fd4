from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import xp
from funcnet.errors import ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads
from funcnet.transforms.batch import vmap
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

SHAPES = [(3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2)]


def adjoint(v: Any) -> Any:
    return xp.conj(xp.matrix_transpose(v))


def applied(f: Callable[[Any], Any], a: Any) -> Any:
    """The function of a Hermitian matrix."""
    w, v = xp.linalg.eigh(a)
    return (v * xp.expand_dims(f(w), axis=-2)) @ adjoint(v)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_hermitian(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    half = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    w, v = xp.linalg.eigh(x)
    np.testing.assert_allclose(w, np.linalg.eigvalsh(half), atol=1e-13)
    np.testing.assert_allclose(xp.linalg.eigvalsh(x), w, atol=1e-13)
    np.testing.assert_allclose((v * w[..., None, :]) @ adjoint(v), half, atol=1e-13)
    check_grads(lambda a: applied(xp.exp, a), [x])
    check_grads(xp.linalg.eigvalsh, [x])


def test_eigenvectors_as_in_jax(draw: Callable[..., Any], jax64: Any) -> None:
    x, w1, w2 = draw(spectrum=[1.0, 2.0, 4.0]), draw(3), draw(3, 3)

    def loss(module: Any) -> Any:
        def f(a: Any) -> Any:
            w, v = module.eigh(a)
            return (w * w1).sum() + (v * v * w2).sum()

        return f

    np.testing.assert_allclose(grad(loss(xp.linalg))(x), jax64.grad(loss(jax64.numpy.linalg))(x), rtol=1e-9, atol=1e-11)


REPEATED = [[2.0, 2.0, 2.0], [1.0, 2.0, 2.0], [-1.0, -1.0, 3.0, 3.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("spectrum", REPEATED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_projector_on_all_eigenvectors_is_constant(
    draw: Callable[..., Any], hessian: Any, spectrum: Any, dtype: str
) -> None:
    weights = draw(len(spectrum), len(spectrum), dtype=dtype)

    def loss(a: Any) -> Any:
        v = xp.linalg.eigh(a).eigenvectors
        return xp.sum((v @ xp.matrix_transpose(v)) * weights)

    for x in (draw(spectrum=spectrum, dtype=dtype), np.diag(spectrum).astype(dtype)):
        atol = 1e-4 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(grad(loss)(x), np.zeros_like(x), atol=atol)
        np.testing.assert_allclose(hessian(loss, x), 0.0, atol=10 * atol)
        np.testing.assert_allclose(jvp(loss, (x,), (weights,))[1], 0.0, atol=10 * atol)


@pytest.mark.parametrize(("spectrum", "count"), [([1.0, 1.0, 3.0], 2), ([0.0, 2.0, 2.0], 1), ([1, 1, 5.0, 5.0], 2)])
def test_projectors_on_equal_eigenvalues(draw: Callable[..., Any], spectrum: Any, count: int) -> None:
    def projector(a: Any) -> Any:
        v = xp.linalg.eigh(a).eigenvectors[:, :count]
        return v @ adjoint(v)

    check_grads(projector, [draw(spectrum=spectrum)], order=2)
    check_grads(projector, [np.diag(spectrum)], order=2)


@pytest.mark.parametrize("spectrum", REPEATED)
def test_symmetric_functions_of_equal_eigenvalues(draw: Callable[..., Any], spectrum: Any) -> None:
    check_grads(lambda a: xp.sum(xp.exp(xp.linalg.eigvalsh(a))), [draw(spectrum=spectrum)], order=1)
    check_grads(lambda a: xp.sum(xp.linalg.eigvalsh(a)), [draw(spectrum=spectrum)], order=2)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", SHAPES)
def test_without_symmetry(draw: Callable[..., Any], shape: Any, dtype: str) -> None:
    x = draw(*shape, dtype=dtype)
    w, v = xp.linalg.eig(x)
    assert w.dtype == v.dtype == np.complex128
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=1e-12)
    np.testing.assert_allclose(xp.linalg.eigvals(x), w, atol=1e-12)

    def determined(a: Any) -> Any:
        w, v = xp.linalg.eig(a)
        return w, xp.abs(v), xp.linalg.inv(v) @ (v * xp.expand_dims(w, axis=-2)), v @ adjoint(v)

    check_grads(determined, [x])
    check_grads(xp.linalg.eigvals, [x])


def test_rotations_have_complex_eigenvalues() -> None:
    # w = cos t + i sin t and its conjugate.
    def turned(t: Any) -> Any:
        rows = xp.stack([xp.stack([xp.cos(t), -xp.sin(t)]), xp.stack([xp.sin(t), xp.cos(t)])])
        w = xp.linalg.eigvals(rows)
        return xp.sum(xp.abs(xp.imag(w)))

    np.testing.assert_allclose(grad(turned)(np.array(0.7)), 2 * np.cos(0.7), rtol=1e-12)


def test_eigenvectors_without_symmetry_as_in_torch(draw: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    x, weights = draw(3, 3), draw(3, 3)
    there = torch.tensor(x, requires_grad=True)
    w, v = torch.linalg.eig(there)
    ((v.abs() ** 2 * torch.tensor(weights)).sum() + (w.abs() ** 2).sum()).backward()

    def loss(a: Any) -> Any:
        w, v = xp.linalg.eig(a)
        return xp.sum(xp.abs(v) ** 2 * weights) + xp.sum(xp.abs(w) ** 2)

    np.testing.assert_allclose(grad(loss)(x), there.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case: BackendCase, draw: Callable[..., Any]) -> None:
    x = draw(spectrum=[1.0, 2.0, 4.0], dtype="float32")
    with case.active():
        y, pullback = vjp(lambda a: applied(lambda w: w * w, a), case.asarray(x))
        (g,) = pullback(case.asarray(np.eye(3, dtype=np.float32)))
        values = xp.linalg.eigvals(case.asarray(x))
    np.testing.assert_allclose(case.to_numpy(y), x @ x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(case.to_numpy(g), 2 * x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.sort(case.to_numpy(values).real), [1.0, 2.0, 4.0], rtol=1e-4)


def test_under_vmap(draw: Callable[..., Any]) -> None:
    x = draw(4, 3, 3)
    np.testing.assert_allclose(vmap(xp.linalg.eigvalsh)(x), np.linalg.eigvalsh((x + np.swapaxes(x, 1, 2)) / 2))
    per_matrix = vmap(grad(lambda a: xp.sum(applied(xp.exp, a))))(x)
    np.testing.assert_allclose(per_matrix, [grad(lambda a: xp.sum(applied(xp.exp, a)))(a) for a in x], rtol=1e-9)


def test_errors() -> None:
    for function in (xp.linalg.eigh, xp.linalg.eigvalsh, xp.linalg.eig, xp.linalg.eigvals):
        with pytest.raises(ShapeError, match="square matrices"):
            function(np.ones((2, 3)))
