from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.reverse import grad, vjp

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]
Z = np.array([1 + 2j, -0.5 + 1j, 3 - 1j])
G = np.array([1 - 1j, 2 + 0.5j, -1j])
T = np.array([0.5 + 1j, 1 - 2j, -1 + 0j])


def test_abs_and_sign_of_real_numbers(derivatives: Measure) -> None:
    assert derivatives(ops.abs, 0.0) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.abs, -0.0) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.abs, -2.0) == (2.0, [-1.0], [[0.0]])
    assert derivatives(ops.sign, 0.0) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.sign, -3.0) == (-1.0, [0.0], [[0.0]])


@pytest.mark.parametrize(
    ("a", "b", "y", "first"),
    [
        (2.0, 3.0, 2.0, 1.0),
        (2.0, -3.0, -2.0, -1.0),
        (-2.0, 3.0, 2.0, -1.0),
        (-2.0, -0.0, -2.0, 1.0),
        (0.0, -1.0, 0.0, 0.0),
    ],
)
def test_copysign(a: float, b: float, y: float, first: float, derivatives: Measure) -> None:
    assert derivatives(ops.copysign, a, b) == (y, [first, 0.0], [[0.0, 0.0], [0.0, 0.0]])


def oracle_of(jax: Any, name: str) -> Any:
    # JAX takes the derivative of a complex sign for zero.
    return (lambda z: z / jax.numpy.abs(z)) if name == "sign" else getattr(jax.numpy, name)


@pytest.mark.parametrize("name", ["abs", "conj", "imag", "real", "sign"])
def test_first_derivatives_of_complex_numbers_are_jaxs(name: str, jax64: Any) -> None:
    function, oracle = getattr(ops, name), oracle_of(jax64, name)
    y, pullback = vjp(function, Z)
    expected_y, expected = jax64.vjp(oracle, Z)
    g = G.astype(y.dtype) if y.dtype == Z.dtype else G.real.copy()
    np.testing.assert_allclose(y, expected_y, rtol=1e-14)
    np.testing.assert_allclose(pullback(g)[0], expected(jax64.numpy.asarray(g))[0], rtol=1e-13, atol=1e-14)
    t = jvp(function, (Z,), (T,))[1]
    np.testing.assert_allclose(t, jax64.jvp(oracle, (Z,), (T,))[1], rtol=1e-13, atol=1e-14)


def test_the_imaginary_part_of_a_real_array_has_no_derivative() -> None:
    x = np.array([1.0, -2.0])
    # The cotangent meets others of real arrays on its way.
    f = lambda x: ops.sum(ops.multiply(ops.imag(ops.multiply(x, x)), x)) + ops.sum(ops.multiply(x, ops.conj(x)))  # noqa: E731
    (found,) = vjp(f, x)[1](np.float64(1.0))
    np.testing.assert_array_equal(found, 2 * x, strict=True)
    (found,) = vjp(lambda x: ops.imag(ops.square(x)), x)[1](np.array([1.0, np.inf]))
    np.testing.assert_array_equal(found, np.zeros(2), strict=True)


@pytest.mark.parametrize(
    "f",
    [
        lambda get, z: get("abs")(z),
        lambda get, z: get("real")(get("sign")(z) * z * z),
        lambda get, z: get("imag")(get("conj")(z) * z * z),
        lambda get, z: get("real")(z) * get("imag")(z),
        lambda get, z: get("abs")(get("exp")(z)),
    ],
)
def test_second_derivatives_of_complex_numbers_are_jaxs(f: Any, jax64: Any) -> None:
    weights = np.array([1.0, 2.0, -1.0])

    def gradient(z: Any) -> Any:
        return vjp(lambda v: f(lambda name: getattr(ops, name), v), z)[1](weights)[0]

    def expected_gradient(z: Any) -> Any:
        return jax64.vjp(lambda v: f(lambda name: oracle_of(jax64, name), v), z)[1](jax64.numpy.asarray(weights))[0]

    np.testing.assert_allclose(gradient(Z), expected_gradient(Z), rtol=1e-12, atol=1e-13)
    expected_t = jax64.jvp(expected_gradient, (Z,), (T,))[1]
    np.testing.assert_allclose(jvp(gradient, (Z,), (T,))[1], expected_t, rtol=1e-11, atol=1e-13)
    expected_ct = jax64.vjp(expected_gradient, Z)[1](jax64.numpy.asarray(G))[0]
    np.testing.assert_allclose(vjp(gradient, Z)[1](G)[0], expected_ct, rtol=1e-11, atol=1e-13)


