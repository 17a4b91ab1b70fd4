"""Casts, integer sums, places, triangles and sorted places in steps agree with the interpreter."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import reference, scalars
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no step out, however few numbers it has."""
    monkeypatch.setattr(scalars, "OPERATIONS", 0)


def same(f: Any, *args: Any, compile: Any = reference.in_python) -> None:
    with np.errstate(all="ignore"):
        traced = fn.trace(f, *args)
        wanted = interpret(traced, args)
        plan = FusedPlan(optimised(traced), compile)
        assert plan.calls == ["whole scan"]
        found = plan(*args)
    for a, b in zip(wanted, found, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(b, a)


def each(f: Any, x: Any, compile: Any = reference.in_python) -> None:
    same(lambda x: fn.scan(lambda n, a: (n + 1, f(a)), np.array(0), x)[1], x, compile=compile)


@pytest.mark.parametrize("found", ["float32", "float64"])
@pytest.mark.parametrize("wanted", ["int32", "int64"])
def test_casts(found: str, wanted: str) -> None:
    limits = np.iinfo(wanted)
    edges = [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        1.9,
        -1.9,
        1e30,
        -1e30,
        float(limits.min),
        float(limits.max),
        -(2.0**31) - 0.5,
    ]
    x = np.array([edges, [*edges[::-1]]], found)
    each(lambda a: xp.astype(a, getattr(xp, wanted)), x, build.compiled)


def test_casts_are_places() -> None:
    table, x = RNG.normal(size=11), RNG.uniform(0, 9, size=(3, 40))

    def f(table: Any, x: Any) -> Any:
        def step(c: Any, a: Any) -> Any:
            i = xp.astype(xp.floor(a), xp.int64)
            return c + table[i], table[i + 1]

        return fn.scan(step, np.zeros(40), x)

    same(f, table, x, compile=build.compiled)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), -1])
def test_sums_of_integers(axis: Any) -> None:
    x = RNG.integers(-5, 5, size=(2, 3, 4, 5))
    each(lambda a: xp.sum(a, axis=axis), x)
    each(lambda a: xp.sum(xp.astype(a, xp.int32), axis=axis, keepdims=True), x)
    each(lambda a: xp.sum(a > 0, axis=axis, dtype=xp.int32), x)
    each(lambda a: xp.count_nonzero(a, axis=axis), x)
    each(lambda a: xp.count_nonzero(a > 1, axis=axis, keepdims=True), x)


@pytest.mark.parametrize("place", [xp.argmax, xp.argmin])
def test_places(place: Any) -> None:
    x = RNG.integers(0, 4, size=(3, 6, 7)).astype(float)
    x[0, 1, 3] = x[0, 1, 5] = x[1, 0, 0] = np.nan
    each(lambda a: place(a, axis=-1), x)
    each(lambda a: place(a), x)
    each(lambda a: place(a, axis=1, keepdims=True), x, build.compiled)


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_triangles(k: int) -> None:
    x = RNG.normal(size=(2, 3, 4, 5))
    each(lambda a: xp.tril(a, k=k) - 2 * xp.triu(a, k=k + 1), x)


@pytest.mark.parametrize("side", ["left", "right"])
def test_sorted_places(side: str) -> None:
    x = np.sort(RNG.integers(0, 9, size=(2, 12)).astype(float))
    x[1, -2:] = np.nan
    v = np.array([-1.0, 0, 3, 3.5, 9, np.inf, np.nan])
    each(lambda a: xp.searchsorted(a, v, side=side), x)
    each(lambda a: xp.searchsorted(a, v, side=side), x, build.compiled)
