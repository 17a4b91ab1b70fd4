"""`x.flat` of traced arrays."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.errors import DtypeError
from funcnet.testing.numerical import numerical_grad

X = np.array([[0.37, -0.71, 1.13], [0.41, 0.9, -1.3]])


def _diagonal(x):
    a = x @ x.T
    a.flat[:: a.shape[0] + 1] += 0.1 * x[0, 0]
    return np.linalg.inv(a)


def _read(x):
    part = x.flat[2:4]
    part += 1.0
    return part * x.flat[-1] + sum(x.flat) + len(x.flat)


def _written(x):
    a = x * 1.0
    row = a[1]
    a.T.flat = x.flat[[0, 1, 2, 0, 1, 2]] * 2.0
    a.flat[[0, 5]] = x[0, :2]
    return a * row[0]


@pytest.mark.parametrize("f", [_diagonal, _read, _written])
def test_elements_in_the_order_of_c(f):
    weights = np.cos(np.arange(float(np.size(f(X))))).reshape(np.shape(f(X)))

    def g(x):
        return (f(x) * weights).sum()

    value, gradient = fn.value_and_grad(g)(X)
    assert value == pytest.approx(g(X), rel=1e-12)
    np.testing.assert_allclose(gradient, numerical_grad(g, X), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(fn.jit(fn.grad(g))(X), gradient, rtol=1e-10)
    np.testing.assert_allclose(fn.vmap(fn.grad(g))(X[None])[0], gradient, rtol=1e-10)


def test_parts_of_complex_numbers_are_assigned_to_as_attributes():
    def f(x):
        z = x * (1.0 + 2.0j)
        z.imag *= 3.0
        z.real = x[1] ** 2
        return (np.abs(z) ** 2).sum()

    assert fn.value_and_grad(f)(X)[0] == pytest.approx(f(X), rel=1e-12)
    np.testing.assert_allclose(fn.grad(f)(X), numerical_grad(f, X), rtol=1e-7)


def test_a_real_array_has_no_imaginary_part_to_assign_to():
    def f(x):
        x.imag = 1.0
        return x.sum()

    with pytest.raises(DtypeError, match=r"float64(.|\n)*x \+ 0j"):
        fn.grad(f)(X)
