"""Loops and branches in steps of a loop are one function with it, and agree with the interpreter."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import reference, scalars, scan_scalars, scan_source
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def whole(f: Any, *args: Any, compile: Any = reference.in_python) -> list[Any]:
    leaves = tree.leaves(args)
    traced = fn.trace(f, *args)
    with np.errstate(all="ignore"):
        wanted = interpret(traced, leaves)
        plan = FusedPlan(optimised(traced), compile)
        results = [plan(*leaves) for _ in range(2)]
    assert "whole scan" in plan.calls
    assert not {"scan", "while", "switch"} & set(plan.calls)
    for found in results:
        for a, b in zip(wanted, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    return list(results[0])


def close(f: Any, slope: Any, x: np.ndarray) -> None:
    along = normal(*x.shape)
    up, down = [f(x + s * along) for s in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(slope * along), (up - down) / 2e-6, rtol=1e-6, atol=1e-8)


W = 0.5 * normal(5, 5)


def products(h: Any, x: Any) -> Any:
    h, ys = fn.scan(lambda h, a: (xp.tanh(h @ W + a), xp.sum(h)), h, x)
    return 0.9 * h, (h, ys)


def backwards(h: Any, x: Any) -> Any:
    def middle(h: Any, a: Any) -> Any:
        return fn.scan(lambda h, b: (xp.sin(h) + b, None), h, xp.stack([a, 2 * a, h]), reverse=True)[0], h

    h, ys = fn.scan(middle, h, x)
    return h, ys


def chosen(h: Any, x: Any) -> Any:
    h = fn.cond(xp.sum(x) > 0, lambda h: xp.sin(h) @ W, lambda h: h, h)
    place = xp.astype(xp.sum(x[0] > 0), xp.int64) % 3
    y = fn.switch(place, [lambda h, x: h + x[0], lambda h, x: xp.sum(x, axis=0) * h, lambda h, x: x[1] * 1.0], h, x)
    return h, y


def loop_in_branch(h: Any, x: Any) -> Any:
    def often(h: Any) -> Any:
        return fn.fori_loop(0, 3, lambda i, h: xp.cos(h) + i, h)

    return fn.cond(xp.max(x) > 1, often, lambda h: 0.5 * h, h), xp.min(h)


def until(h: Any, x: Any) -> Any:
    def closer(c: Any) -> Any:
        return 0.5 * (c[0] + x[0] * x[0] / c[0]), c[1] + 1

    start = xp.abs(h) + 1
    root, count = fn.while_loop(
        lambda c: (c[1] < 40) & (xp.max(xp.abs(c[0] ** 2 - x[0] ** 2)) > 1e-6), closer, (start, 0)
    )
    never = fn.while_loop(lambda c: xp.sum(c * c) < 0, lambda c: c @ W, h)
    return 0.3 * (root @ W) + never, (root, count)


STEPS = {"products": products, "backwards": backwards, "chosen": chosen, "loop in branch": loop_in_branch}
FORWARD = {**STEPS, "until": until}


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("case", list(FORWARD))
def test_steps(case: str, written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not written:
        monkeypatch.setattr(scalars, "OPERATIONS", 0)
    whole(lambda h, x: fn.scan(FORWARD[case], h, x), normal(5), normal(6, 2, 5))
    whole(lambda h, x: fn.scan(FORWARD[case], h, x, reverse=True), normal(5), normal(1, 2, 5))


@pytest.mark.parametrize("case", list(STEPS))
def test_gradients(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars, "OPERATIONS", 0)

    def loss(h: Any, x: Any) -> Any:
        h, ys = fn.scan(STEPS[case], h, x)
        return xp.sum(h * h) + sum([xp.sum(y * y) for y in tree.leaves(ys)])

    h, x = normal(5), normal(4, 2, 5)
    first, second = whole(fn.grad(loss, argnums=(0, 1)), h, x)
    close(lambda h: loss(h, x), first, h)
    close(lambda x: loss(h, x), second, x)


def test_three_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions of the innermost loop keep names of their own."""
    monkeypatch.setattr(scalars, "OPERATIONS", 0)

    def loss(h: Any, xs: Any) -> Any:
        def inner(h: Any, x: Any) -> Any:
            return xp.tanh(h @ h + x), None

        def middle(h: Any, x: Any) -> Any:
            return xp.sin(fn.scan(inner, h, xs)[0] @ h + x) * 0.5, None

        def outer(h: Any, x: Any) -> Any:
            return xp.cos(fn.scan(middle, h, xs)[0] @ h) * x, None

        return xp.sum(fn.scan(outer, h, xs)[0])

    whole(fn.value_and_grad(loss, argnums=(0, 1)), normal(3, 3), normal(2, 3, 3))


@pytest.mark.parametrize("case", ["products", "chosen", "until"])
def test_compiled(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars, "OPERATIONS", 0)
    whole(lambda h, x: fn.scan(FORWARD[case], h, x), normal(5), normal(6, 2, 5), compile=build.compiled)


@pytest.mark.parametrize("written", [False, True])
def test_loops_that_take_too_long_for_one_step(written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not written:
        monkeypatch.setattr(scalars, "OPERATIONS", 0)
    for module in (scan_scalars, scan_source):
        monkeypatch.setattr(module, "NESTED", 1)

    def counted(h: Any, n: Any) -> Any:
        h = fn.while_loop(lambda c: c[1] < n, lambda c: (0.5 * c[0] + c[1], c[1] + 1), (h, xp.zeros_like(n)))[0]
        return h, h

    for counts in ([0, 0], [0, 5, 1, 2]):
        whole(lambda h, n: fn.scan(counted, h, n), normal(3), np.array(counts))


def test_places_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars, "OPERATIONS", 0)

    def f(a: Any, k: Any) -> Any:
        inner = lambda c, k: fn.scan(lambda c, i: (c + a[i], None), c, k)  # noqa: E731
        return fn.scan(inner, a[0], k)[0]

    a = normal(3, 2)
    plan = FusedPlan(optimised(fn.trace(f, a, np.zeros((2, 2), int))), reference.in_python)
    assert plan.calls[-1] == "whole scan"
    with pytest.raises(IndexError):
        plan(a, np.array([[0, 1], [3, 0]]))
    np.testing.assert_allclose(plan(a, np.array([[0, 1], [-1, 0]]))[0], 3 * a[0] + a[1] + a[2])


def test_turned_factors_of_fixed_matrices() -> None:
    a = normal(7, 2)

    def step(c: Any, x: Any) -> Any:
        return (c * x).T @ a + xp.sum(c), xp.permute_dims(c[:, :1] + x, (1, 0)) @ a

    # The carry of one step has to have the shape of the next.
    b = normal(2, 2)
    whole(lambda c, x: fn.scan(lambda c, x: ((c * x).T @ b, (c + x).T @ b), c, x), normal(2, 2), normal(3, 2, 2))
    whole(lambda c, x: fn.scan(lambda c, x: (c + 1, step(c, x)), c, x), normal(7, 2), normal(3, 7, 2))
