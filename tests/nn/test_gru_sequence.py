"""Gated recurrent units as one operation equal the scan of their cell, in values and two orders of derivatives."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.nn.gru_sequence import gru_sequence
from funcnet.testing import check_grads

RNG = np.random.default_rng
SEEN = np.array([[True, False], [True, True], [False, True]])


def _arguments(steps=3, batch=2, size=2):
    rng = RNG(0)
    shapes = (steps, batch, 3 * size), (size, 3 * size), (size,), (batch, size)
    return tuple(0.5 * rng.standard_normal(shape) for shape in shapes)


def _scan(projected, kernel, bias, h, seen, reverse):
    cell = nn.gru_cell(kernel.shape[0])
    params = {"hidden": {"kernel": kernel, "bias": bias}}

    def step(carry, inputs):
        p, inside = inputs
        new, _ = cell.step(params, carry, p)
        new = xp.where(inside[:, None], new, carry)
        return new, new

    seen = np.ones(projected.shape[:2], dtype=bool) if seen is None else seen
    return fn.scan(step, h, (projected, seen), reverse=reverse)[1]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("seen", [None, SEEN], ids=["all", "some"])
def test_equals_the_scan_of_the_cell(seen, reverse):
    args = _arguments()
    found, pullback = fn.vjp(lambda *a: gru_sequence(*a, seen=seen, reverse=reverse), *args)
    wanted, reference = fn.vjp(lambda *a: _scan(*a, seen, reverse), *args)
    g = RNG(5).standard_normal(found.shape)
    for a, b in zip((found, *pullback(g)), (wanted, *reference(g)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seen", [None, SEEN], ids=["all", "some"])
def test_second_derivatives(seen):
    check_grads(lambda *a: gru_sequence(*a, seen=seen, reverse=True), list(_arguments()), order=2)


def test_batches_of_everything():
    args = _arguments()
    both = tuple(np.stack([a, -a]) for a in args)
    found = fn.vmap(lambda *a: gru_sequence(*a, seen=SEEN))(*both)
    for one, sign in ((0, 1), (1, -1)):
        wanted = gru_sequence(*[sign * a for a in args], seen=SEEN)
        np.testing.assert_allclose(found[one], wanted, rtol=1e-12, atol=1e-14)
