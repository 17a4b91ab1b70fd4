"""What leaves loops over steps: the loop does less, and the results are the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import passes
from funcnet.compiler.capture import interpret
from funcnet.compiler.graph import Graph

W, X, XS = (np.random.default_rng(0).normal(size=s) for s in ((3, 3), (2, 3), (5, 2, 3)))


def optimised(f: Callable[..., Any], *args: Any) -> tuple[Graph, list[Any]]:
    """Return the graph of a function, which is compared with the function, and the loops in it."""
    graph = passes.optimised(fn.trace(f, *args))
    graph.verify()
    scans = [e for e in graph.equations if e.primitive.name == "scan"]
    for e in scans:
        e.primitive.regions[0].verify()
        assert [v.spec for v in e.outputs] == e.primitive.specs(e.inputs)
    wanted = tree.leaves(f(*args))
    for a, b in zip(wanted, interpret(graph, tree.leaves(args)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-13)
    return graph, scans


def names(e: Any) -> list[str]:
    return [q.primitive.name for q in e.primitive.regions[0].equations]


def test_what_is_the_same_in_each_step() -> None:
    def f(w: Any, x: Any, xs: Any) -> Any:
        table = np.arange(9.0).reshape(3, 3)
        return fn.scan(lambda c, t: (xp.tanh(c @ (xp.exp(w) + table)[:, :3] + t), xp.sin(w)[0]), x, xs)

    graph, (e,) = optimised(f, W, X, XS)
    assert sorted(names(e)) == ["add", "matmul", "tanh"]
    assert {"exp", "sin", "getitem"} <= {q.primitive.name for q in graph.equations}


def test_a_carry_that_stays_and_elements_that_are_returned() -> None:
    def f(w: Any, x: Any, xs: Any) -> Any:
        return fn.scan(lambda c, t: ((c[0], c[1] * t), (t, c[0] @ w)), (x, x * 2.0), xs)

    _, (e,) = optimised(f, W, X, XS)
    assert (e.primitive.carried, len(e.outputs)) == (1, 2)
    assert names(e) == ["multiply"]


def test_what_comes_out_twice() -> None:
    def f(x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            c = xp.sin(c + t)
            return c, (c, c, xp.cos(t))

        return fn.scan(step, x, xs)

    _, (e,) = optimised(f, X, XS)
    assert len(e.outputs) == 3
    _, (a, b, _) = fn.jit(f)(X, XS)
    assert a is not b
    assert not np.shares_memory(a, b)
    # What is returned is also what the loop back reads.
    _, (forward, _) = optimised(fn.value_and_grad(lambda x, xs: xp.sum(xp.sin(f(x, xs)[1][0]))), X, XS)
    assert len(forward.outputs) == 3


@pytest.mark.parametrize("reverse", [False, True])
def test_products_before_and_after(reverse: bool) -> None:
    def f(w: Any, x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            c = xp.sin(c + t @ w)
            return c, c @ w.T

        return fn.scan(step, x, xs, reverse=reverse)

    graph, (e,) = optimised(f, W, X, XS)
    assert names(e) == ["add", "sin"]
    assert [q.primitive.name for q in graph.equations].count("matmul") == 2
    optimised(f, W, X[0], XS[:, 0])
    optimised(fn.grad(lambda *p: xp.sum(f(*p)[1] ** 2), (0, 1, 2)), W, X, XS)


def test_products_that_steps_need_stay() -> None:
    def f(w: Any, x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            y = c @ w
            return xp.sin(y + t), (y, xp.sum(c) * (c[:1, :1] @ w[:1]))

        return fn.scan(step, x, xs)

    _, (e,) = optimised(f, W, X, XS)
    assert names(e).count("matmul") == 2


def test_a_cell_back_through_time() -> None:
    """The loop back has the product with the carry only; the others are for all steps at once."""

    def loss(w: Any, u: Any, b: Any, x: Any, xs: Any) -> Any:
        def step(h: Any, t: Any) -> Any:
            h = xp.tanh(t @ w + h @ u + b)
            return h, h

        return xp.sum(fn.scan(step, x, xs)[1] ** 2)

    graph, scans = optimised(fn.grad(loss, (0, 1, 2, 3, 4)), W, W * 0.5, W[0], X, XS)
    assert [names(e).count("matmul") for e in scans] == [1, 1]
    assert [names(e).count("sum") for e in scans] == [0, 0]
    assert [e.primitive.carried for e in scans] == [1, 1]
    assert [q.primitive.name for q in graph.equations].count("matmul") == 4


def test_no_steps() -> None:
    def f(w: Any, x: Any, xs: Any) -> Any:
        return fn.scan(lambda c, t: (c @ xp.exp(w), t @ w), x, xs)

    optimised(f, W, X, XS[:0])


def test_effects_stay() -> None:
    def f(x: Any, xs: Any) -> Any:
        def step(c: Any, t: Any) -> Any:
            fn.debug_print("{}", c)
            return c + t, t

        return fn.scan(step, x, xs)

    graph = passes.optimised(fn.trace(f, X, XS))
    (e,) = [e for e in graph.equations if e.primitive.name == "scan"]
    assert e.primitive.meta["effect"]
    assert len(e.outputs) == 2
