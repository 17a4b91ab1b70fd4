"""Logarithms to other bases, powers of 2, lengths and remainders in loops, against arithmetic of more digits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.loops import build

pytestmark = [
    pytest.mark.skipif(
        bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="Numba is not installed"
    ),
    pytest.mark.skipif(bool(np.finfo(np.longdouble).eps > 1e-18), reason="No numbers of more than double precision"),
]
N = 20_000
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])


def wide(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    return 10.0 ** rng.uniform(low, high, N)


def positive(rng: np.random.Generator, dtype: str) -> np.ndarray:
    most = 37 if dtype == "float32" else 300
    return np.concatenate([wide(rng, -most, most), rng.uniform(0.5, 2, N), [1e-40 if most == 37 else 1e-310]])


def exponents(rng: np.random.Generator, dtype: str) -> np.ndarray:
    low, high = (-149, 128) if dtype == "float32" else (-1074, 1024)
    return np.concatenate([rng.uniform(low, high, N), rng.normal(size=N), np.arange(low, high)])


def chances(rng: np.random.Generator, _: str) -> np.ndarray:
    return np.concatenate([rng.uniform(size=N), wide(rng, -30, -1), 1 - wide(rng, -6, -1)])


def _logit(x: np.ndarray) -> np.ndarray:
    inner = np.where(np.abs(x - 0.5) < 0.2, x, 0.5)
    return np.where(np.abs(x - 0.5) < 0.2, 2 * np.arctanh(2 * inner - 1), np.log(x) - np.log1p(-x))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)


ONE = {
    "exp": (xp.exp, np.exp, lambda rng, dtype: exponents(rng, dtype) * np.log(2), 1.25),
    "expm1": (xp.expm1, np.expm1, lambda rng, dtype: exponents(rng, dtype) * np.log(2), 2.5),
    "tanh": (xp.tanh, np.tanh, lambda rng, _: np.concatenate([rng.normal(size=N) * 3, wide(rng, -30, 1)]), 2.75),
    "sigmoid": (xp.sigmoid, lambda x: 1 / (1 + np.exp(-x)), lambda rng, _: rng.normal(size=N) * 12, 2.75),
    "log": (xp.log, np.log, positive, 1.25),
    "log2": (xp.log2, np.log2, positive, 1.0),
    "log10": (xp.log10, np.log10, positive, 1.0),
    "exp2": (xp.special.exp2, np.exp2, exponents, 1.5),
    "power of two": (lambda x: 2.0**x, np.exp2, exponents, 1.5),
    "logit": (xp.special.logit, _logit, chances, 2.5),
    "softplus": (xp.softplus, _softplus, lambda rng, _: rng.normal(size=N) * 8, 3.5),
}


@BOTH
@pytest.mark.parametrize("name", ONE)
def test_of_one_number(name: str, dtype: str, loops: Any) -> None:
    f, exact, numbers, most = ONE[name]
    x = numbers(np.random.default_rng(1), dtype).astype(dtype)
    assert loops.error(loops.run(f, x), exact(x.astype(np.longdouble))) <= most
    ends = loops.ends(dtype)
    with np.errstate(all="ignore"):
        loops.same(loops.run(f, ends), np.asarray(f(ends)))


def test_logarithms_of_powers_are_whole(loops: Any) -> None:
    for dtype, high in (("float32", 38), ("float64", 308)):
        tens = np.array([float(f"1e{k}") for k in range(high if dtype == "float64" else 11)], dtype)
        np.testing.assert_array_equal(loops.run(xp.log10, tens), np.arange(len(tens)))
        twos = 2.0 ** np.arange(-100, 100).astype(dtype)
        np.testing.assert_array_equal(loops.run(xp.log2, twos), np.arange(-100, 100))
        np.testing.assert_array_equal(loops.run(xp.special.exp2, np.arange(-100, 100).astype(dtype)), twos)


@BOTH
@pytest.mark.parametrize("name", ["hypot", "logaddexp", "copysign", "remainder", "floor_divide"])
def test_ends_of_two_numbers(name: str, dtype: str, loops: Any) -> None:
    """Each with each, against NumPy."""
    x, y = [a.reshape(-1).copy() for a in np.meshgrid(loops.ends(dtype), loops.ends(dtype))]
    found = loops.run(getattr(xp, name), x, y)
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(x, y)
    loops.same(found, wanted)
    finite = np.isfinite(wanted)
    close = np.float64(4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(found[finite], wanted[finite], rtol=0 if name[0] in "cfr" else close, atol=close)


@BOTH
def test_lengths(dtype: str, loops: Any) -> None:
    rng = np.random.default_rng(2)
    most = 18 if dtype == "float32" else 150
    for low, high in ((-1, 1), (-most, most), (most, 2 * most), (-2 * most, -most)):
        x, y = [(wide(rng, low, high)).astype(dtype) for _ in range(2)]
        wanted = np.hypot(x.astype(np.longdouble), y)
        assert loops.error(loops.run(xp.hypot, x, -y), wanted) < 1.5


@BOTH
def test_sums_of_exponentials(dtype: str, loops: Any) -> None:
    rng = np.random.default_rng(3)
    x, y = [np.abs(rng.normal(size=N) * 20).astype(dtype) for _ in range(2)]
    assert loops.error(loops.run(xp.logaddexp, x, y), np.logaddexp(x.astype(np.longdouble), y)) < 3.5


@BOTH
@pytest.mark.parametrize("name", ["remainder", "floor_divide"])
def test_remainders_are_exact(name: str, dtype: str, loops: Any) -> None:
    rng = np.random.default_rng(4)
    f = getattr(xp, name)
    y = (rng.normal(size=N) * 3).astype(dtype)
    for x in (
        rng.normal(size=N) * 10,
        y * rng.integers(-1000, 1000, N),
        rng.integers(-1000, 1000, N),
        rng.normal(size=N) * 10.0 ** rng.uniform(-20, 30, N),
        -wide(rng, -30, -3),
    ):
        a = x.astype(dtype)
        for b in (y, np.round(y) + dtype_of(0.5, dtype), np.nextafter(y, dtype_of(9, dtype))):
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(loops.run(f, a, b), getattr(np, name)(a, b))
    a = (rng.normal(size=N) * 1e3).astype(dtype)
    np.testing.assert_array_equal(loops.run(lambda x: f(x, 0.1), a), getattr(np, name)(a, dtype_of(0.1, dtype)))
    np.testing.assert_array_equal(loops.run(lambda x: f(7.5, x), a), getattr(np, name)(dtype_of(7.5, dtype), a))


def dtype_of(x: float, dtype: str) -> Any:
    return np.dtype(dtype).type(x)


@BOTH
@pytest.mark.parametrize("power", [3, 4, 5, -3, -4])
def test_powers(power: float, dtype: str, loops: Any) -> None:
    rng = np.random.default_rng(5)
    most = 37 / abs(power) if dtype == "float32" else 300 / abs(power)
    x = wide(rng, -most, most).astype(dtype)
    x = np.concatenate([x, -x])
    assert loops.error(loops.run(lambda x: x**power, x), x.astype(np.longdouble) ** power) < 3.25
    ends = loops.ends(dtype)
    with np.errstate(all="ignore"):
        loops.same(loops.run(lambda x: x**power, ends), ends ** dtype_of(power, dtype))


@BOTH
@pytest.mark.parametrize("power", [1.5, 2.5, -1.5, -2.5])
def test_powers_between_whole_ones(power: float, dtype: str, loops: Any) -> None:
    rng = np.random.default_rng(6)
    info = np.finfo(dtype)
    x = wide(rng, float(np.log10(info.tiny)), float(np.log10(info.max))).astype(dtype)
    wanted = x.astype(np.longdouble) ** np.longdouble(power)
    fits = (wanted >= info.tiny) & (wanted <= info.max)
    found = loops.run(lambda x: x**power, x)
    assert loops.error(found[fits], wanted[fits]) < 3.25
    # Out of range, or with fewer digits.
    with np.errstate(all="ignore"):
        rest = wanted[~fits].astype(dtype)
        np.testing.assert_allclose(found[~fits], rest, rtol=0, atol=3 * float(info.smallest_subnormal))
        ends = np.concatenate([loops.ends(dtype), -x[:100]])
        loops.same(loops.run(lambda x: x**power, ends), ends ** dtype_of(power, dtype))


@BOTH
@pytest.mark.parametrize("power", [-33, -6, -2, 7, 64.0])
def test_whole_powers(power: float, dtype: str, loops: Any) -> None:
    """Up to the ends of the range, where what a product lacks has lost digits."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    most = float(np.log10(info.max)) / abs(power)
    x = np.concatenate([wide(rng, -most, most), rng.uniform(0.8, 1.2, N)]).astype(dtype)
    x = np.concatenate([x, -x])
    wanted = x.astype(np.longdouble) ** int(power)
    fits = (abs(wanted) >= info.tiny) & (abs(wanted) <= info.max)
    found = loops.run(lambda x: x**power, x)
    assert loops.error(found[fits], wanted[fits]) <= 1.5
    last = float(info.smallest_subnormal)
    np.testing.assert_allclose(found[~fits], wanted[~fits].astype(dtype), rtol=0, atol=3 * last)
    ends = loops.ends(dtype)
    with np.errstate(all="ignore"):
        loops.same(loops.run(lambda x: x**power, ends), ends ** dtype_of(power, dtype))


