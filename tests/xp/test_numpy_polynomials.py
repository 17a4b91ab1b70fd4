"""Functions of polynomials against closed forms of their derivatives."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.xp.numpy_polynomials import POLYNOMIALS

rng = np.random.default_rng(5)
P, Q = rng.normal(size=4), rng.normal(size=3)
X, Y = rng.normal(size=7), rng.normal(size=7)

#: Name -> a linear function, whose Jacobian holds its values at the unit vectors.
LINEAR = {
    "polyadd": lambda p: np.polyadd(p, 0.0 * p[:2]),
    "polyder": lambda p: np.polyder(p, 2),
    "polyfit": lambda y: np.polyfit(X[:4], y, 2),
    "polyint": lambda p: np.polyint(p, 2),
    "polymul": lambda p: np.polymul(p[::-1], Q),
    "polysub": lambda p: np.polysub(0.0 * p[:3], p),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_jacobian_of_a_linear_function(name):
    f = LINEAR[name]
    # Zeros in front would be trimmed, so the unit vectors are differences of two polynomials without any.
    wanted = np.stack([f(P + e) - f(P) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(fn.jacobian(f)(P), wanted, rtol=1e-9, atol=1e-12)


def test_a_root_moves_against_the_slope():
    roots = np.roots(P)
    # p(x) = 0 stays true: dx = -dp(x) / p'(x).
    wanted = -(roots[:, None] ** np.arange(3, -1, -1)) / np.polyval(np.polyder(P), roots)[:, None]
    real = fn.jacobian(lambda p: np.real(np.roots(p)))(P)
    np.testing.assert_allclose(real, wanted.real, rtol=1e-9)


def test_the_coefficients_by_one_root_are_those_of_the_others():
    roots = np.array([0.5, -1.5, 2.0])
    found = fn.jacobian(lambda r: np.poly(r))(roots)
    for i in range(3):
        np.testing.assert_allclose(found[:, i], -np.concatenate([[0.0], np.poly(np.delete(roots, i))]), atol=1e-12)


def test_weights_of_a_fit_scale_what_is_missed():
    # A fit through all points misses nothing, whatever the weights are.
    slope = fn.jacobian(lambda w: np.polyfit(X[:3], Y[:3], 2, w=w))(np.array([1.0, 2.0, 0.5]))
    np.testing.assert_allclose(slope, 0.0, atol=1e-9)


def test_the_table_names_numpys_functions():
    assert all(callable(getattr(np, name)) for name in POLYNOMIALS)
    assert {*LINEAR, "poly", "roots"} == {*POLYNOMIALS}
