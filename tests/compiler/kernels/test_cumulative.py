"""Cumulative sums and products and linear recurrences agree with NumPy's kernels, whatever they run along."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.ops.cumulative import linear_recurrence

RNG = np.random.default_rng(3)
SHAPES = [((21, 19), 1), ((37,), 0), ((3, 7, 5), 1), ((6, 40), 0), ((1, 9), 1), ((4, 1, 3), 1), ((9, 1), 1)]
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def planned(f: Any, *arrays: Any, compile: Any) -> Any:
    plan = FusedPlan(optimised(fn.trace(f, *arrays)), compile)
    plan(*[np.full_like(a, 3.0) for a in arrays])
    with np.errstate(all="ignore"):
        return plan.calls, plan(*arrays)[0]


def close(found: Any, wanted: Any, dtype: str) -> None:
    assert found.dtype == wanted.dtype
    tolerance = {"float32": 2e-6, "float64": 1e-14, "int64": 0}[dtype]
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize(("initial", "dtype"), [(False, "float32"), (True, "float64"), (False, "int64")])
def test_as_numpy(in_python: Any, name: str, shape: Any, axis: int, initial: bool, dtype: str) -> None:
    x = RNG.normal(size=shape).astype(dtype) if dtype[0] == "f" else RNG.integers(-3, 4, shape)
    calls, found = planned(lambda x: getattr(xp, name)(x, axis=axis, include_initial=initial), x, compile=in_python)
    assert calls == [f"{name}, one pass"]
    close(found, getattr(np, name)(x, axis=axis, include_initial=initial), dtype)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_backwards_and_on_threads(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, axis: int, threads: int
) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.cumulative._PARALLEL", 1)
    x, w = RNG.normal(size=(2, *shape))
    for initial in (False, True):

        def loss(x: Any, w: Any, initial: bool = initial) -> Any:
            y = xp.cumulative_sum(x, axis=axis, include_initial=initial)
            return xp.sum(y * xp.cumulative_sum(w, axis=axis, include_initial=initial))

        _, found = planned(fn.grad(loss), x, w, compile=in_python)
        close(found, fn.grad(loss)(x, w), "float64")


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lagged", [False, True])
def test_recurrences(in_python: Any, shape: Any, axis: int, reverse: bool, lagged: bool) -> None:
    a, b = RNG.normal(size=(2, *shape))
    calls, found = planned(lambda a, b: linear_recurrence(a, b, axis, reverse, lagged), a, b, compile=in_python)
    assert calls == ["linear_recurrence, one pass"]
    x, y = [np.moveaxis(v, axis, 0)[:: -1 if reverse else 1] for v in (a, b)]
    wanted = np.zeros_like(b)
    z = np.moveaxis(wanted, axis, 0)[:: -1 if reverse else 1]
    for i in range(len(z)):
        z[i] = y[i] + (x[i - lagged] * z[i - 1] if i else 0)
    close(found, wanted, "float64")


def test_zeros_stay_beside_infinite_factors(in_python: Any) -> None:
    a = np.array([[1.0, np.inf, 2.0], [np.inf, 0.0, np.inf]])
    b = np.array([[0.0, 0.0, 5.0], [0.0, 1.0, 0.0]])
    for axis in (0, 1):
        f = lambda a, b, axis=axis: linear_recurrence(a, b, axis)  # noqa: E731
        _, found = planned(f, a, b, compile=in_python)
        np.testing.assert_array_equal(found, f(a, b))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -0.0, 5e-324])
@pytest.mark.parametrize("shape", [(20,), (9, 20), (20, 3)])
def test_special_values(in_python: Any, value: float, shape: Any) -> None:
    x = np.ones(shape)
    x[3] = value
    for name in ("cumulative_sum", "cumulative_prod"):
        _, found = planned(lambda x, name=name: getattr(xp, name)(x, axis=0), x, compile=in_python)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(found, getattr(np, name)(x, axis=0))


def test_what_stays() -> None:
    for x in (np.zeros((3, 0)), np.ones((3, 4), np.int32), np.ones((3, 4), np.complex128)):
        plan = FusedPlan(optimised(fn.trace(lambda x: xp.cumulative_sum(x, axis=1), x)))
        assert plan.calls == ["cumulative_sum"]
        np.testing.assert_array_equal(plan(x)[0], np.cumulative_sum(x, axis=1))


@needs_compiler
@pytest.mark.parametrize(("shape", "axis"), [((1000,), 0), ((70, 130), 1), ((70, 130), 0)])
def test_gradients_of_products_as_machine_code(shape: Any, axis: int) -> None:
    x = 1 + RNG.normal(size=shape) / 30
    x.reshape(-1)[[3, 50]] = 0.0
    loss = lambda x: xp.sum(xp.cumulative_prod(x, axis=axis) ** 2)  # noqa: E731
    plan = FusedPlan(optimised(fn.trace(fn.grad(loss), x)))
    assert "linear_recurrence, one pass" in plan.calls
    np.testing.assert_allclose(plan(x)[0], fn.grad(loss)(x), rtol=1e-11, atol=1e-12)