@pytest.mark.parametrize("power", [float("inf"), float("-inf"), float("nan"), 65, 1000, 7.5])
def test_powers_that_stay(power: float) -> None:
    """Those with large, broken and infinite exponents."""
    x = np.array([0.5, 1.0, 2.0, -3.0, np.inf, np.nan, *np.ones(80)])
    with np.errstate(all="ignore"):
        wanted = x**power
    np.testing.assert_allclose(loops_of(lambda x: x**power, x)[0], wanted, rtol=1e-15)


@BOTH
def test_in_larger_loops(dtype: str, loops: Any) -> None:
    """With derivatives, sums, rows, and what is computed again far away."""
    rng = np.random.default_rng(6)
    x, w = rng.normal(size=(40, 30)).astype(dtype), rng.uniform(0.5, 2, 30).astype(dtype)
    x[3, 4], x[7, 8], x[9, 1] = 1e20, -1e18, 3e9

    def f(x: Any, w: Any) -> Any:
        z = xp.remainder(x, w) * 2 + xp.floor_divide(w, 0.3)
        y = xp.hypot(z, w) + xp.logaddexp(z, -w) + xp.log2(w + z * z) * xp.special.exp2(-z)
        return xp.sum(y * xp.special.logit(xp.sigmoid(z) * 0.9) + xp.softplus(z) ** 3 + xp.log10(z * z + w), axis=1)

    def both(x: Any, w: Any) -> Any:
        return f(x, w), fn.grad(lambda x: xp.sum(f(x, w)))(x)

    near = 1e-4 if dtype == "float32" else 1e-12
    for a, b in zip(loops_of(both, x, w), both(x, w), strict=True):
        np.testing.assert_allclose(a, b, rtol=near, atol=near)


def loops_of(f: Callable[..., Any], *arrays: np.ndarray) -> Any:
    from funcnet.compiler.fused import FusedPlan
    from funcnet.compiler.passes import optimised

    with np.errstate(all="ignore"):
        return FusedPlan(optimised(fn.trace(f, *arrays)))(*arrays)


def test_few_numbers() -> None:
    """Straight code has them, too."""

    def f(x: Any) -> Any:
        def step(c: Any, _: Any) -> Any:
            y = xp.remainder(c * 1.7 + 0.3, 1.0) + 1e-3 * xp.hypot(c, 1.0)
            return y, xp.log2(y + 1.0) + xp.floor_divide(y, 0.25)

        return fn.scan(step, x, None, length=5)

    x = np.array([0.3, 1e20, -0.7])
    for a, b in zip(loops_of(f, x), f(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
