"""Loops of a few numbers, written out, agree with the interpreter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scalars, scan
from funcnet.compiler.kernels.reference import in_python
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.ops import index_add, index_set

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no other kernel of loops."""
    monkeypatch.setattr(scan, "body_of", lambda *_: None)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def written(f: Callable[..., Any], *args: Any, compile: Any = in_python, kernel: str = "whole scan") -> list[Any]:
    """Return what a plan makes of a function, once it is what the interpreter makes of its graph."""
    leaves = tree.leaves(args)
    traced = fn.trace(f, *args)
    with np.errstate(all="ignore"):
        wanted = interpret(traced, leaves)
        plan = FusedPlan(optimised(traced), compile)
        results = [plan(*leaves) for _ in range(2)]
    assert kernel in plan.calls
    assert not {"scan", "while"}.intersection(plan.calls)
    for found in results:
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-6 if a.dtype == np.float32 else 1e-11, atol=1e-12)
    return list(results[0])


def lorenz(y: Any, _: Any) -> Any:
    def rhs(y: Any) -> Any:
        a, b, c = y[0], y[1], y[2]
        return xp.stack([10.0 * (b - a), a * (28.0 - c) - b, a * b - 2.6 * c])

    k1 = rhs(y)
    k2 = rhs(y + 0.005 * k1)
    y = y + 0.01 * (k1 + k2) / 2
    return y, y


def kalman(carry: Any, z: Any) -> Any:
    x, p = carry
    a, c = np.array([[1.0, 0.1], [0.0, 0.9]]), np.array([[1.0, 0.3]])
    x, p = a @ x, a @ p @ a.T + 0.1 * np.eye(2)
    gain = p @ c.T / (c @ p @ c.T + 1.0)
    x = x + gain @ (z - c @ x)
    return (x, p - gain @ c @ p), (x, xp.max(p), xp.argmax(p, axis=1))


def moves(a: Any, x: Any) -> Any:
    a = xp.roll(a, (1, -1), axis=(0, 1)) + xp.flip(a, axis=1)[::-1] * 0.3
    a = index_set(a, (0, slice(None, 2)), x[:2])
    a = index_add(a, (slice(1, None), 0), x[1:3])
    a = xp.concat([a[:1], 0.5 * xp.permute_dims(xp.stack([a[2], a[1]]), (0, 1))])
    return a, (xp.mean(a, axis=0), xp.sum(a), xp.min(a, axis=1, keepdims=True), xp.expand_dims(a[:, 1], axis=0).T)


