"""Complex numbers: the table in docs/complex.md, against JAX and closed forms."""

import doctest
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import DtypeError, NonScalarOutputError

Z = np.array([0.3 + 0.7j, -1.2 + 0.4j])
X = np.array([0.3, -1.2])


@pytest.fixture(autouse=True)
def _double():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


TO_REAL = {
    "abs": lambda xp, z: xp.sum(xp.abs(z)),
    "square": lambda xp, z: xp.sum(xp.real(z * xp.conj(z))),
    "imag": lambda xp, z: xp.sum(xp.imag(xp.exp(z) * z)),
    "angle": lambda xp, z: xp.sum(xp.atan2(xp.imag(z), xp.real(z))),
    "mixed": lambda xp, z: xp.sum(xp.abs(xp.sin(z) + xp.conj(z) * 2j) ** 2),
}
HOLOMORPHIC = {
    "power": (lambda xp, z: z**3, lambda z: 3 * z**2),
    "exp": (lambda xp, z: xp.exp(z) * z, lambda z: np.exp(z) * (1 + z)),
    "sin": (lambda xp, z: xp.sin(2j * z), lambda z: 2j * np.cos(2j * z)),
    "log": (lambda xp, z: xp.log(z) / z, lambda z: (1 - np.log(z)) / z**2),
    "sqrt": (lambda xp, z: xp.sqrt(z), lambda z: 0.5 / np.sqrt(z)),
    "tanh": (lambda xp, z: xp.tanh(z), lambda z: 1 - np.tanh(z) ** 2),
}
TO_COMPLEX = {
    "phase": lambda xp, x: xp.exp(1j * x) * x,
    "poly": lambda xp, x: (x + 2j) ** 3,
}


