"""Derivatives of the incomplete functions by their parameters, against mpmath and in special cases."""

import numpy as np
import pytest

from funcnet.backends.incomplete import betainc_derivative, gammainc_derivative

special = pytest.importorskip("scipy.special", reason="SciPy computes special functions")


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    ("a", "x"),
    [
        (2.0, 1.0),
        (2.0, 3.0),
        (0.3, 0.01),
        (0.01, 0.02),
        (0.001, 0.9),
        (50.0, 70.0),
        (1e3, 9e2),
        (5.0, 60.0),
        (3.0, 1e-30),
    ],
)
def test_gamma_is_mpmaths(a: float, x: float, n: int) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    with mpmath.workdps(40):
        step = mpmath.mpf(a) * mpmath.mpf(10) ** -8
        wanted = mpmath.diff(lambda p: mpmath.gammainc(p, 0, mpmath.mpf(x), regularized=True), mpmath.mpf(a), n, h=step)
    np.testing.assert_allclose(gammainc_derivative(special, np.array(a), np.array(x), n), float(wanted), rtol=1e-9)


@pytest.mark.parametrize("orders", [(1, 0), (0, 1), (1, 1), (2, 0)])
@pytest.mark.parametrize(
    ("a", "b", "x"),
    [(2.0, 3.0, 0.3), (2.0, 3.0, 0.8), (0.3, 0.2, 0.5), (0.01, 0.02, 0.3), (50.0, 40.0, 0.5), (2.0, 3.0, 1e-10)],
)
def test_beta_is_mpmaths(a: float, b: float, x: float, orders: tuple[int, int]) -> None:
    mpmath = pytest.importorskip("mpmath", reason="mpmath is the oracle")
    with mpmath.workdps(50):
        given = mpmath.mpf(a), mpmath.mpf(b)
        wanted = mpmath.diff(
            lambda p, q: mpmath.betainc(p, q, 0, mpmath.mpf(x), regularized=True),
            given,
            orders,
            h=mpmath.mpf(10) ** -14,
        )
    found = betainc_derivative(special, np.array(a), np.array(b), np.array(x), *orders)
    np.testing.assert_allclose(found, float(wanted), rtol=1e-10)


def test_of_the_uniform_distribution() -> None:
    # I_x(a, 1) = x**a.
    a, x = np.array([0.5, 1.0, 4.0])[:, None], np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(betainc_derivative(special, a, np.array(1.0), x, 1, 0), x**a * np.log(x), rtol=1e-11)


def test_ends_and_what_is_outside() -> None:
    x = np.array([0.0, np.inf, -1.0, 1.0])
    found = gammainc_derivative(special, np.array([1.0, 1.0, 1.0, -1.0]), x, 1)
    np.testing.assert_array_equal(found, [0.0, 0.0, np.nan, np.nan])
    found = betainc_derivative(special, np.array(2.0), np.array(3.0), np.array([0.0, 1.0, 1.5]), 0, 1)
    np.testing.assert_array_equal(found, [0.0, 0.0, np.nan])


def test_more_elements_than_a_block() -> None:
    x = np.linspace(0.1, 5.0, 5000)
    found = gammainc_derivative(special, np.array(2.0), x, 1)
    np.testing.assert_array_equal(found[4000:], gammainc_derivative(special, np.array(2.0), x[4000:], 1))
    assert found.shape == (5000,)
