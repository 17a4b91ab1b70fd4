"""Special functions where the usual formulas of their derivatives cancel or are 0 / 0: poles, ends, far out."""

from math import factorial, inf

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

pytest.importorskip("scipy.special", reason="SciPy computes special functions")
mpmath = pytest.importorskip("mpmath", reason="the oracle")

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-5)])


def derivatives(f, x, dtype, order):
    for _ in range(order):
        f = fn.grad(f)
    with np.errstate(all="ignore"):
        return fn.vmap(f)(np.asarray(x, dtype))


def wanted(f, x, dtype, order):
    with mpmath.workdps(60):
        return [float(mpmath.diff(f, mpmath.mpf(float(v)), order)) for v in np.asarray(x, dtype)]


def scaled_complement(x):
    return mpmath.exp(x * x) * mpmath.erfc(x)


def log_probability(x):
    return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


@DTYPES
@pytest.mark.parametrize("order", [1, 2])
def test_the_scaled_complement_of_the_error_function_far_out(order, dtype, tolerance):
    x = [-3.0, 0.5, 4.9, 5.1, 11.9, 12.1, 300.0, 1e8]
    found = derivatives(xp.special.erfcx, x, dtype, order)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted(scaled_complement, x, dtype, order), rtol=tolerance * 10**order / 5)


@DTYPES
@pytest.mark.parametrize("order", [1, 2])
def test_the_logarithm_of_the_normal_distribution_far_out(order, dtype, tolerance):
    x = [-1e8, -1e5, -300.0, -30.0, -8.0, -3.0, 2.0]
    np.testing.assert_allclose(
        derivatives(xp.special.log_ndtr, x, dtype, order),
        wanted(log_probability, x, dtype, order),
        rtol=tolerance * 10 ** (order - 1),
    )


@DTYPES
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("m", [2.0, 3.0, 2.5])
def test_pochhammers_symbol_at_poles_of_the_gamma_function(m, order, dtype, tolerance):
    z = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.5]

    def symbol(z):
        return mpmath.rf(z, m) if m % 1 == 0 else mpmath.gamma(z + m) * mpmath.rgamma(z)

    np.testing.assert_allclose(
        derivatives(lambda z: xp.special.poch(z, m), z, dtype, order),
        wanted(symbol, z, dtype, order),
        rtol=tolerance,
        atol=tolerance,
    )


def legendre(degree, order):
    """Return the polynomial whose product with ``(1 - x**2)**(order/2)`` the function is, for an even order."""
    polynomial = np.polynomial.Polynomial(np.polynomial.legendre.leg2poly([0] * degree + [1])).deriv(order)
    return polynomial * np.polynomial.Polynomial([1.0, 0.0, -1.0]) ** (order // 2)


@DTYPES
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("m", "v"), [(0, 2), (0, 3), (2, 2), (2, 3), (4, 5)])
def test_legendre_functions_at_and_beside_the_ends(m, v, order, dtype, tolerance):
    x = np.array([-1.0, -1.0 + 1e-6, -0.9995, -0.5, 0.3, 0.9995, 1.0 - 1e-6, 1.0], dtype)
    exact = legendre(v, m).deriv(order)(x.astype("float64"))
    for order_and_degree in ((m, float(v)), (np.array(m, dtype), np.array(v, dtype))):
        found = derivatives(lambda x, a=order_and_degree: xp.special.lpmv(*a, x), x, dtype, order)
        np.testing.assert_allclose(found, exact, rtol=tolerance * 10 ** (order - 1), atol=tolerance)


def test_legendre_functions_of_odd_order_and_of_a_broken_degree_at_the_ends():
    def slope(m, v, x):
        return derivatives(lambda x: xp.special.lpmv(m, v, x), x, "float64", 1)

    # -3 x sqrt(1 - x**2), and 1 as the limit of a hypergeometric function.
    np.testing.assert_allclose(slope(1, 2.0, [-1.0, 1.0]), [inf, inf])
    np.testing.assert_allclose(slope(0, 1.5, [1.0]), [1.5 * 2.5 / 2], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_densities_vanish_at_infinity(a, dtype):
    for name in ("gammainc", "gammaincc"):
        for order in (1, 2):
            f = getattr(xp.special, name)
            np.testing.assert_array_equal(derivatives(lambda x, f=f: f(a, x), [inf], dtype, order), 0.0)


def test_distributions_at_infinity():
    for x in (inf, np.array(inf), np.array([inf, 2.0])):
        assert np.ravel(xp.special.fdtr(4.0, 6.0, x))[0] == 1.0
    np.testing.assert_array_equal(derivatives(lambda x: xp.special.fdtr(4.0, 6.0, x), [inf], "float64", 1), 0.0)


def test_the_smooth_loss_of_huber_at_infinity():
    r = np.array([inf, -inf, 2.0, 0.0])
    np.testing.assert_allclose(
        xp.special.pseudo_huber(1.5, r), [inf, inf, 1.5**2 * ((1 + (2 / 1.5) ** 2) ** 0.5 - 1), 0]
    )
    found = derivatives(lambda r: xp.special.pseudo_huber(1.5, r), r, "float64", 1)
    np.testing.assert_allclose(found, [1.5, -1.5, 1.5 * 2 / 2.5, 0.0])


def test_the_reciprocal_gamma_function_beside_its_zeros_is_what_the_symbol_needs():
    # poch(z, 1/2) at a pole of gamma(z) is gamma(z + 1/2) times the slope of 1/gamma.
    for n in range(3):
        found = derivatives(lambda z: xp.special.poch(z, 0.5), [-float(n)], "float64", 1)
        exact = float(mpmath.gamma(0.5 - n)) * (-1) ** n * factorial(n)
        np.testing.assert_allclose(found, exact, rtol=1e-13)
