"""Tangents, arcs and hyperbolic functions in loops, against arithmetic of many digits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.passes import optimised

mpmath = pytest.importorskip("mpmath", reason="mpmath is not installed")
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
N = 60
Numbers = Callable[[np.random.Generator, bool], list[np.ndarray]]


def small(rng: np.random.Generator, low: float = -12) -> np.ndarray:
    return 10.0 ** rng.uniform(low, 0, N) * rng.choice([-1.0, 1.0], N)


def _inside(rng: np.random.Generator, single: bool) -> list[np.ndarray]:
    return [rng.uniform(-1, 1, N), small(rng), 1 - np.abs(small(rng, -6 if single else -15))]


def _anywhere(rng: np.random.Generator, single: bool) -> list[np.ndarray]:
    return [rng.normal(size=N) * 2, small(rng), 1 / small(rng, -37 if single else -300)]


#: Numbers, and the largest error in units in the last place.
FUNCTIONS: dict[str, tuple[Numbers, float]] = {
    "acos": (_inside, 3),
    "acosh": (lambda rng, single: [1 + np.abs(a) for a in _anywhere(rng, single)], 3),
    "asin": (_inside, 3),
    "asinh": (_anywhere, 3),
    "atan": (_anywhere, 3),
    "atanh": (_inside, 3),
    "cosh": (lambda rng, single: [rng.uniform(-1, 1, N) * (89.4 if single else 710.4), rng.normal(size=N)], 3),
    "sinh": (
        lambda rng, single: [rng.uniform(-1, 1, N) * (89.4 if single else 710.4), rng.normal(size=N), small(rng)],
        3,
    ),
    "tan": (
        lambda rng, _: [rng.uniform(-20, 20, N), np.arange(-30, 30) * np.pi / 4, small(rng), 1e4 * small(rng, -4)],
        3,
    ),
}


def planned(f: Any, *arrays: np.ndarray) -> Any:
    plan = FusedPlan(optimised(fn.trace(f, *arrays)), in_python)
    assert len(plan.loops) == 1
    assert not plan.calls
    return plan(*arrays)


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str, dtype: str, loops: Any) -> None:
    numbers, most = FUNCTIONS[name]
    x = np.concatenate(numbers(np.random.default_rng(1), dtype == "float32")).astype(dtype)
    exact = getattr(mpmath, name)
    with mpmath.workdps(40):
        wanted = np.array([np.longdouble(mpmath.nstr(mpmath.re(exact(mpmath.mpf(float(v)))), 25)) for v in x])
    (found,) = planned(getattr(xp, name), x)
    assert found.dtype == dtype
    assert loops.error(found, wanted) <= most


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_ends(name: str, dtype: str, loops: Any) -> None:
    ends = loops.ends(dtype)
    if name == "tan":
        ends = ends[(np.abs(ends) < 100) | ~np.isfinite(ends)]
    (found,) = planned(getattr(xp, name), ends)
    with np.errstate(all="ignore"):
        loops.same(found, getattr(np, name)(ends))


@BOTH
def test_tangents_of_large_arguments(dtype: str) -> None:
    x = np.array([1.0, -3e20, 2.0, 1e12], dtype)
    np.testing.assert_allclose(planned(xp.tan, x)[0], np.tan(x), rtol=1e-6 if dtype == "float32" else 1e-14)


def test_derivatives_are_one_loop() -> None:
    x = np.random.default_rng(2).uniform(0.1, 0.9, 200)
    for name in FUNCTIONS:
        f = getattr(xp, name)
        shift = 1.0 if name == "acosh" else 0.0

        def g(x: Any, f: Any = f, shift: float = shift) -> Any:
            return fn.value_and_grad(lambda x: xp.sum(f(x + shift)))(x)

        for a, b in zip(planned(g, x), g(x), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
