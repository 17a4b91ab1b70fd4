"""Products along axes agree with NumPy's, and with exact ones where the order in which vectors multiply matters."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(5)
pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def planned(x: Any, axis: Any, *, keepdims: bool = False, calls: bool = True) -> Any:
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.prod(x, axis=axis, keepdims=keepdims), x)))
    assert ("prod, one pass" in plan.calls) is calls
    plan(np.full_like(x, 3.0))
    return plan(x)[0]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((23,), None), ((700,), 0), ((5, 31), 1), ((5, 31), 0), ((5, 31), None), ((3, 4, 5), 1), ((3, 4, 5), (1, 2))],
)
def test_as_numpy(monkeypatch: pytest.MonkeyPatch, shape: Any, axis: Any, dtype: str, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.prods._PARALLEL", 9)
    x = (np.exp(RNG.normal(size=shape)) * RNG.choice([-1, 1], shape)).astype(dtype)
    for keepdims in (False, True):
        found = planned(x, axis, keepdims=keepdims)
        wanted = np.prod(x.astype(np.longdouble), axis=axis, keepdims=keepdims)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted.astype(dtype), rtol=x.size * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_no_ordinary_number(monkeypatch: pytest.MonkeyPatch, dtype: str, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.prods._PARALLEL", 9)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    rows = RNG.uniform(0.9, 1.1, (9, 300))
    rows[1, [7, 90]] = 0.0, -1.0
    rows[2, 11], rows[3, [5, 8]], rows[4, 200] = np.nan, [np.inf, -1.0], -np.inf
    rows[5, [3, 4]] = np.inf, 0.0
    rows[6, 2], rows[7, 2] = tiny, -0.0
    x = rows.astype(dtype)
    with np.errstate(all="ignore"):
        for a, axis in ((x, 1), *[(row, 0) for row in x]):
            found, wanted = planned(a, axis), np.prod(a, axis=axis)
            np.testing.assert_allclose(found, wanted, rtol=2e-4 if dtype == "float32" else 1e-12, atol=tiny)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_of_vectors_that_leave_the_range(monkeypatch: pytest.MonkeyPatch, dtype: str, threads: int) -> None:
    """Every other factor is large, so that parts of a vector overflow and others vanish."""
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr("funcnet.compiler.kernels.prods._PARALLEL", 9)
    big = 2.0**100 if dtype == "float32" else 2.0**900
    x = np.tile(np.array([big, 1 / big], dtype), 1500)
    x[:3] *= 3
    for a in (x, -x, np.append(x, dtype_of(-5, dtype))):
        np.testing.assert_array_equal(planned(a, None), np.prod(a.astype(np.longdouble)).astype(dtype))
    ends = np.array([[big, big, big] * 8, [1 / big, 1 / big, -1 / big] * 8], dtype)
    np.testing.assert_array_equal(planned(ends, 1), [np.inf, 0.0])
    # Between the smallest number that has all of its digits and the smallest of all.
    low = np.repeat(np.array([0.5], dtype), 140 if dtype == "float32" else 1060)
    np.testing.assert_array_equal(planned(low, 0), np.prod(low))


def dtype_of(x: float, dtype: str) -> Any:
    return np.dtype(dtype).type(x)


def test_what_stays_with_numpy() -> None:
    x = RNG.normal(size=(4, 5, 6))
    np.testing.assert_allclose(planned(x, (0, 2), calls=False), np.prod(x, axis=(0, 2)))
    np.testing.assert_array_equal(planned(np.zeros((0, 3)), 0, calls=False), np.ones(3))
    np.testing.assert_array_equal(planned(np.arange(1, 7), 0, calls=False), 720)
