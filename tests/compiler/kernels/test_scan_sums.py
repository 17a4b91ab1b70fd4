"""Sums over the steps of a loop that it adds up itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scalars, scan_sums
from funcnet.compiler.kernels.scan import inner, whole_scan
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.kernels.scan_sums import sums_inside
from funcnet.compiler.loops import build
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no step out, however few numbers it has."""
    monkeypatch.setattr(scalars, "OPERATIONS", 0)


def cell(w: Any, u: Any, b: Any, h: Any, xs: Any, **options: Any) -> Any:
    n = u.shape[0]

    def step(h: Any, x: Any) -> Any:
        p, q = x @ w + b, h @ u
        r, z = xp.sigmoid(p[:, :n] + q[:, :n]), xp.sigmoid(p[:, n : 2 * n] + q[:, n : 2 * n])
        h = (1 - z) * xp.tanh(p[:, 2 * n :] + r * q[:, 2 * n :]) + z * h
        return h, h

    return fn.scan(step, h, xs, **options)


def gradient(f: Callable[..., Any], count: int = 4, **options: Any) -> Callable[..., Any]:
    def total(*args: Any) -> Any:
        return sum([xp.sum(xp.sin(part)) for part in tree.leaves(f(*args, **options))])

    return lambda *args: fn.value_and_grad(total, tuple(range(count)))(*args)


def arguments(steps: int, batch: int, width: int, features: int) -> Any:
    shapes = (features, 3 * width), (width, 3 * width), (3 * width,), (batch, width), (steps, batch, features)
    return [(RNG.normal(size=s) * 0.5).astype("float32") for s in shapes]


def summed(f: Callable[..., Any], *args: Any, rtol: float = 2e-5) -> list[int]:
    """Check results; return how many sums the loops add up."""
    wanted = interpret(fn.trace(f, *args), args)
    optimal = optimised(fn.trace(f, *args))
    graph = sums_inside(lowered(optimal))
    graph.verify()
    plans: list[Callable[..., Any]] = [lambda *given: interpret(graph, given)]
    plans += [] if build.available() else [FusedPlan(optimal)]
    for plan in plans:
        for _ in range(2):
            for a, b in zip(wanted, plan(*args), strict=True):
                np.testing.assert_allclose(
                    b, a, rtol=rtol, atol=rtol * np.max(np.abs(np.where(np.isfinite(a), a, 1)), initial=1)
                )
    calls: list[Any] = [e.primitive for e in graph.equations if e.primitive.name == "scan"]
    bodies = [body_of(call.regions[0], call.held, call.carried, inner) for call in calls]
    return [len(body.sums) for body in bodies if body is not None]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("steps", "batch"), [(1, 3), (5, 40), (67, 4), (3, 130)])
def test_gradients_of_a_cell(reverse: bool, steps: int, batch: int) -> None:
    # Both matrices and the bias.
    assert summed(gradient(cell, reverse=reverse), *arguments(steps, batch, 6, 2)) == [0, 3]


def test_double_precision() -> None:
    def f(w: Any, b: Any, h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            z = x + h @ w + b
            return z / (1 + z * z), h

        return fn.scan(step, h, xs)

    shapes = (17, 17), (17,), (9, 17), (40, 9, 17)
    args = [RNG.normal(size=s) * 0.5 for s in shapes]
    assert summed(gradient(f, 2), *args, rtol=1e-11) == [0, 2]


def test_threads_add_up_for_themselves(monkeypatch: pytest.MonkeyPatch, bounds_of_steps: list[tuple[int, ...]]) -> None:
    monkeypatch.setattr("funcnet.compiler.kernels.scan._PARALLEL", 0)
    monkeypatch.setattr("funcnet.compiler.fused.threads", lambda: 3)
    assert summed(gradient(cell), *arguments(30, 16, 6, 2)) == [0, 3]
    if not build.available():
        # The loop, and the sums of what its parts have added up.
        assert (0, 5, 10, 16) in bounds_of_steps
        assert (0, 36, 72, 108) in bounds_of_steps


@pytest.mark.parametrize("parts", [1, 3])
def test_sums_that_begin_with_something(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if build.available():
        pytest.skip("Numba is not installed or switched off")
    monkeypatch.setattr("funcnet.compiler.kernels.scan._PARALLEL", 0)

    def f(w: Any, start: Any, total: Any, xs: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            h, s, t = carry
            y = x * h
            return (xp.tanh(x + h @ w), s + xp.sum(y, axis=0), t + xp.matrix_transpose(x) @ y), None

        return fn.scan(step, (xs[0], start, total), xs)[0]

    args = [RNG.normal(size=s).astype("float32") for s in ((5, 5), (5,), (5, 5), (40, 7, 5))]
    (e,) = [e for e in fn.trace(f, *args).equations if e.primitive.name == "scan"]
    special = whole_scan(e, {})
    assert special is not None
    kernel = special.build(build.compiled, parts)
    found = [np.empty(v.shape, v.dtype) for v in e.outputs]
    kernel(args[0], args[3][0], args[1], args[2], args[3], *found)
    for a, b in zip(f(*args), found, strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=1e-4)
    call: Any = e.primitive
    body = body_of(call.regions[0], call.held, call.carried, inner)
    assert body is not None
    assert len(body.sums) == 2


def test_what_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    args = arguments(4, 3, 6, 2)

    # Of the rows that are returned nothing is summed up, of others both gates' matrix and bias.
    assert summed(gradient(cell, 5), *args) == [0, 1]
    monkeypatch.setattr(scan_sums, "_MATRICES", 4 * 18 * 14)
    assert summed(gradient(cell), *args) == [0, 0]
    monkeypatch.undo()
    monkeypatch.setattr(scan_sums, "_WAITING", 100)
    assert summed(gradient(cell), *args) == [0, 0]
    monkeypatch.undo()
    # Narrow results.
    assert summed(gradient(cell), *arguments(4, 3, 5, 2)) == [0, 0]


def test_a_product_with_what_the_loop_ends_with() -> None:
    """It has as many elements as there are steps, which are there after the last one only."""

    def f(h: Any, kept: Any, xs: Any) -> Any:
        (_, kept), ys = fn.scan(lambda c, x: ((xp.tanh(c[0] + x), c[1] + x), xp.sin(c[0])), (h, kept), xs)
        return xp.matrix_transpose(kept.reshape(-1, 16)) @ ys.reshape(-1, 16)

    assert summed(f, *[RNG.normal(size=s) for s in ((2, 16), (150, 2, 16), (150, 2, 16))], rtol=1e-11) == [0]


def test_nan_stays_where_it_is() -> None:
    args = arguments(5, 4, 6, 2)
    args[4][1, 2, 0] = np.nan
    assert summed(gradient(cell), *args) == [0, 3]