def fibonacci(carry: Any, _: Any) -> Any:
    a, b, n = carry
    return (b, (a + b) % 1000, n + 1), xp.where(a % 2 == 0, a // 3, -n)


def masks(carry: Any, x: Any) -> Any:
    seen, y = carry
    big = x > 0.3
    return (seen | big, xp.where(seen & ~big, y * 0.5, x)), (xp.any(big), xp.all(seen), xp.astype(seen, xp.int32))


def functions(x: Any, t: Any) -> Any:
    x = xp.tanh(x) + xp.exp(-(t**2)) * xp.sin(x) + xp.sqrt(xp.abs(x) + 1) ** 3 + xp.atan2(x, t) - xp.minimum(x, t)
    return 0.3 * x, xp.max(x)


def nested(x: Any, t: Any) -> Any:
    def inner(c: Any, s: Any) -> Any:
        return xp.sin(c) + s, c * s

    c, ys = fn.scan(inner, x, t, reverse=True)
    return c, ys[0] + ys[-1]


BOTH = np.array([False, True, False]), normal(3)
CASES: dict[str, tuple[Any, Any, Any]] = {
    "lorenz": (lorenz, normal(3), None),
    "lorenz, float32": (lorenz, normal(3).astype(np.float32), None),
    "kalman": (kalman, (normal(2), np.eye(2)), normal(5, 1)),
    "moves": (moves, normal(3, 3), normal(5, 3)),
    "fibonacci": (fibonacci, (np.array(1), np.array(2), np.array(0, np.int32)), None),
    "masks": (masks, BOTH, normal(5, 3)),
    "functions": (functions, normal(2), normal(5, 2)),
    "nested": (nested, normal(2), normal(5, 3, 2)),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_steps(case: str, reverse: bool) -> None:
    step, start, xs = CASES[case]
    written(lambda c, x: fn.scan(step, c, x, length=5, reverse=reverse), start, xs)


@pytest.mark.parametrize("case", ["lorenz", "kalman", "moves", "functions", "nested"])
def test_gradients(case: str) -> None:
    step, start, xs = CASES[case]

    def loss(start: Any) -> Any:
        carry, ys = fn.scan(step, start, xs, length=4 if xs is None else None)
        return sum([xp.sum(xp.sin(y)) for y in tree.leaves((carry, ys)) if y.dtype == np.float64])

    found = written(fn.grad(loss), start)
    leaves = tree.leaves(start)
    along = [normal(*a.shape) for a in leaves]

    def moved(by: float) -> Any:
        return tree.unflatten(tree.structure(start), [a + by * d for a, d in zip(leaves, along, strict=True)])

    change = (loss(moved(1e-6)) - loss(moved(-1e-6))) / 2e-6
    slope = sum([np.sum(g * d) for g, d in zip(found, along, strict=True)])
    np.testing.assert_allclose(slope, change, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_compiled(case: str) -> None:
    step, start, xs = CASES[case]
    written(lambda c, x: fn.scan(step, c, x, length=5), start, xs, compile=build.compiled)


def test_carries_that_change_places() -> None:
    def step(carry: Any, x: Any) -> Any:
        a, b, c = carry
        return (b, a, a + x), (c, x)

    written(lambda *p: fn.scan(step, p[:3], p[3]), np.array(1.0), np.array(2.0), np.array(3.0), normal(4))
    # What every step makes anew, and what no step needs.
    written(lambda a, x: fn.scan(lambda c, y: (c * 0 + 1.5, y), a, x), np.array(1.0), normal(4))


def test_integers_that_processors_do_not_divide() -> None:
    def step(c: Any, k: Any) -> Any:
        return c, (c // k, c % k, c - c // k)

    divisors = np.array([-1, 0, 3, -3])
    written(lambda c, k: fn.scan(step, c, k), np.array(np.iinfo(np.int64).min), divisors, compile=build.compiled)
    written(lambda c, k: fn.scan(step, c, k), np.array(-7), divisors, compile=build.compiled)


def test_nan_and_infinity_stay() -> None:
    x = np.array([1.0, np.nan, np.inf])

    def step(c: Any, t: Any) -> Any:
        return c * t, (xp.max(c), xp.min(c), xp.argmax(c, axis=0), xp.argmin(t, axis=0), xp.sum(c), c / t)

    written(lambda c, x: fn.scan(step, c, x), x, np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [np.nan, 1.0, np.nan]]))


def test_sines_are_those_of_loops() -> None:
    # Of large arguments, too, which loops compute again.
    x = np.array([0.3, -2e4, 1e8, -3e9, np.inf, np.nan])

    def step(c: Any, x: Any) -> Any:
        return c, (xp.sin(x), xp.cos(x))

    for dtype in (np.float64, np.float32):
        args = np.array(0, dtype), x.astype(dtype)
        written(lambda c, x: fn.scan(step, c, x), *args, compile=build.compiled)
        found = FusedPlan(optimised(fn.trace(lambda c, x: fn.scan(step, c, x), *args)), build.compiled)(*args)
        loop = FusedPlan(optimised(fn.trace(lambda x: (xp.sin(x), xp.cos(x)), args[1])), build.compiled)(args[1])
        for a, b in zip(found[1:], loop, strict=True):
            np.testing.assert_array_equal(a, b)


def test_while() -> None:
    def newton(x: Any, limit: Any) -> Any:
        def step(c: Any) -> Any:
            x, n = c
            return 0.5 * (x + limit / x), n + 1

        return fn.while_loop(lambda c: (c[1] < 50) & (xp.max(xp.abs(c[0] ** 2 - limit)) > 1e-9), step, (x, 0))

    for compile in (in_python, build.compiled):
        found, n = written(newton, np.abs(normal(3)) + 1, np.array(2.0), compile=compile, kernel="whole while loop")
        np.testing.assert_allclose(found, np.sqrt(2.0), rtol=1e-8)
        assert 1 < n < 10
    # No step at all.
    found, n = written(newton, np.full(3, np.sqrt(2.0)), np.array(2.0), kernel="whole while loop")
    np.testing.assert_array_equal(found, np.sqrt(2.0))
    assert n == 0


def test_forward_mode_of_while() -> None:
    def half(x: Any) -> Any:
        return fn.while_loop(lambda c: xp.abs(c) > 1, lambda c: c * 0.5 + 0.01 * xp.sin(c), x)

    written(lambda x, t: fn.jvp(half, (x,), (t,)), np.array(37.0), np.array(1.0), kernel="whole while loop")


def test_what_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def calls(step: Any, x: Any) -> list[str]:
        return FusedPlan(optimised(fn.trace(lambda x: fn.scan(step, x, None, length=3)[0], x)), in_python).calls

    assert calls(lambda c, _: (xp.sin(c), None), normal(scalars.ELEMENTS)) == ["whole scan"]
    assert calls(lambda c, _: (xp.sin(c), None), normal(scalars.ELEMENTS + 1)) == ["scan"]
    assert calls(lambda c, _: (c @ c, None), normal(5, 5)) == ["whole scan"]
    assert calls(lambda c, _: (c @ c, None), normal(8, 8)) == ["scan"]
    # There is nothing for these, or not for all of their numbers.
    assert calls(lambda c, _: (xp.cumulative_sum(c), None), normal(3)) == ["scan"]
    assert calls(lambda c, _: (c * (1 + 1j), None), normal(3) + 0j) == ["scan"]
    monkeypatch.setattr(scalars, "OPERATIONS", 5)
    assert calls(lambda c, _: (c + 1, None), normal(5)) == ["whole scan"]
    assert calls(lambda c, _: (c + 1, None), normal(6)) == ["scan"]
