"""NumPy kernels of pooling: memory layouts, data types, and windows of many places."""

from itertools import product

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, xp
from funcnet.core import bind
from funcnet.ops.nn.pool_primitives import max_pool_p, max_pool_places_p, max_pool_spread_p

PARAMS = {"axes": (1,), "window": (3,), "strides": (2,), "dilation": (1,), "low": (1,), "sizes": (3,)}


def brute_force(x, window, stride, low, sizes):
    """Return the maxima and the gradient of their sum, element by element."""
    y, g = np.empty((x.shape[0], *sizes, x.shape[3]), x.dtype), np.zeros_like(x)
    for n, i, j, c in product(range(x.shape[0]), range(sizes[0]), range(sizes[1]), range(x.shape[3])):
        places = [(i * stride + a - low, j * stride + b - low) for a, b in product(range(window), repeat=2)]
        places = [(r, k) for r, k in places if 0 <= r < x.shape[1] and 0 <= k < x.shape[2]]
        values = [x[n, r, k, c] for r, k in places]
        best = places[int(np.argmax(values))]
        y[n, i, j, c] = x[n, *best, c]
        g[n, *best, c] += 1
    return y, g


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("layout", ["C", "F", "reversed", "strided", "broadcast"])
def test_layouts_and_data_types(layout, dtype):
    x = np.random.default_rng(0).integers(-5, 5, (2, 7, 6, 3)).astype(dtype)
    if layout == "F":
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = x[:, ::-1, ::-1]
    elif layout == "strided":
        x = np.repeat(x, 2, axis=2)[:, :, ::2]
    elif layout == "broadcast":
        x = np.broadcast_to(x[:1], x.shape)
    before = x.copy()
    y, pullback = fn.vjp(lambda x: nn.functional.max_pool(x, 3, stride=2, padding=1), x)
    expected, gradient = brute_force(x, 3, 2, 1, (4, 3))
    np.testing.assert_array_equal(y, expected)
    (g,) = pullback(np.ones_like(y))
    np.testing.assert_array_equal(g, gradient)
    assert y.dtype == g.dtype == x.dtype
    np.testing.assert_array_equal(x, before)


def test_windows_of_more_than_255_places():
    x = np.random.default_rng(0).standard_normal((1, 20, 20, 2))
    x[0, 16, 16] = 9.0
    twice = {"axes": (1, 2), "window": (17, 17), "strides": (1, 1), "dilation": (1, 1), "low": (0, 0), "sizes": (4, 4)}
    places = bind(max_pool_places_p, x, bind(max_pool_p, x, **twice), **twice)
    assert places.dtype == np.int32
    assert places.max() == 17 * 17 - 1
    y, pullback = fn.vjp(lambda x: nn.functional.max_pool(x, 17, stride=1), x)
    expected, gradient = brute_force(x, 17, 1, 0, (4, 4))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pullback(np.ones_like(y))[0], gradient)


def test_places_that_no_window_has():
    # Every place beyond the first two lies outside of the array.
    x = np.array([[[1.0], [3.0]]])
    params = PARAMS | {"sizes": (1,), "low": (0,), "window": (9,)}
    places = bind(max_pool_places_p, x, bind(max_pool_p, x, **params), **params)
    assert places.ravel().tolist() == [1]


def test_a_cotangent_that_is_a_view():
    places = np.zeros((2, 3, 1), dtype=np.uint8) + 1
    g = np.broadcast_to(np.float32(2.0), (2, 3, 1))
    out = bind(max_pool_spread_p, g, places, lengths=(5,), **PARAMS)
    np.testing.assert_array_equal(out[..., 0], [[2, 0, 2, 0, 2]] * 2)


def test_the_result_is_no_view_of_the_input():
    x = np.ones((1, 4, 4, 1))
    y = nn.functional.max_pool(x, 1)
    assert not np.shares_memory(x, y)
    assert not np.shares_memory(x, nn.functional.avg_pool(x, 1))


def test_a_window_over_everything():
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    np.testing.assert_array_equal(nn.functional.max_pool(x, (5, 4))[:, 0, 0], x.max((1, 2)))
    np.testing.assert_allclose(nn.functional.avg_pool(x, (5, 4))[:, 0, 0], x.mean((1, 2)), rtol=1e-14)
    g = fn.grad(lambda x: xp.sum(nn.functional.max_pool(x, (5, 4))))(x)
    np.testing.assert_array_equal(g, x == x.max((1, 2), keepdims=True))
