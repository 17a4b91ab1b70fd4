"""Error functions and the normal distribution in loops, against arithmetic of many digits."""

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
special = pytest.importorskip("scipy.special", reason="SciPy is not installed")
pytestmark = [
    pytest.mark.skipif(
        bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="Numba is not installed"
    ),
    pytest.mark.skipif(bool(np.finfo(np.longdouble).eps > 1e-18), reason="No numbers of more than double precision"),
]
N = 120
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
Numbers = Callable[[np.random.Generator, bool], list[np.ndarray]]


def small(rng: np.random.Generator, low: float) -> np.ndarray:
    return 10.0 ** rng.uniform(low, 0, N)


def _erfcx(x: Any) -> Any:
    if x < 50:
        return mpmath.exp(x * x) * mpmath.erfc(x)
    terms = [(-1) ** k * mpmath.fac2(2 * k - 1) / (2 * x * x) ** k for k in range(15)]
    return mpmath.fsum(terms) / (x * mpmath.sqrt(mpmath.pi))


def _erfcinv(c: Any) -> Any:
    """Return what has the complement c, by Newton's method."""
    if c > 1:
        return -_erfcinv(2 - c)
    if c > 0.5:
        return mpmath.erfinv(1 - c)
    y = mpmath.sqrt(-mpmath.log(c))
    for _ in range(100):
        step = (mpmath.erfc(y) - c) * mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
        step = step / (1 + y * step) if abs(y * step) < 0.5 else step
        y += step
        if abs(step) < 1e-32:
            break
    return y


def _ndtr(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


#: Values, numbers, and the largest error in units in the last place.
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Numbers, float]] = {
    "erf": (mpmath.erf, lambda rng, _: [rng.uniform(-6, 6, N), small(rng, -30)], 4),
    "erfc": (
        mpmath.erfc,
        lambda rng, single: [rng.uniform(-5, 9 if single else 26, N), rng.uniform(-0.6, 0.6, N), small(rng, -30)],
        5.5,
    ),
    "erfcx": (_erfcx, lambda rng, _: [rng.uniform(-9, 30, N), small(rng, -30), 1 / small(rng, -30)], 5.5),
    "ndtr": (_ndtr, lambda rng, single: [rng.uniform(-12.5 if single else -37, 9, N), rng.normal(size=N)], 5.5),
    "log_ndtr": (
        lambda x: mpmath.log(_ndtr(x)) if x < 0 else mpmath.log1p(-_ndtr(-x)),
        lambda rng, single: [rng.uniform(-60, 6 if single else 14, N), rng.normal(size=N), -1 / small(rng, -10)],
        5,
    ),
    "erfinv": (
        lambda x: mpmath.erfinv(x) if abs(x) < 0.5 else mpmath.sign(x) * _erfcinv(1 - abs(x)),
        lambda rng, single: [rng.uniform(-1, 1, N), 1 - small(rng, -7 if single else -15.9), small(rng, -30)],
        4,
    ),
    "erfcinv": (
        _erfcinv,
        lambda rng, single: [rng.uniform(0.01, 1.99, N), small(rng, -37 if single else -300)],
        5,
    ),
    "ndtri": (
        lambda x: -mpmath.sqrt(2) * _erfcinv(2 * x),
        lambda rng, single: [rng.uniform(0.01, 0.99, N), small(rng, -37 if single else -300) / 2],
        5.5,
    ),
}


def exact(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    with mpmath.workdps(40):
        return np.array([np.longdouble(mpmath.nstr(f(mpmath.mpf(float(v))), 25)) for v in x])


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str, dtype: str, loops: Any) -> None:
    f, numbers, most = FUNCTIONS[name]
    x = np.concatenate(numbers(np.random.default_rng(1), dtype == "float32")).astype(dtype)
    x = x[np.abs(x) < 1] if name == "erfinv" else x
    found = loops.run(getattr(xp.special, name), x)
    assert found.dtype == dtype
    assert loops.error(found, exact(f, x)) <= most


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_ends(name: str, dtype: str, loops: Any) -> None:
    ends = np.append(loops.ends(dtype), [100, -100]).astype(dtype)
    # Whose result SciPy takes for infinite, and what is so small that its sign is SciPy's own affair.
    ends = ends[np.abs(ends) != np.finfo(dtype).smallest_subnormal]
    ends = ends[ends != 0] if name == "erfinv" else ends[ends != 1] if name == "erfcinv" else ends
    found = loops.run(getattr(xp.special, name), ends)
    with np.errstate(all="ignore"):
        loops.same(found, getattr(special, name)(ends))


def test_zero_keeps_its_sign(loops: Any) -> None:
    for name in ("erf", "erfinv"):
        found = loops.run(getattr(xp.special, name), np.array([0.0, -0.0]))
        np.testing.assert_array_equal(np.signbit(found), [False, True])


@BOTH
def test_in_larger_loops(dtype: str) -> None:
    """With their derivatives, against SciPy's in double precision."""
    x = np.random.default_rng(2).normal(size=(50, 30)).astype(dtype)

    def f(x: Any) -> Any:
        p = xp.special.ndtr(x)
        y = xp.special.ndtri(p * 0.98 + 0.01) + xp.special.erfinv(xp.special.erf(x * 0.5)) - xp.special.log_ndtr(x)
        return xp.sum(y * xp.special.erfc(x) + xp.special.erfcx(x), axis=1)

    def both(x: Any) -> Any:
        return f(x), fn.grad(lambda x: xp.sum(f(x) ** 2))(x)

    plan = FusedPlan(optimised(fn.trace(both, x)))
    assert {*plan.calls} <= {"reshape"}
    near = 2e-5 if dtype == "float32" else 1e-12
    for a, b in zip(plan(x), both(x.astype("float64")), strict=True):
        np.testing.assert_allclose(a, b, rtol=near, atol=near * np.max(np.abs(b)))