def test_the_square_of_the_modulus_follows_the_convention_of_the_transpose() -> None:
    z = np.array(1 + 2j)
    assert vjp(lambda v: ops.square(ops.abs(v)), z)[1](np.float64(1.0)) == (pytest.approx(2 - 4j),)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_zero_has_neither_modulus_nor_direction(dtype: Any) -> None:
    zero = np.zeros(2, dtype)
    real = np.zeros(0, dtype).real.dtype
    for function, g in ((ops.abs, np.ones(2, real)), (ops.sign, np.ones(2, dtype))):
        y, pullback = vjp(function, zero)
        ct = pullback(g)[0]
        assert ct.dtype == dtype
        np.testing.assert_array_equal(y, [0, 0])
        np.testing.assert_array_equal(ct, [0, 0])
        np.testing.assert_array_equal(jvp(function, (zero,), (np.ones(2, dtype),))[1], [0, 0])
    second = vjp(lambda z: vjp(ops.abs, z)[1](np.ones(2, real))[0], zero)[1](np.ones(2, dtype))[0]
    np.testing.assert_array_equal(second, [0, 0])


def test_a_real_array_has_no_other_parts() -> None:
    x = np.array([1.0, -2.0])
    assert ops.real(x) is x
    np.testing.assert_array_equal(ops.conj(x), x)
    assert ops.conj(x).dtype == np.float64


def test_sign_of_a_python_scalar() -> None:
    assert ops.sign(-2.0) == -1.0
    assert ops.sign(3 + 4j) == pytest.approx(0.6 + 0.8j)


def test_signbit_sees_negative_zero() -> None:
    np.testing.assert_array_equal(ops.signbit(np.array([-0.0, 0.0, -1.0])), [True, False, True])


@pytest.mark.parametrize("case", backend_params())
def test_gradients_on_every_backend(case: BackendCase) -> None:
    x, w = np.float32([0.5, -2.0, 0.0]), np.float32([1, 2, 3])
    z = np.complex64([1 + 2j, -1j, 0])

    def loss(x: Any, z: Any, weights: Any) -> Any:
        parts = ops.add(ops.real(z), ops.multiply(ops.imag(ops.conj(z)), ops.abs(z)))
        parts = ops.add(parts, ops.real(ops.sign(z)))
        parts = ops.add(parts, ops.add(ops.abs(x), ops.add(ops.sign(x), ops.copysign(x, weights))))
        return ops.sum_over(ops.multiply(parts, weights), (0,))

    expected = grad(loss, argnums=(0, 1))(x, z, w)
    with case.active():
        found = grad(loss, argnums=(0, 1))(case.asarray(x), case.asarray(z), case.asarray(w))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(case.to_numpy(one), other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["acos", "acosh", "asin", "asinh", "log", "sqrt"])
@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("at", [-2.3, -0.4, 0.4, 2.3])
def test_derivatives_on_a_branch_cut_are_those_of_the_side_that_the_sign_of_zero_tells(
    name: str, zero: float, at: float
) -> None:
    f = getattr(ops, name)
    for along, point in ((1.0, lambda t: complex(at + t, zero)), (1.0j, lambda t: complex(zero, at + t))):

        def curve(t: float, point: Any = point) -> Any:
            return f(np.array(point(t)))

        def slope(z: Any, along: complex = along) -> Any:
            return jvp(f, (z,), (z * 0.0 + along,))[1]

        h, z = 1e-4, np.array(point(0.0))
        first = (8 * (curve(h) - curve(-h)) - (curve(2 * h) - curve(-2 * h))) / (12 * h)
        np.testing.assert_allclose(slope(z), first, rtol=1e-9, atol=1e-9)
        second = (curve(h) - 2 * curve(0.0) + curve(-h)) / h**2
        np.testing.assert_allclose(jvp(slope, (z,), (np.array(along),))[1], second, rtol=1e-5, atol=1e-5)
