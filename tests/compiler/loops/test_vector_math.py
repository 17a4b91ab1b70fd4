"""Functions of generated loops against arithmetic of many digits, and where others take over."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

mpmath = pytest.importorskip("mpmath", reason="mpmath is not installed")
pytestmark = [
    pytest.mark.skipif(
        bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="Numba is not installed"
    ),
    pytest.mark.skipif(bool(np.finfo(np.longdouble).eps > 1e-18), reason="No numbers of more than double precision"),
]
RNG = np.random.default_rng(0)


def planned(f: Callable[..., Any], *arrays: np.ndarray) -> Any:
    plan = FusedPlan(optimised(fn.trace(f, *arrays)))
    assert len(plan.loops) == 1
    with np.errstate(all="ignore"):
        found = plan(*arrays)
    return found if len(plan.graph.outputs) > 1 else found[0]  # pyright: ignore[reportGeneralTypeIssues]


def exact(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    with mpmath.workprec(1200):
        return np.array([np.longdouble(mpmath.nstr(f(mpmath.mpf(float(v))), 25)) for v in x])


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference in units in the last place."""
    return float(np.max(np.abs(found - wanted) / np.spacing(np.abs(wanted.astype(found.dtype)))))


@pytest.mark.parametrize(("dtype", "most"), [("float32", 3e4), ("float64", 1e9)])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine(name: str, dtype: str, most: float) -> None:
    near = np.arange(-300, 300) * np.pi / 2
    x = np.concatenate([np.linspace(-20, 20, 1001), RNG.uniform(-most, most, 500), near]).astype(dtype)
    beyond = np.concatenate([x, (10.0 ** RNG.uniform(-30, 30, 200)).astype(dtype), np.array([most, -2 * most], dtype)])
    for a in (x, beyond):
        assert error(planned(getattr(xp, name), a), exact(getattr(mpmath, name), a)) < 2
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    with np.errstate(invalid="ignore"):
        wanted = getattr(np, name)(special)
    found = planned(getattr(xp, name), special)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found[:2]), np.signbit(wanted[:2]))


def test_error_function() -> None:
    x = np.concatenate([np.linspace(-7, 7, 2001), 10.0 ** np.linspace(-300, 0, 200)])
    assert error(planned(xp.special.erf, x), exact(mpmath.erf, x)) < 4
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(planned(xp.special.erf, ends), [0.0, -0.0, 1.0, -1.0, np.nan])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_reads_the_results_of_large_arguments(dtype: str) -> None:
    """Results that were computed again are what sums, other columns and later functions see."""
    x = RNG.normal(size=(80, 30)).astype(dtype)
    x[3, 4], x[70, 29] = 1e20, -3e12
    w = RNG.normal(size=30).astype(dtype)

    def f(x: Any, w: Any) -> Any:
        y = xp.sin(x * 1.5)
        z = xp.cos(y + x) * w
        return (
            y,
            xp.sum(z, axis=1),
            xp.sum(y * w, axis=0),
            xp.sum(y),
            xp.concat([y, z], axis=1),
            xp.sin(xp.sum(x, axis=1)),
            xp.max(z, axis=1),
        )

    with np.errstate(all="ignore"):
        found, wanted = planned(f, x, w), f(x, w)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_derivatives_of_large_arguments() -> None:
    x = np.concatenate([RNG.normal(size=500), [1e15, -1e300]])
    found = planned(fn.grad(lambda x: xp.sum(xp.sin(x) * 2.0)), x)
    np.testing.assert_allclose(found, 2 * exact(mpmath.cos, x).astype("float64"), rtol=1e-14, atol=1e-15)


def test_pairs_with_angles() -> None:
    x = RNG.normal(size=(40, 3))
    x[5, 1] = 1e12

    def f(x: Any) -> Any:
        d = xp.sin(x[:, None] - x[None])
        return xp.sum(d * d, axis=1), xp.sum(d, axis=0)

    with np.errstate(all="ignore"):
        for a, b in zip(FusedPlan(optimised(fn.trace(f, x)))(x), f(x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
