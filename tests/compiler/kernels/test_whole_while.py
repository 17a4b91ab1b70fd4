"""Loops until a condition fails are one compiled function, and agree with the interpreter."""

from collections.abc import Callable, Iterator
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

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def long() -> Iterator[None]:
    """Write no step out, however few numbers it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scalars, "OPERATIONS", 0)
        yield


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def whole(f: Callable[..., Any], *args: Any, compile: Any = in_python) -> list[Any]:
    """Return what a plan makes of a function, once it is what the interpreter makes of its graph."""
    leaves = tree.leaves(args)
    traced = fn.trace(f, *args)
    wanted = interpret(traced, leaves)
    plan = FusedPlan(optimised(traced), compile)
    assert "whole while loop" in plan.calls
    assert "while" not in plan.calls
    for _ in range(2):
        found = plan(*leaves)
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    return list(found)


def conjugate_gradients(a: Any, b: Any, limit: Any) -> Any:
    def goes_on(c: Any) -> Any:
        return (c[3] < 50) & (c[4] > limit)

    def step(c: Any) -> Any:
        x, p, r, n, size = c
        along = a @ p
        length = size / xp.sum(p * along)
        x, r = x + length * p, r - length * along
        new = xp.sum(r * r)
        return x, r + new / size * p, r, n + 1, new

    return fn.while_loop(goes_on, step, (xp.zeros_like(b), b, b, 0, xp.sum(b * b)))


@pytest.mark.parametrize("compile", [in_python, build.compiled])
def test_conjugate_gradients(compile: Any) -> None:
    m = normal(9, 9)
    a, b = m @ m.T + 5 * np.eye(9), normal(9)
    x, *_, n, _ = whole(conjugate_gradients, a, b, np.array(1e-20), compile=compile)
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-7)
    assert 2 < n < 50
    # One step, and none.
    for limit, steps in ((1e6, 0), (float(b @ b) * 0.999, 1)):
        x, *_, n, _ = whole(conjugate_gradients, a, b, np.array(limit), compile=compile)
        assert n == steps
        assert steps or not x.any()


def test_carries_that_stay_or_change_places() -> None:
    def f(a: Any, b: Any, c: Any) -> Any:
        return fn.while_loop(
            lambda v: xp.sum(v[3]) < 7,
            lambda v: (v[1], v[0], v[2], v[3] + xp.abs(v[0][0])),
            (a, b, c, xp.zeros_like(a)),
        )

    whole(f, normal(3, 4), normal(3, 4), normal(2))


def test_moves_and_places() -> None:
    def f(a: Any) -> Any:
        def step(v: Any) -> Any:
            a, i = v
            return xp.roll(a, 1, axis=0) * 0.9 + a[i] + xp.concat([a[1:], a[:1]]), i + 1

        return fn.while_loop(lambda v: v[1] < v[0].shape[0], step, (a, 0))

    whole(f, normal(4, 3))

    def wrong(a: Any) -> Any:
        return fn.while_loop(lambda v: v[1] < 5, lambda v: (v[0] + a[v[1]], v[1] + 1), (a[0], 0))

    plan = FusedPlan(optimised(fn.trace(wrong, normal(4, 3))), in_python)
    assert "whole while loop" in plan.calls
    with pytest.raises(IndexError):
        plan(normal(4, 3))


def test_forward_mode() -> None:
    m = normal(5, 5)
    a, b = m @ m.T + 5 * np.eye(5), normal(5)

    def solved(b: Any) -> Any:
        return conjugate_gradients(a, b, np.array(1e-22))[0]

    _, tangent = whole(lambda b, t: fn.jvp(solved, (b,), (t,)), b, b)
    np.testing.assert_allclose(tangent, np.linalg.solve(a, b), rtol=1e-5)


def test_batches() -> None:
    m = normal(4, 4)
    a = m @ m.T + 5 * np.eye(4)
    b = normal(3, 4)
    found = whole(lambda b: fn.vmap(lambda b: conjugate_gradients(a, b, np.array(1e-20))[0])(b), b)
    np.testing.assert_allclose(found[0], np.linalg.solve(a, b.T).T, rtol=1e-6)


def test_what_is_not_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(a: Any) -> Any:
        return fn.while_loop(lambda v: xp.sum(v) < 7, lambda v: xp.sort(v + 1), a)

    assert FusedPlan(optimised(fn.trace(f, normal(3))), in_python).calls == ["while"]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(scan, "_ALONE", 5)
    graph = optimised(
        fn.trace(lambda a: fn.while_loop(lambda v: xp.sum(v) < 7, lambda v: xp.flip(v) + 1, a), normal(3))
    )
    assert FusedPlan(graph, in_python).calls == ["while"]
