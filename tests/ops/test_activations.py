from collections.abc import Callable
from math import exp, inf, log1p
from typing import Any

import numpy as np
import pytest

from funcnet import ops
from funcnet.testing.backends import BackendCase, backend_params
from funcnet.transforms.forward import jvp
from funcnet.transforms.jitted import jit
from funcnet.transforms.reverse import grad, vjp
from funcnet.xp import special

Measure = Callable[..., tuple[float, list[float], list[list[float]]]]
POINTS = [-80.0, -20.0, -3.0, -0.5, -0.0, 0.0, 0.5, 3.0, 20.0, 80.0]


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


@pytest.mark.parametrize("x", POINTS)
def test_sigmoid(x: float, derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(ops.sigmoid, x)
    p = logistic(x)
    assert y == pytest.approx(p, rel=1e-6)
    assert first == pytest.approx(p * (1 - p), rel=1e-5, abs=1e-7)
    assert second == pytest.approx(p * (1 - p) * (1 - 2 * p), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("x", "y"), [(1e4, 1.0), (-1e4, 0.0), (inf, 1.0), (-inf, 0.0)])
def test_sigmoid_and_softplus_far_out(x: float, y: float, derivatives: Measure) -> None:
    assert derivatives(ops.sigmoid, x) == (y, [0.0], [[0.0]])
    assert derivatives(ops.softplus, x) == (max(x, 0.0), [y], [[0.0]])


@pytest.mark.parametrize("dtype", ["uint8", "uint64", "int8", "int64", "bool"])
@pytest.mark.parametrize("function", [ops.sigmoid, ops.softplus, special.expit, special.log_expit])
def test_integers_without_negative_ones(function: Any, dtype: str) -> None:
    low = 0 if dtype == "bool" else np.iinfo(dtype).min
    x = np.array([low, 0, 1] if dtype == "bool" else [low, 0, 3], dtype)
    for y in (function(x), jit(function)(x), np.stack([function(v) for v in x])):
        np.testing.assert_allclose(y, function(x.astype(np.float64)), rtol=1e-15)


def test_nothing_warns_far_out() -> None:
    x = np.array([-1e4, -800.0, -100.0, 100.0, 800.0, 1e4, -inf, inf])
    for dtype in (np.float16, np.float32, np.float64):
        v = np.clip(x, -6e4, 6e4).astype(dtype)
        for function in (ops.sigmoid, ops.softplus, ops.relu):
            y, pullback = vjp(function, v)
            assert y.dtype == dtype
            assert np.isfinite(y).all()
            assert np.isfinite(pullback(np.ones(8, dtype))[0]).all()


def test_sigmoid_keeps_the_digits_of_small_results() -> None:
    x = np.array([-700.0, -300.0, -40.0])
    np.testing.assert_allclose(ops.sigmoid(x), np.exp(x), rtol=1e-13)
    np.testing.assert_allclose(ops.softplus(x), np.exp(x), rtol=1e-13)


@pytest.mark.parametrize("x", POINTS)
def test_softplus(x: float, derivatives: Measure) -> None:
    y, (first,), ((second,),) = derivatives(ops.softplus, x)
    p = logistic(x)
    assert y == pytest.approx(max(x, 0.0) + log1p(exp(-abs(x))), rel=1e-6)
    assert first == pytest.approx(p, rel=1e-6)
    assert second == pytest.approx(p * (1 - p), rel=1e-5, abs=1e-7)


def test_relu(derivatives: Measure) -> None:
    assert derivatives(ops.relu, 2.0) == (2.0, [1.0], [[0.0]])
    assert derivatives(ops.relu, -2.0) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.relu, 0.0) == (0.0, [0.0], [[0.0]])
    assert derivatives(ops.relu, inf) == (inf, [1.0], [[0.0]])
    assert derivatives(ops.relu, -inf) == (0.0, [0.0], [[0.0]])
    assert np.isnan(ops.relu(np.float32(np.nan)))
    np.testing.assert_array_equal(ops.relu(np.array([-3, 4], np.int8)), np.array([0, 4], np.int8))


def test_relu_of_a_large_array() -> None:
    x = np.random.default_rng(0).normal(size=(64, 100)).astype(np.float32)
    y, pullback = vjp(ops.relu, x)
    ct = pullback(x)[0]
    assert ct.dtype == np.float32
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(ct, np.maximum(x, 0))
    np.testing.assert_array_equal(jvp(ops.relu, (x,), (x,))[1], y)


@pytest.mark.parametrize("case", backend_params())
def test_values_and_gradients_on_every_backend(case: BackendCase) -> None:
    x, w = np.float32([-1e4, -2, 0, 0.5, 90, 1e4]), np.float32([1, 2, 3, 4, 5, 6])

    def loss(v: Any, weights: Any) -> Any:
        total = ops.add(ops.sigmoid(v), ops.add(ops.softplus(v), ops.relu(v)))
        return ops.sum_over(ops.multiply(total, weights), (0,))

    expected = grad(loss)(x, w)
    with case.active():
        found = grad(loss)(case.asarray(x), case.asarray(w))
        for function in (ops.sigmoid, ops.softplus, ops.relu):
            y = case.to_numpy(function(case.asarray(x)))
            np.testing.assert_allclose(y, function(x), rtol=1e-6, atol=1e-38)
    np.testing.assert_allclose(case.to_numpy(found), expected, rtol=1e-5)
