"""Plain arrays that change between an operation and its derivative."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import ChangedArrayError
from funcnet.transforms.kept import Watch

X = np.array([0.3, -0.7, 1.9])


def _factors(x):
    t, y = np.zeros(3), x
    for _ in range(3):
        t += 0.1
        y = y + t * x
    return y.sum()


def _matrices(x):
    a = np.eye(3)
    y = x @ a
    a[:] = 7.0
    return y.sum() + (a @ x).sum()


def _places(x):
    i = np.array([0, 1])
    y = x[i]
    i[:] = 2
    return (y * np.array([1.0, 2.0])).sum()


def _mask(x):
    m = np.array([True, False, True])
    y = np.where(m, x * x, x)
    m[:] = False
    return y.sum()


def _quotient(x):
    a = np.ones(3)
    y = a / x
    a *= 3.0
    return y.sum()


#: Functions that write into plain arrays, and their gradients.
WRITING = {
    "factors": (_factors, np.full(3, 1.6)),
    "matrices": (_matrices, np.full(3, 22.0)),
    "places": (_places, np.array([1.0, 2.0, 0.0])),
    "mask": (_mask, np.array([2 * X[0], 1.0, 2 * X[2]])),
    "quotient": (_quotient, -1 / X**2),
}


@pytest.mark.parametrize("name", WRITING)
def test_what_is_written_into_plain_arrays_later_does_not_change_derivatives(name):
    f, expected = WRITING[name]
    np.testing.assert_allclose(fn.grad(f)(X), expected, rtol=1e-12)
    np.testing.assert_allclose(fn.vjp(f, X)[1](np.array(1.0))[0], expected, rtol=1e-12)
    np.testing.assert_allclose(fn.jvp(f, (X,), (X,))[1], expected @ X, rtol=1e-12)
    np.testing.assert_allclose(fn.linearize(f, X)[1](X), expected @ X, rtol=1e-12)
    np.testing.assert_allclose(fn.jit(fn.grad(f))(X), expected, rtol=1e-12)
    np.testing.assert_allclose(fn.grad(fn.jit(f))(X), expected, rtol=1e-12)
    np.testing.assert_allclose(fn.vmap(fn.grad(f))(X[None])[0], expected, rtol=1e-12)


def test_of_large_arrays_it_is_refused():
    a = np.linspace(0.0, 1.0, 600).reshape(3, 200)

    def f(x):
        nonlocal a
        y = (x[:, None] * a).sum()
        a *= 2.0
        return y

    with pytest.raises(ChangedArrayError, match=r"'multiply' had used it(.|\n)*\(3, 200\)(.|\n)*fn.lift"):
        fn.grad(f)(X)
    _, pullback = fn.vjp(lambda x: (x[:, None] * a).sum(), X)
    np.testing.assert_allclose(pullback(np.array(1.0))[0], a.sum(axis=1))
    a[:] = 0.0
    with pytest.raises(RuntimeError):
        pullback(np.array(1.0))


def test_large_arrays_that_no_derivative_needs_may_change():
    a = np.linspace(0.0, 1.0, 600)

    def f(x):
        y = x[0] + a
        np.add(a, 1.0, out=a)
        return (y + a).sum()

    np.testing.assert_array_equal(fn.grad(f)(X), [600.0, 0.0, 0.0])


def test_a_lifted_array_may_change():
    def f(x):
        a = fn.lift(np.ones(600))
        y = (x[0] * a).sum()
        a *= 2.0
        return y

    np.testing.assert_array_equal(fn.grad(f)(X), [600.0, 0.0, 0.0])


@pytest.mark.parametrize("size", [3, 600])
def test_primals_of_a_pullback_may_not_change_it_silently(size):
    x = np.full(size, 2.0)
    _, pullback = fn.vjp(lambda x: (x**3).sum(), x)
    _, push = fn.linearize(lambda x: (x**3).sum(), x)
    _, linear = fn.vjp(lambda x: 3.0 * x, x)
    x += 1.0
    np.testing.assert_array_equal(linear(np.ones(size))[0], np.full(size, 3.0))
    if size == 3:
        np.testing.assert_array_equal(pullback(np.array(1.0))[0], np.full(3, 12.0))
        assert push(np.ones(3)) == 36.0
    else:
        with pytest.raises(ChangedArrayError):
            pullback(np.array(1.0))
        with pytest.raises(ChangedArrayError):
            push(np.ones(size))


def test_taps():
    def f(x):
        a = np.linspace(0.0, 1.0, 600)
        y = fn.tap(x, "x") * a
        a[:] = 1.0
        return xp.sum(y)

    with pytest.raises(ChangedArrayError):
        fn.grad_of_taps(f)(np.ones(600))


def test_what_is_kept_lies_in_memory_as_before():
    # Products of another layout differ in the last digit, and so would values under a derivative.
    for x in (np.ones((3, 4)), np.ones((3, 4)).T, np.ones((3, 4, 2)).transpose(1, 0, 2)):
        assert Watch().kept(x, "matmul").strides == x.strides
