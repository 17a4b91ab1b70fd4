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


@pytest.mark.parametrize("name", ["std", "norm"])
@pytest.mark.parametrize("axis", [0, 2, (0, 1), (1, 2), (0, 1, 2)])
def test_double_precision_in_units(name: str, axis: Any) -> None:
    """Rows of all sizes, and such whose elements are of all sizes, in one array."""
    x = RNG.normal(size=(6, 7, 5)) + 2.0
    x[1] *= 1e200
    x[2] *= 1e-200
    x[3] *= 10.0 ** RNG.uniform(-300, 300, (7, 5))
    x[4] *= 1e-320
    x[5] = 1.7e308 if name == "norm" else 0.0
    for a in (x, x[:1], x[1:2], x[2:3], x[4:5], x[:, :1], -x):
        f = function(name, axis=axis)
        with np.errstate(all="ignore"):
            plan, found = planned(f, a)
            wanted = exact(name, a, axis, False).astype(np.float64)
            eager = f(a)
        assert not {"std", "vector_norm"} & {*plan.calls}
        # Only differences from a mean that overflows, in the plain function too, are lost.
        close = np.isfinite(eager)
        np.testing.assert_allclose(found[close], wanted[close], rtol=1e-14, atol=1e-322)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(eager))


@pytest.mark.parametrize("name", ["std", "norm"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, 1.7e308])
def test_special_values_of_double_precision(name: str, value: float) -> None:
    x = RNG.normal(size=(3, 5))
    x[1, 2] = value
    x[2] = value if name == "norm" else 0.0
    x[2, 1] = value
    for axis in (0, 1, None):
        f = function(name, axis=axis, keepdims=True)
        with np.errstate(all="ignore"):
            found, wanted = planned(f, x)[1], f(x)
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
        loss = lambda x, f=f: xp.sum(f(x))  # noqa: E731
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(planned(fn.grad(loss), x)[1], fn.grad(loss)(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1])
def test_derivatives_beside_infinite_numbers(axis: int) -> None:
    x = RNG.normal(size=(6, 5)).astype(np.float32)
    x[2, 3] = -np.inf
    f = fn.grad(lambda x: xp.sum(xp.var(x, axis=axis)))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(np.isnan(planned(f, x)[1]), np.isnan(f(x)))
