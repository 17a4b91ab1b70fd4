"""The primitives of attention: the logarithms that they return, and the derivatives of their derivatives."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.backends.attention import Rule
from funcnet.core import bind
from funcnet.ops.nn.attention import attention_p, curvature, slopes_p

RNG = np.random.default_rng
HOW = {"biased": False, "masked": False, "causal": True, "window": 0, "scale": 0.7, "chunk": 2}


def _arrays():
    return tuple(RNG(i).standard_normal(shape) for i, shape in enumerate([(2, 3, 2), (3, 2), (3, 2)]))


def _direct(q, k, v):
    """Return the attention and the logarithms from all scores at once."""
    scores = 0.7 * xp.matmul(q, xp.matrix_transpose(k))
    scores = xp.where(np.tril(np.ones((3, 3), dtype=bool)), scores, -np.inf)
    return xp.matmul(xp.softmax(scores), v), xp.logsumexp(scores, axis=-1)


def test_logarithms_are_results_with_derivatives():
    args = _arrays()
    found, pullback = fn.vjp(lambda *a: bind(attention_p, *a, **HOW), *args)
    wanted, reference = fn.vjp(_direct, *args)
    g = tuple(RNG(i).standard_normal(y.shape) for i, y in enumerate(wanted))
    for cotangents in (g, (g[0], None), (None, g[1])):
        for a, b in zip((*found, *pullback(cotangents)), (*wanted, *reference(cotangents)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("chunk", [1, 2, 8])
def test_curvature_is_the_pullback_of_the_slopes(chunk):
    q, k, v = _arrays()
    out, log = bind(attention_p, q, k, v, **HOW)
    g = RNG(5).standard_normal(out.shape)
    delta = (g * out).sum(axis=-1)
    cts = tuple(RNG(i).standard_normal(a.shape) for i, a in enumerate((q, k, v)))

    def direct(q, k, v, log, delta, g):
        """The formulas of the slopes, from all scores at once."""
        scores = 0.7 * xp.matmul(q, xp.matrix_transpose(k)) - log[..., None]
        p = xp.where(np.tril(np.ones((3, 3), dtype=bool)), xp.exp(scores), 0.0)
        ds = p * (xp.matmul(g, xp.matrix_transpose(v)) - delta[..., None])
        turned = xp.matrix_transpose(ds)
        return (
            0.7 * xp.matmul(ds, k),
            0.7 * xp.sum(xp.matmul(turned, q), axis=0),
            xp.sum(xp.matmul(xp.matrix_transpose(p), g), axis=0),
        )

    values, pullback = fn.vjp(direct, q, k, v, log, delta, g)
    for a, b in zip(bind(slopes_p, q, k, v, log, delta, g, **HOW), values, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    found = curvature(Rule(True, 0, 0.7, chunk), q, k, v, None, None, log, delta, g, *cts)
    assert found[3] is None
    for a, b in zip(found[:3] + found[4:], pullback(cts), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
