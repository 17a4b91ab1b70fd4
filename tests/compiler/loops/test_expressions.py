"""Expressions of generated loops agree with NumPy's where integers overflow or have no fraction."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

needs_numba = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
DTYPES = ["int32", "int64"]


def extremes(dtype: str) -> np.ndarray:
    most = np.iinfo(dtype).max
    return np.array([most, most - 1, -most - 1, -most, most // 2 + 1, most // 3, 0, 1, -1, 3, -7], dtype)


def compare(f: Callable[..., Any], *args: Any, compile: Any = None) -> None:
    graph = optimised(fn.trace(f, *args))
    plan = FusedPlan(graph, compile) if compile else FusedPlan(graph)
    with np.errstate(over="ignore"):
        found, wanted = plan(*args), f(*args)
    assert plan.loops or "whole scan" in plan.calls
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12 if b.dtype == np.float64 else 1e-6)


def wrapped(x: Any, y: Any) -> tuple[Any, ...]:
    both = x + y, x - y, x * y, xp.square(x), x + 2
    return tuple([g(v) for v in both for g in (xp.sign, xp.abs, lambda v: v > 0, lambda v: xp.maximum(v, 1))])


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_integers_that_overflow(dtype: str) -> None:
    x = extremes(dtype)
    compare(wrapped, x, x[::-1].copy())


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_integers_that_overflow_in_steps(dtype: str) -> None:
    x, y = extremes(dtype), extremes(dtype)[::-1].copy()

    def step(c: Any, _: Any) -> Any:
        total = xp.sum(c) if dtype == "int64" else c[0] + c[1]
        return c + 1, (xp.sign(c + 2), xp.abs(c * y), xp.square(c) > 0, total > 0)

    compare(lambda x: fn.scan(step, x, length=3)[1], x)


def test_integers_that_overflow_as_python() -> None:
    x = extremes("int64")
    compare(wrapped, x, x[::-1].copy(), compile=in_python)


@needs_numba
@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
def test_whole_numbers_are_finite(dtype: str) -> None:
    x = np.array([True, False]) if dtype == "bool" else extremes(dtype)
    compare(lambda x: (xp.isnan(x), xp.isinf(x), xp.isfinite(x)), x)


@needs_numba
@pytest.mark.parametrize("dtype", [*DTYPES, "float32", "float64"])
def test_python_integers_of_any_size(dtype: str) -> None:
    x = extremes("int32").astype(dtype)
    numbers = (2**31, -(2**40), 2**40 + 1, 2**63, -(2**64), 10**30)
    compare(lambda x: tuple([y for n in numbers for y in (x < n, x <= n, x == n, x != n, x >= n, x > n)]), x)
    if dtype[0] == "f":
        compare(lambda x: tuple([y for n in numbers for y in (x + n, x * n, xp.where(x > 0, x, n))]), x)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_angles_that_are_whole_numbers(dtype: str) -> None:
    x = extremes(dtype)
    compare(lambda x: (xp.sin(x), xp.cos(x)), x)
    compare(lambda x: fn.scan(lambda c, _: (c, (xp.sin(c), xp.cos(c))), x, length=2)[1], x)
