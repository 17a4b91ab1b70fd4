"""Control flow inside vmap."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.errors import ShapeError

X = np.array([-2.0, 0.5, 3.0])
N = np.array([0, 2, 5])


def _squared(loop):
    step = lambda s: (s[0] * s[0] + 1, s[1] + 1)  # noqa: E731
    return lambda x, n: loop(lambda s: (s[0] < 20.0) & (s[1] < 9), step, (x, 0))[0]


def _programs(lib, numpy):
    return {
        "cond": lambda x, n: lib.cond(x > 0, lambda a: numpy.sqrt(a), lambda a: a * 3.0, x),
        "cond of a number": lambda x, n: lib.cond(n, lambda a: a**2, lambda a: -a, x),
        "switch": lambda x, n: lib.switch(n - 1, [lambda a: a, lambda a: a * a, lambda a: numpy.exp(a)], x),
        "while_loop": _squared(lib.while_loop),
        "scan": lambda x, n: lib.scan(lambda c, a: (c * a, c + a), x, X)[1].sum(),
        "map": lambda x, n: lib.map(lambda a: a * x, X).sum(),
        "associative_scan": lambda x, n: lib.associative_scan(numpy.multiply, x * X).sum(),
    }


@pytest.mark.parametrize("name", _programs(fn, xp))
def test_values_of_jax_and_gradients_of_each_element(name):
    jax = pytest.importorskip("jax")
    f, g = _programs(fn, xp)[name], _programs(jax.lax, jax.numpy)[name]
    value = fn.vmap(f)(X, N)
    with jax.enable_x64(True):
        np.testing.assert_allclose(value, np.asarray(jax.vmap(g)(X, N)), rtol=1e-13)
    slopes = [fn.grad(f)(x, n) for x, n in zip(X, N, strict=True)]
    # Not JAX's: its reverse mode does not go through while_loop, and a root that was not chosen makes it NaN.
    gradient = fn.grad(lambda x: xp.sum(fn.vmap(f)(x, N)))(X)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-13)
    np.testing.assert_allclose(fn.vmap(fn.grad(f))(X, N), slopes, rtol=1e-13)


@pytest.mark.parametrize("axes", [(0, 0), (None, 0), (0, None)])
def test_bounds_that_are_mapped(axes):
    f = lambda lower, upper: fn.fori_loop(lower, upper, lambda i, y: y * 2.0 + i, 1.0)  # noqa: E731
    lower, upper = (np.array([0, 1, 7]) if axes[0] == 0 else 2), (np.array([0, 4, 5]) if axes[1] == 0 else 4)
    found = fn.vmap(f, in_axes=axes)(lower, upper)
    pairs = np.broadcast(lower, upper)
    np.testing.assert_array_equal(found, [f(int(a), int(b)) for a, b in pairs])


def test_an_array_that_is_not_mapped_is_read():
    def refuse(*_):
        raise AssertionError

    f = lambda x, flag: fn.cond(flag, lambda a: a * 2, refuse, x)  # noqa: E731
    np.testing.assert_array_equal(fn.vmap(f, in_axes=(0, None))(X, np.array(True)), 2 * X)


def test_nested_maps():
    f = fn.vmap(fn.vmap(_programs(fn, xp)["while_loop"], in_axes=(0, None)), in_axes=(0, None))
    x = np.stack([X, X + 1])
    one = _programs(fn, xp)["while_loop"]
    np.testing.assert_allclose(f(x, 0), [[one(a, 0) for a in row] for row in x], rtol=1e-14)


def test_branches_have_to_agree():
    with pytest.raises(ShapeError, match=r"branch of fn\.cond has another shape"):
        fn.vmap(lambda x: fn.cond(x > 0, lambda a: a, lambda a: xp.stack([a, a]), x))(X)