@pytest.mark.parametrize("name", TO_REAL)
def test_complex_to_real(name):
    f = TO_REAL[name]
    ours = fn.grad(lambda z: f(xp, z))(Z)
    np.testing.assert_allclose(ours, jax.jit(jax.grad(lambda z: f(jnp, z)))(Z), rtol=1e-12)
    eps = 1e-6
    for k in range(2):
        step = eps * np.eye(2)[k]
        da = (f(xp, Z + step) - f(xp, Z - step)) / (2 * eps)
        db = (f(xp, Z + 1j * step) - f(xp, Z - 1j * step)) / (2 * eps)
        np.testing.assert_allclose(ours[k], da - 1j * db, rtol=1e-8)
    np.testing.assert_allclose(fn.jacrev(lambda z: f(xp, z))(Z), ours, rtol=1e-14)


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_holomorphic(name):
    f, derivative = HOLOMORPHIC[name]
    expected = derivative(Z)

    def of(z):
        return f(xp, z)

    for z, d in zip(Z, expected, strict=True):
        value, g = fn.value_and_grad(of, holomorphic=True)(np.array(z))
        np.testing.assert_allclose(g, d, rtol=1e-12)
        np.testing.assert_allclose(value, f(xp, z), rtol=1e-14)
        np.testing.assert_allclose(fn.jvp(of, (np.array(z),), (np.array(2j),))[1], 2j * d, rtol=1e-12)
    np.testing.assert_allclose(
        fn.vjp(of, Z, holomorphic=True)[1](np.array([2j, 1.0]))[0], expected * [2j, 1], rtol=1e-12
    )
    for jacobian in (fn.jacrev, fn.jacfwd, fn.jacobian):
        np.testing.assert_allclose(jacobian(of, holomorphic=True)(Z), np.diag(expected), rtol=1e-12)
    theirs = jax.jit(jax.vmap(jax.grad(jax.grad(lambda z: f(jnp, z), holomorphic=True), holomorphic=True)))(Z)
    second = fn.grad(fn.grad(of, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose([second(np.array(z)) for z in Z], theirs, rtol=1e-11)
    np.testing.assert_allclose(fn.hessian(of, holomorphic=True)(np.array(Z[0])), theirs[0], rtol=1e-11)


@pytest.mark.parametrize("name", TO_COMPLEX)
def test_real_to_complex(name):
    f = TO_COMPLEX[name]
    theirs = jax.jit(jax.jacfwd(lambda x: f(jnp, x)))(X)
    np.testing.assert_allclose(fn.jacfwd(lambda x: f(xp, x))(X), theirs, rtol=1e-12)
    g = Z * 2
    y, pullback = jax.vjp(lambda x: f(jnp, x), X)
    np.testing.assert_allclose(fn.vjp(lambda x: f(xp, x), X)[1](g)[0], pullback(jnp.asarray(g))[0], rtol=1e-12)
    assert y.dtype == np.complex128


@pytest.mark.parametrize(
    ("f", "pushed", "pulled"),
    [
        (xp.conj, lambda t: np.conj(t), lambda g: np.conj(g)),
        (xp.real, lambda t: t.real, lambda g: g.real + 0j),
        (xp.imag, lambda t: t.imag, lambda g: -1j * g.real),
        (xp.abs, lambda t: (Z.conj() * t).real / abs(Z), lambda g: g.real * Z.conj() / abs(Z)),
    ],
)
def test_the_table_of_functions_that_are_not_holomorphic(f, pushed, pulled):
    t = np.array([1 - 2j, 0.5 + 1j])
    y, tangent = fn.jvp(f, (Z,), (t,))
    np.testing.assert_allclose(tangent, pushed(t), rtol=1e-14)
    g = t if y.dtype == np.complex128 else t.real
    np.testing.assert_allclose(fn.vjp(f, Z)[1](g)[0], pulled(t), rtol=1e-14)


def test_gradient_descent_takes_the_conjugate():
    z = Z
    for _ in range(60):
        z = z - 0.1 * np.conj(fn.grad(lambda z: xp.sum(xp.abs(z - (1 - 2j)) ** 2))(z))
    np.testing.assert_allclose(z, [1 - 2j, 1 - 2j], rtol=1e-4)


@pytest.mark.parametrize("backend", ["numpy", "torch", "strict"])
def test_backends(backend):
    with fn.use_backend(backend):
        z = xp.asarray(Z)
        g = fn.vjp(lambda z: xp.exp(z) * z, z, holomorphic=True)[1](xp.ones_like(z))[0]
        np.testing.assert_allclose(fn.to_numpy(g), np.exp(Z) * (1 + Z), rtol=1e-12)


def test_the_examples_of_the_page():
    page = Path(__file__).parents[2] / "docs" / "complex.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0


# ------------------------------------------------------------------ bad input


def test_misuse_is_refused():
    def f(z, w):
        return z * w["w"]

    one = np.array(1 + 0j)
    for transform in (fn.grad, fn.value_and_grad, fn.jacrev, fn.jacfwd, fn.jacobian, fn.hessian):
        with pytest.raises(DtypeError, match=r"complex arguments, but argument 1, leaf \.w is not"):
            transform(f, 1, holomorphic=True)(one, {"w": np.array(1.0)})
    with pytest.raises(DtypeError, match="complex arguments, but argument 0 is not"):
        fn.vjp(lambda x: x, np.array(1.0), holomorphic=True)
    with pytest.raises(DtypeError, match="needs a complex result"):
        fn.vjp(xp.abs, one, holomorphic=True)
    for jacobian in (fn.jacrev, fn.jacfwd, fn.jacobian):
        with pytest.raises(DtypeError, match=r"needs a complex result, but that of the function at \.a"):
            jacobian(lambda z: {"a": xp.abs(z)}, holomorphic=True)(Z)
    with pytest.raises(NonScalarOutputError, match="one complex floating-point number"):
        fn.grad(xp.abs, holomorphic=True)(one)
    with pytest.raises(NonScalarOutputError, match=r"one real floating-point number(.|\n)*holomorphic=True"):
        fn.grad(lambda z: z * z)(one)
    for jacobian in (fn.jacrev, fn.jacobian):
        with pytest.raises(DtypeError, match="needs a real result unless the function is holomorphic"):
            jacobian(lambda z: z * z)(Z)
    with pytest.raises(DtypeError, match="needs real arguments unless the function is holomorphic, but argument 0"):
        fn.jacfwd(lambda z: z * z)(Z)
