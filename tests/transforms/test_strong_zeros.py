"""A branch that `where` did not choose contributes nothing, whatever its derivative is there."""

import warnings

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp

CASES = {
    "log": (lambda x: xp.log(x), 0.0),
    "x log x": (lambda x: x * xp.log(x), 0.0),
    "sqrt": (lambda x: xp.sqrt(x), 0.0),
    "norm": (lambda x: xp.sqrt(x * x + x**2), 0.0),
    "power": (lambda x: x**0.5, 0.0),
    "negative power": (lambda x: x**-1.5, 0.0),
    "reciprocal": (lambda x: 1.0 / x, 0.0),
    "sin(x)/x": (lambda x: xp.sin(x) / x, 0.0),
    "exp": (lambda x: xp.exp(x), 1e4),
    "exp of exp": (lambda x: xp.exp(xp.exp(x)), 1e3),
    "square of a quotient": (lambda x: (x / x - x) ** 2, 0.0),
    "square": (lambda x: xp.square(xp.exp(x)), 1e4),
    "asin": (lambda x: xp.asin(x), 1.0),
    "acosh": (lambda x: xp.acosh(x), 1.0),
    "atanh": (lambda x: xp.atanh(x), 1.0),
    "log1p": (lambda x: xp.log1p(x), -1.0),
    "logaddexp": (lambda x: xp.logaddexp(xp.log(x), xp.log(x * x)), 0.0),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.requirement("P12")
def test_the_unchosen_branch_has_a_zero_derivative(name, dtype):
    f, pole = CASES[name]
    x = np.array([pole, 1.5 if name == "acosh" else 0.5], dtype=dtype)

    def chosen(x):
        return xp.where(x != pole, f(x), 0.0)

    with warnings.catch_warnings():
        # The forward values are NumPy's, which warns of them.
        warnings.simplefilter("ignore", RuntimeWarning)
        first = fn.grad(lambda x: xp.sum(chosen(x)))
        second = fn.grad(lambda x: xp.sum(first(x)))
        forward = fn.jvp(chosen, (x,), (np.ones(2, dtype),))[1]
        alone = fn.grad(lambda x: xp.sum(f(x)))(x[1:])
        g, h = first(x), second(x)
    assert g.dtype == dtype
    assert g[0] == 0.0
    assert forward[0] == 0.0
    assert h[0] == 0.0
    assert np.isfinite(g[1])
    assert g[1] == alone[0], "finite cases are unchanged to the bit"
    assert np.isfinite(h[1])


def test_the_backward_pass_does_not_warn():
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        value = xp.log(x)
    assert value[0] == -np.inf
    assert np.array_equal(fn.grad(lambda x: xp.sum(xp.sqrt(x)))(x), [np.inf, 0.25])


def test_a_nonzero_cotangent_at_a_pole_is_infinite_not_zero():
    assert fn.grad(lambda x: xp.sqrt(x))(np.array(0.0)) == np.inf


def test_second_derivative_of_linear_functions_is_zero_not_an_error():
    assert fn.grad(fn.grad(lambda x: 3.0 * x))(np.array(1.0)) == 0.0
    assert fn.grad(fn.grad(fn.grad(lambda x: x * x)))(np.array(1.0)) == 0.0
    slope = fn.grad(lambda x: xp.sum(x[:2]))
    np.testing.assert_array_equal(fn.grad(lambda x: xp.sum(slope(x)))(np.ones(3)), np.zeros(3))
