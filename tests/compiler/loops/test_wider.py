"""Moments and norms that are summed in double precision agree with exact ones, wherever the plain ones do."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
NAMES = ["var", "std", "norm"]


def function(name: str, **options: Any) -> Any:
    f = xp.linalg.vector_norm if name == "norm" else getattr(xp, name)
    return lambda x: f(x, **options)


def planned(f: Any, x: Any) -> Any:
    plan = FusedPlan(optimised(fn.trace(f, x)), in_python)
    with np.errstate(all="ignore"):
        plan(x)
        return plan, plan(x)[0]


def exact(name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    wide = x.astype(np.longdouble)
    if name == "norm":
        return np.sqrt((wide * wide).sum(axis, keepdims=keepdims))
    return getattr(np, name)(wide, axis=axis, keepdims=keepdims)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), (0, 1, 2), (0, 2), -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_values(name: str, axis: Any, keepdims: bool) -> None:
    x = (RNG.normal(size=(5, 7, 6)) + 100).astype(np.float32)
    _, found = planned(function(name, axis=axis, keepdims=keepdims), x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact(name, x, axis, keepdims), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overflows_vanishes_or_is_left_of_a_constant(name: str) -> None:
    for scale in (1e30, 1e-30):
        x = (RNG.normal(size=(4, 9)) * scale).astype(np.float32)
        if name != "var":
            np.testing.assert_allclose(planned(function(name, axis=1), x)[1], exact(name, x, 1, False), rtol=1e-6)
    constant = np.full((3, 7), 0.1, np.float32)
    if name != "norm":
        for axis in (0, 1):
            assert not planned(function(name, axis=axis), constant)[1].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-45])
def test_special_values(name: str, value: float) -> None:
    x = RNG.normal(size=(3, 5)).astype(np.float32)
    x[1, 2] = value
    x[2] = value
    for axis in (0, 1):
        f = function(name, axis=axis)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(planned(f, x)[1], f(x), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1, 2)])
def test_gradients(name: str, axis: Any) -> None:
    x = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    f = function(name, axis=axis)
    loss = lambda x: xp.sum(f(x) ** 2)  # noqa: E731
    plan, found = planned(fn.grad(loss), x)
    assert "centered" not in plan.calls
    np.testing.assert_allclose(found, fn.grad(loss)(x.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_what_stays() -> None:
    with np.errstate(all="ignore"):
        for x, options in (
            (np.ones((3, 0), np.float32), {"axis": 1}),
            (np.ones((3, 1), np.float32), {"axis": 1, "correction": 1}),
            (np.ones((3, 4)), {"axis": 0}),
        ):
            np.testing.assert_array_equal(planned(function("std", **options), x)[1], function("std", **options)(x))
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    for order in (0, 1, 3, -1, np.inf, -np.inf):
        f = function("norm", axis=1, ord=order)
        np.testing.assert_allclose(planned(f, x)[1], f(x), rtol=1e-6)
