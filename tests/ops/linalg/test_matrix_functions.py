"""Exponentials, roots and logarithms of matrices against SciPy, PyTorch, closed forms and finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.testing.check_grads import check_grads

linalg = pytest.importorskip("scipy.linalg", reason="SciPy is the oracle")


def near_definite(draw: Callable[..., Any], n: int, scale: float, dtype: str) -> np.ndarray:
    a = draw(n, n, dtype=dtype) * scale
    return a @ a.conj().T + scale**2 * np.eye(n, dtype=dtype) + 0.3 * scale * a


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_values(draw: Callable[..., Any], n: int, dtype: str) -> None:
    rtol = 1e-4 if dtype == "float32" else 1e-11
    for scale in (1e-8, 0.01, 0.3, 1.0, 3.0):
        a = (draw(n, n, dtype=dtype) * scale).astype(dtype)
        y = xp.linalg.expm(a)
        assert y.dtype == a.dtype
        wanted = linalg.expm(a.astype("complex128"))
        np.testing.assert_allclose(y, wanted, rtol=rtol, atol=rtol * np.max(np.abs(wanted)))
        b = near_definite(draw, n, scale, dtype).astype(dtype)
        root = xp.linalg.sqrtm(b)
        np.testing.assert_allclose(root @ root, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))
        log = xp.linalg.logm(b)
        size = np.max(np.abs(log))
        np.testing.assert_allclose(log, linalg.logm(b.astype("complex128")), rtol=10 * rtol, atol=10 * rtol * size)


def test_nilpotent_and_defective_matrices() -> None:
    shift = np.diag([1.0, 1.0, 1.0], 1)
    powers = np.eye(4) + shift + shift @ shift / 2 + shift @ shift @ shift / 6
    np.testing.assert_allclose(xp.linalg.expm(shift), powers, atol=1e-15)
    np.testing.assert_allclose(xp.linalg.logm(powers), shift, atol=1e-13)
    root = xp.linalg.sqrtm(np.eye(4) + shift)
    np.testing.assert_allclose(root @ root, np.eye(4) + shift, atol=1e-13)


def test_a_rotation() -> None:
    def rotation(t: Any) -> Any:
        return xp.linalg.expm(xp.stack([xp.stack([0.0 * t, -t]), xp.stack([t, 0.0 * t])]))

    t = np.array(0.7)
    c, s = np.cos(0.7), np.sin(0.7)
    np.testing.assert_allclose(rotation(t), [[c, -s], [s, c]], atol=1e-15)
    np.testing.assert_allclose(fn.jacobian(rotation)(t), [[-s, -c], [c, -s]], atol=1e-15)
    np.testing.assert_allclose(fn.hessian(rotation)(t), [[-c, s], [-s, -c]], atol=1e-14)


@pytest.mark.parametrize("scale", [1e-6, 0.1, 1.0, 4.0])
def test_the_derivative_of_the_exponential(draw: Callable[..., Any], scale: float) -> None:
    a = draw(4, 4) * scale
    for size in (1e-9, 1.0, 1e9):
        e = draw(4, 4) * size
        found = fn.jvp(xp.linalg.expm, (a,), (e,))[1]
        wanted = linalg.expm_frechet(a, e, compute_expm=False)
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11 * np.max(np.abs(wanted)))
        pulled = fn.vjp(xp.linalg.expm, a)[1](e)[0]
        wanted = linalg.expm_frechet(a.T, e, compute_expm=False)
        np.testing.assert_allclose(pulled, wanted, rtol=1e-11, atol=1e-11 * np.max(np.abs(wanted)))
    np.testing.assert_array_equal(fn.jvp(xp.linalg.expm, (a,), (np.zeros((4, 4)),))[1], np.zeros((4, 4)))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("f", [xp.linalg.expm, xp.linalg.sqrtm, xp.linalg.logm])
def test_derivatives_against_differences(draw: Callable[..., Any], f: Callable[[Any], Any], dtype: str) -> None:
    q = np.linalg.qr(draw(3, 3, dtype=dtype))[0]
    repeated = (q * [2.0, 2.0, 1.0]) @ q.conj().T
    jordan = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]], dtype=dtype)
    for x in (near_definite(draw, 3, 1.0, dtype), repeated, jordan, np.eye(3, dtype=dtype)):
        check_grads(f, [x], order=2)


def test_second_derivatives_of_pytorch(draw: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a, c = draw(4, 4), draw(4, 4)
    weights = torch.asarray(c)
    oracle = torch.autograd.functional.hessian(
        lambda z: (torch.linalg.matrix_exp(z) * weights).sum(), torch.asarray(a)
    ).numpy()
    np.testing.assert_allclose(fn.hessian(lambda z: xp.sum(xp.linalg.expm(z) * c))(a), oracle, rtol=1e-9, atol=1e-9)


def test_the_derivative_of_the_root(draw: Callable[..., Any]) -> None:
    a, c = draw(4, 4), draw(4, 4)
    # The root's derivative solves an equation of Sylvester's.
    b = a @ a.T + np.eye(4)
    root, slope = fn.jvp(xp.linalg.sqrtm, (b,), (c,))
    np.testing.assert_allclose(slope, linalg.solve_sylvester(root, root, c), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("f", [xp.linalg.expm, xp.linalg.sqrtm, xp.linalg.logm])
def test_stacks_and_transformations(draw: Callable[..., Any], f: Callable[[Any], Any]) -> None:
    x = np.stack([near_definite(draw, 3, s, "float64") for s in (0.1, 1.0, 5.0)])
    each = np.stack([f(m) for m in x])
    np.testing.assert_allclose(f(x), each, rtol=1e-11, atol=1e-11 * np.max(np.abs(each)))
    np.testing.assert_allclose(fn.vmap(f)(x), f(x), rtol=1e-13)
    gradient = fn.grad(lambda m: xp.sum(f(m) ** 2))
    rows = np.stack([gradient(m) for m in x])
    for found in (gradient(x), fn.vmap(gradient)(x), fn.jit(gradient)(x), fn.jit(fn.vmap(gradient))(x)):
        np.testing.assert_allclose(found, rows, rtol=1e-9, atol=1e-9 * np.max(np.abs(rows)))
    assert f(np.zeros((0, 2, 2))).shape == (0, 2, 2)
    assert f(np.zeros((0, 0))).shape == (0, 0)


@pytest.mark.parametrize("case", backend_params())
def test_libraries(case: BackendCase) -> None:
    x = case.asarray([[2.0, 1.0], [0.5, 3.0]])
    for f, oracle in ((xp.linalg.expm, linalg.expm), (xp.linalg.sqrtm, linalg.sqrtm), (xp.linalg.logm, linalg.logm)):
        np.testing.assert_allclose(case.to_numpy(f(x)), oracle(case.to_numpy(x).astype("float64")), rtol=1e-5)
        y, pull = fn.vjp(f, x)
        assert type(y) is type(x)
        assert pull(y)[0].dtype == x.dtype


def test_bad_input() -> None:
    for f in (xp.linalg.expm, xp.linalg.sqrtm, xp.linalg.logm):
        with pytest.raises(ShapeError, match="square"):
            f(np.ones((2, 3)))
        with pytest.raises(DtypeError, match="floating"):
            f(np.ones((2, 2), dtype=int))
    assert np.all(np.isnan(xp.linalg.expm(np.full((2, 2), np.inf))))
    for f, name in ((xp.linalg.sqrtm, "sqrtm"), (xp.linalg.logm, "logm")):
        with pytest.raises(ParameterError, match=rf"(?s)linalg\.{name}.*principal.*found: .*float64.*write: .*complex"):
            f(np.array([[-2.0, 1.0], [0.0, 3.0]]))
        with pytest.raises(np.linalg.LinAlgError):
            f(np.zeros((2, 2)))
