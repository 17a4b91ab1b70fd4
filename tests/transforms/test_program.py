import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.transforms.program import split_vjp


def _largest(x):
    return xp.max(xp.sin(x) * 2.0)


def _is_largest(x):
    y = xp.sin(x)
    return xp.sum(xp.where(y >= xp.max(y), y, 0.0))


@pytest.mark.parametrize("f", [_largest, _is_largest])
def test_what_decides_a_comparison_is_kept(f):
    # Another sine may differ in the last digit, and then no element would be the largest.
    graph = fn.trace(f, xp.ones(5))
    backward = split_vjp(graph, [0], recompute=True)[1]
    assert "sin" not in [e.primitive.name for e in backward.equations]


def test_masks_of_constants_are_computed_again():
    graph = fn.trace(lambda x: xp.sum(xp.where(xp.sin(x) > 0.0, x * x, x)), xp.ones(5))
    forward, backward = split_vjp(graph, [0], recompute=True)
    assert "greater" in [e.primitive.name for e in backward.equations]
    assert len(forward.outputs) == 2


def test_a_largest_element_in_a_scan_has_its_derivative():
    def f(x):
        def step(c, row):
            y = xp.sin(row * c)
            return xp.max(y) + 0.5 * c, xp.min(y)

        c, lows = fn.scan(step, xp.sum(x[0, :]) * 0.0 + 1.0, x)
        return c + xp.sum(lows)

    x = np.random.default_rng(3).standard_normal((6, 7))
    found = fn.grad(f)(x)
    h = 1e-6
    for i in np.ndindex(*x.shape):
        d = np.zeros_like(x)
        d[i] = h
        np.testing.assert_allclose(found[i], (float(f(x + d)) - float(f(x - d))) / (2 * h), atol=1e-8)
