"""The logarithm of the gamma function and its derivatives in loops, against arithmetic of many digits."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels.reference import in_python
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
N = 150
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])
#: Functions, their values, and the largest error in units in the last place, for `digamma` in those of 1 at least.
FUNCTIONS = {
    "gammaln": (xp.special.gammaln, lambda x: mpmath.re(mpmath.loggamma(x)), special.gammaln, 3),
    "digamma": (xp.special.digamma, mpmath.digamma, special.digamma, 6),
    "trigamma": (
        lambda x: xp.special.polygamma(1, x),
        lambda x: mpmath.psi(1, x),
        lambda x: special.polygamma(1, x).astype(x.dtype),
        5,
    ),
}


def exact(f: Any, x: np.ndarray) -> np.ndarray:
    with mpmath.workdps(40):
        return np.array([np.longdouble(mpmath.nstr(f(mpmath.mpf(float(v))), 25)) for v in x])


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str, dtype: str, loops: Any) -> None:
    f, values, _, most = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    least = -7 if dtype == "float32" else -15
    beside = rng.choice([-1, 1], N) * 10.0 ** rng.uniform(least, -0.3, N)
    x = np.concatenate([rng.uniform(0, 30, N), 10.0 ** rng.uniform(-18, 30, N), 1 + beside, 2 + beside]).astype(dtype)
    found, wanted = loops.run(f, x), exact(values, x)
    assert found.dtype == dtype
    if name == "digamma":
        last = np.spacing(np.maximum(np.abs(wanted.astype(dtype)), np.ones(1, dtype)))
        assert np.max(np.abs(found - wanted) / last) <= most
    else:
        assert loops.error(found, wanted) <= most


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_ends_and_poles(name: str, dtype: str, loops: Any) -> None:
    f, _, other, _ = FUNCTIONS[name]
    ends = np.append(loops.ends(dtype), [-2, -3, -100]).astype(dtype)
    # SciPy's logarithm of the smallest number is infinite, and its results left of 0 are NaN or not far away.
    ends = ends[(np.abs(ends) != np.finfo(dtype).smallest_subnormal) & (ends != -np.inf)]
    ends = ends[(ends >= 0) | (ends > -1000) & (ends < -0.1) | np.isnan(ends)]
    with np.errstate(all="ignore"):
        wanted = other(ends)
    loops.same(loops.run(f, ends), wanted)


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_left_of_zero(name: str, dtype: str, loops: Any) -> None:
    f, values, _, _ = FUNCTIONS[name]
    x = np.random.default_rng(2).uniform(-20, 3, 200).astype(dtype)
    x = x[np.abs(x - np.round(x)) > 0.05]
    wanted = exact(values, x).astype("float64")
    near = 2e-6 if dtype == "float32" else 2e-13
    np.testing.assert_allclose(loops.run(f, x), wanted, rtol=near, atol=near)


@BOTH
def test_in_larger_loops(dtype: str) -> None:
    """The likelihood of a beta distribution, and its derivatives of first and second order."""
    rng = np.random.default_rng(3)
    a, b = [rng.uniform(0.2, 12, (40, 20)).astype(dtype) for _ in range(2)]

    def f(a: Any, b: Any) -> Any:
        g = xp.special.gammaln
        return xp.sum(g(a) + g(b) - g(a + b) + 0.3 * a - 0.2 * b)

    def both(a: Any, b: Any) -> Any:
        slopes = fn.grad(f, argnums=(0, 1))
        return f(a, b), *slopes(a, b), fn.grad(lambda a: xp.sum(slopes(a, b)[0] ** 2))(a)

    plan = FusedPlan(optimised(fn.trace(both, a, b)))
    assert not plan.calls
    near = 1e-5 if dtype == "float32" else 1e-12
    for x, y in zip(plan(a, b), both(a.astype("float64"), b.astype("float64")), strict=True):
        np.testing.assert_allclose(x, y, rtol=near, atol=near)


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_a_number_for_each_row(name: str, dtype: str) -> None:
    f, _, other, _ = FUNCTIONS[name]
    x = np.array([[3.5, 1.0], [0.25, 0.125], [-1.25, 0.5], [1.0, np.nan]], dtype)
    plan = FusedPlan(optimised(fn.trace(lambda x: f(xp.sum(x, axis=-1, keepdims=True)) * x, x)))
    near = 5e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(plan(x)[0], other(x.sum(axis=-1, keepdims=True).astype("float64")) * x, rtol=near)


def test_other_orders_are_calls() -> None:
    x = np.linspace(0.5, 3, 100)
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.special.polygamma(2, x), x)))
    np.testing.assert_allclose(plan(x)[0], special.polygamma(2, x))


@pytest.mark.parametrize("size", [4, 200])
def test_just_left_of_zero_and_at_minus_infinity(size: int) -> None:
    x = np.resize([-1e-160, -1e-310, -1e-30, -np.inf], size)
    plan = FusedPlan(optimised(fn.trace(lambda x: xp.special.gammaln(x), x)), in_python)
    wanted = np.resize([-np.log(1e-160), -np.log(1e-310), -np.log(1e-30), -np.inf], size)
    np.testing.assert_allclose(plan(x)[0], wanted, rtol=1e-14)
