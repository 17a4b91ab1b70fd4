"""A long short-term memory as one operation equals the scan of its cell, in values and two orders of derivatives."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.nn.lstm_sequence import lstm_sequence
from funcnet.testing import check_grads

RNG = np.random.default_rng
SEEN = np.array([[True, False], [True, True], [False, True]])


def _arguments(steps=3, batch=2, size=2):
    rng = RNG(0)
    shapes = (steps, batch, 4 * size), (size, 4 * size), (batch, size), (batch, size)
    return tuple(0.5 * rng.standard_normal(shape) for shape in shapes)


def _scan(projected, kernel, h, c, seen, reverse):
    cell = nn.lstm_cell(kernel.shape[0], bias=False)
    params = {"hidden": {"kernel": kernel}}

    def step(carry, inputs):
        p, inside = inputs
        new, _ = cell.step(params, carry, p)
        new = tree.map(lambda a, b: xp.where(inside[:, None], a, b), new, carry)
        return new, new

    seen = np.ones(projected.shape[:2], dtype=bool) if seen is None else seen
    return fn.scan(step, (h, c), (projected, seen), reverse=reverse)[1]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("seen", [None, SEEN], ids=["all", "some"])
def test_equals_the_scan_of_the_cell(seen, reverse):
    args = _arguments()
    found, pullback = fn.vjp(lambda *a: lstm_sequence(*a, seen=seen, reverse=reverse), *args)
    wanted, reference = fn.vjp(lambda *a: _scan(*a, seen, reverse), *args)
    g = tuple(RNG(i).standard_normal(a.shape) for i, a in enumerate(found))
    for a, b in zip((*found, *pullback(g)), (*wanted, *reference(g)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    # One of the two cotangents may be absent.
    for a, b in zip(pullback((g[0], None)), reference((g[0], None)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seen", [None, SEEN], ids=["all", "some"])
def test_second_derivatives(seen):
    check_grads(lambda *a: lstm_sequence(*a, seen=seen, reverse=True), list(_arguments()), order=2)


def test_batches_of_everything():
    args = _arguments()
    both = tuple(np.stack([a, -a]) for a in args)
    found = fn.vmap(lambda *a: lstm_sequence(*a, seen=SEEN))(*both)
    for one, sign in ((0, 1), (1, -1)):
        wanted = lstm_sequence(*[sign * a for a in args], seen=SEEN)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a[one], b, rtol=1e-12, atol=1e-14)


def test_a_carry_of_another_data_type_is_refused_by_the_layer():
    layer = nn.lstm(2, dtype="float32")
    x = RNG(0).standard_normal((1, 3, 2)).astype("float32")
    params, _ = layer.init(random.key(0), x)
    zeros = np.zeros((1, 2))
    with pytest.raises(fn.errors.DtypeError, match="carry"):
        layer.apply(params, {}, x, carry={"layer_0": (zeros.astype("float32"), zeros)})
    # Parameters and input of different data types are promoted.
    y = layer.apply(params, {}, x.astype("float64"))[0]
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, layer.apply(params, {}, x)[0], rtol=1e-5, atol=1e-6)
