"""Instance normalisation with statistics in its state. What PyTorch does as well is in test_normalization.py."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, tree, xp
from funcnet.errors import ParameterError, ShapeError
from funcnet.testing.backends import backend_params

X = np.random.default_rng(0).standard_normal((3, 4, 5, 6))


def test_average_of_all_steps():
    layer = nn.instance_norm(track=True, decay=None, dtype="float64")
    params, state = layer.init(random.key(0), X.shape)
    assert set(state) == {"count", "mean", "var"}
    for x in (X, X * 2 + 1, X - 3):
        state = layer.apply(params, state, x, train=True)[1]
    assert state["count"] == 3
    np.testing.assert_allclose(state["mean"], np.mean([x.mean((0, 1, 2)) for x in (X, X * 2 + 1, X - 3)], 0))
    variance = X.reshape(3, 20, 6).var(1, ddof=1).mean(0)
    np.testing.assert_allclose(state["var"], variance * (1 + 4 + 1) / 3)


def test_the_old_state_is_untouched_and_has_no_derivative():
    layer = nn.instance_norm(track=True, dtype="float64")
    params, state = layer.init(random.key(0), X.shape)
    before = tree.map(np.copy, state)

    def f(x):
        after = layer.apply(params, state, x, train=True)[1]
        return xp.sum(after["mean"]) + xp.sum(after["var"]) + 0.0 * xp.sum(x)

    np.testing.assert_array_equal(fn.grad(f)(X), 0)
    for entry in state:
        np.testing.assert_array_equal(state[entry], before[entry])
    assert layer.apply(params, state, X)[1] is state


def test_channels_first():
    first, last = (nn.instance_norm(axis=axis, track=True, dtype="float64") for axis in (1, -1))
    params, state = first.init(random.key(0), X.shape)
    moved = np.moveaxis(X, 1, -1)
    for train in (True, False):
        y, after = first.apply(params, state, X, train=train)
        expected, wanted = last.apply(params, state, moved, train=train)
        np.testing.assert_allclose(np.moveaxis(y, 1, -1), expected, rtol=1e-12, atol=1e-12)
        for entry in wanted:
            np.testing.assert_allclose(after[entry], wanted[entry], rtol=1e-12)


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    layer = nn.sequential(nn.instance_norm(track=True))
    x = X.astype("float32")
    params, state = layer.init(random.key(0), x.shape)
    expected = tree.leaves(layer.apply(params, state, x, train=True))
    with case.active():
        params, state = layer.init(random.key(0), x.shape)
        found = tree.leaves(layer.apply(params, state, case.asarray(x, "float32"), train=True))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(case.to_numpy(a), b, rtol=1e-5, atol=1e-6)


def test_statistics_of_half_precision_are_wider():
    layer = nn.instance_norm(track=True, dtype="float16")
    params, state = layer.init(random.key(0), X.shape)
    y, after = layer.apply(params, state, X.astype("float16"), train=True)
    assert (y.dtype, after["mean"].dtype, after["var"].dtype) == (np.float16, np.float32, np.float32)


@pytest.mark.parametrize("shape", [(3, 1, 1, 6), (0, 4, 5, 6)])
def test_statistics_of_nothing_are_refused(shape):
    layer = nn.instance_norm(track=True)
    params, state = layer.init(random.key(0), (3, 4, 5, 6))
    with pytest.raises(ShapeError, match="needs more than one element in each channel of an example in training"):
        layer.apply(params, state, np.zeros(shape, "float32"), train=True)
    assert layer.apply(params, state, np.zeros(shape, "float32"))[0].shape == shape


def test_state_of_another_layer():
    params, state = nn.instance_norm(track=True).init(random.key(0), X.shape)
    for layer, wrong in ((nn.instance_norm(track=True), {}), (nn.instance_norm(track=True, decay=None), state)):
        with pytest.raises(ParameterError, match="needs its own state"):
            layer.apply(params, wrong, X)
