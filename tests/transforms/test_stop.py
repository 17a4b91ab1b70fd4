"""stop_gradient and lift."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp


def test_stop_gradient_at_every_level():
    x = np.array(3.0)
    assert fn.grad(lambda x: x * fn.stop_gradient(x))(x) == 3.0
    assert fn.jvp(lambda x: x * fn.stop_gradient(x), (x,), (1.0,))[1] == 3.0
    # The inner derivative is 2y + stop(y), whose outer derivative is 2.
    f = fn.grad(lambda y: y * y + fn.stop_gradient(y) * y)
    assert fn.grad(f)(x) == 2.0


def test_stop_gradient_outside_and_of_trees():
    x = np.ones(2)
    assert fn.stop_gradient({"a": x, "n": 3})["a"] is x
    g = fn.grad(lambda p: xp.sum(p["a"] * fn.stop_gradient(p)["b"]))({"a": x, "b": 5 * x})
    np.testing.assert_array_equal(g["a"], 5.0)
    np.testing.assert_array_equal(g["b"], 0.0)


def test_lift_copies_outside_and_is_constant_inside():
    table = np.zeros(3)
    lifted = fn.lift({"t": table, "s": "text"})
    lifted["t"][0] = 1.0
    assert lifted["s"] == "text"

    def f(x):
        t = fn.lift(table)
        t[1:] += x * x
        return xp.sum(t) + xp.sum(fn.lift(x))

    assert fn.grad(f)(np.array(2.0)) == pytest.approx(2 * 4.0 + 1.0)
    np.testing.assert_array_equal(table, 0.0)
