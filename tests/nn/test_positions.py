"""Layers of positions: what they add, their gradients, and what their errors say."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ParameterError, ShapeError

X = np.random.default_rng(0).standard_normal((2, 5, 4))


def test_sinusoids_are_added():
    y, state = nn.sinusoidal_positions(base=100.0, scale=2.0).apply({}, {}, X)
    np.testing.assert_allclose(
        y, 2 * X + nn.functional.sinusoidal_positions(5, 4, base=100.0, dtype="float64"), rtol=1e-15
    )
    assert state == {}


def test_learned_positions_are_rows_of_a_table():
    layer = nn.learned_positions(7, dtype="float64")
    params, state = layer.init(random.key(0), X)
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], X + params["table"][:5])
    grad = fn.grad(lambda p: xp.sum(layer.apply(p, state, X)[0] ** 2))(params)["table"]
    np.testing.assert_allclose(grad[:5], 2 * (X + params["table"][:5]).sum(axis=0), rtol=1e-13)
    assert not grad[5:].any()
    assert nn.learned_positions().init(random.key(0), X)[0]["table"].shape == (5, 4)


def test_rotation():
    x = X.reshape(1, 5, 2, 4)
    y, _ = nn.rotary_positions(interleaved=True).apply({}, {}, x)
    np.testing.assert_array_equal(y, nn.functional.rotary(x, interleaved=True))


def test_bad_input():
    layer = nn.learned_positions(4)
    with pytest.raises(ShapeError, match=r"(?s)longer than its table.*length 5.*at most 4"):
        layer.init(random.key(0), X)
    params, _ = layer.init(random.key(0), X[:, :4])
    with pytest.raises(ShapeError, match="longer than its table"):
        layer.apply(params, {}, X)
    with pytest.raises(ShapeError, match="wrong number of features"):
        layer.apply(params, {}, X[:, :4, :3])
    with pytest.raises(ParameterError, match="not its own"):
        layer.apply({}, {}, X)
    with pytest.raises(ParameterError, match="greatest length"):
        nn.learned_positions(0)
    for kind in ("sinusoidal_positions", "learned_positions"):
        with pytest.raises(ShapeError, match=f"Layer {kind} got an input without a length"):
            getattr(nn, kind)().init(random.key(0), (4,))
