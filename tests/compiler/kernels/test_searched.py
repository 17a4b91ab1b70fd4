"""Places in sorted arrays are the library's."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
NAME = "searchsorted, many at a time"


def checked(compile: Any, a: Any, v: Any, side: Any) -> None:
    graph = optimised(fn.trace(lambda a, v: xp.searchsorted(a, v, side=side), a, v))
    plan = FusedPlan(graph, compile)
    assert plan.calls == [NAME]
    (found,), (wanted,) = plan(a, v), interpret(graph, (a, v))
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(found, np.searchsorted(a, v, side))
    assert found.dtype == wanted.dtype


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 19])
@pytest.mark.parametrize("threads", [1, 2])
def test_as_numpy(in_python: Any, monkeypatch: pytest.MonkeyPatch, side: str, dtype: str, n: int, threads: int) -> None:
    """Elements that are equal, and those before the first and after the last."""
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.searched._PARALLEL", 1)
    a, v = np.sort(RNG.integers(0, 9, n)).astype(dtype), RNG.integers(-1, 11, (7, 10)).astype(dtype)
    checked(in_python, a, v, side)


@pytest.mark.parametrize("side", ["left", "right"])
def test_not_a_number_is_largest(in_python: Any, side: str) -> None:
    v = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 2.5])
    for a in ([-np.inf, -0.0, 0.0, 1.0, np.inf, np.nan, np.nan], [np.nan, np.nan], [0.0, np.inf]):
        checked(in_python, np.array(a), v, side)


def test_what_stays(in_python: Any) -> None:
    a, v, order = np.array([2.0, 1.0]), np.array([1.5]), np.array([1, 0])
    for f, args in (
        (lambda a, v, o: xp.searchsorted(a, v, sorter=o), (a, v, order)),
        (lambda a, v: xp.searchsorted(a, v), (a[:0], v)),
        (lambda a, v: xp.searchsorted(a, v), (np.sort(a), v.astype("float32"))),
    ):
        graph = optimised(fn.trace(f, *args))
        plan = FusedPlan(graph, in_python)
        assert NAME not in plan.calls
        np.testing.assert_array_equal(plan(*args)[0], interpret(graph, args)[0])


@pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")
@pytest.mark.parametrize("side", ["left", "right"])
def test_compiled(side: str) -> None:
    a, v = np.sort(RNG.normal(size=1000).round(2)), RNG.normal(size=3000).round(2)
    a[-3:] = v[::500] = np.nan
    checked(build.compiled, a, v, side)
