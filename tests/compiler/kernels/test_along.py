"""Elements that are taken and added along an axis agree with the plain kernels, errors included."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
SHAPES = [((6, 7), 1, 9), ((6, 7), 0, 3), ((3, 5, 4), 1, 8), ((11,), 0, 20), ((2, 1, 5), 1, 4)]
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def arrays(shape: Any, axis: int, m: int, dtype: str, kind: str) -> Any:
    few = (*shape[:axis], m, *shape[axis + 1 :])
    x = RNG.normal(size=shape).astype(dtype)
    x.reshape(-1)[:3] = [np.nan, -0.0, np.inf]
    return x, RNG.integers(-shape[axis], shape[axis], few).astype(kind), RNG.normal(size=few).astype(dtype)


def checked(x: Any, places: Any, w: Any, axis: int, compile: Any) -> None:
    take = lambda x, i: xp.take_along_axis(x, i, axis=axis)  # noqa: E731
    plan = FusedPlan(optimised(fn.trace(take, x, places)), compile)
    assert plan.calls == ["take_along_axis, element by element"]
    np.testing.assert_array_equal(plan(x, places)[0], np.take_along_axis(x, places.astype("int64"), axis))
    slope = fn.grad(lambda x, i, w: xp.sum(take(x, i) * w))
    plan = FusedPlan(optimised(fn.trace(slope, x, places, w)), compile)
    assert "add_along_axis, element by element" in plan.calls
    for _ in range(2):
        wanted = np.zeros_like(x)
        for at in np.ndindex(*places.shape):
            to = (*at[:axis], places[at], *at[axis + 1 :])
            wanted[to] += w[at]
        np.testing.assert_allclose(plan(x, places, w)[0], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("shape", "axis", "m"), SHAPES)
@pytest.mark.parametrize(("dtype", "kind"), [("float32", "int64"), ("float64", "int32")])
@pytest.mark.parametrize("threads", [1, 2])
def test_as_numpy(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, axis: int, m: int, dtype: str, kind: str, threads: int
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.along._PARALLEL", 1)
    x, places, w = arrays(shape, axis, m, dtype, kind)
    checked(x, places, w, axis, in_python)


@pytest.mark.parametrize("wrong", [5, -6, 2**40])
@pytest.mark.parametrize("axis", [0, 1])
def test_indices_out_of_range(in_python: Any, wrong: int, axis: int) -> None:
    x, places = RNG.normal(size=(5, 5)), RNG.integers(0, 5, (5, 5))
    places[2, 3] = wrong
    f = lambda x, i: xp.take_along_axis(x, i, axis=axis)  # noqa: E731
    plan = FusedPlan(optimised(fn.trace(f, x, places)), in_python)
    with pytest.raises(IndexError):
        f(x, places)
    with pytest.raises(IndexError):
        plan(x, places)
    places[2, 3] = 4
    np.testing.assert_array_equal(plan(x, places)[0], np.take_along_axis(x, places, axis))


def test_what_stays(in_python: Any) -> None:
    x = np.arange(12).reshape(3, 4)
    for a, i in ((x, x % 4), (x[:, :0] * 1.0, x[:, :0]), (x * 1.0, x[:, :0])):
        plan = FusedPlan(optimised(fn.trace(lambda x, i: xp.take_along_axis(x, i, axis=1), a, i)), in_python)
        assert plan.calls == ["take_along_axis"]
        np.testing.assert_array_equal(plan(a, i)[0], np.take_along_axis(a, i, 1))


@needs_compiler
@pytest.mark.parametrize("axis", [0, 1])
def test_as_machine_code(axis: int) -> None:
    x, places, w = arrays((90, 70), axis, 80, "float32", "int64")
    checked(x, places, w, axis, build.compiled)
    places[3, 3] = 10**12
    plan = FusedPlan(optimised(fn.trace(lambda x, i: xp.take_along_axis(x, i, axis=axis), x, places)))
    with pytest.raises(IndexError):
        plan(x, places)
