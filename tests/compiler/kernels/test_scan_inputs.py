"""Products that move into the loop that reads them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import scalars, scan_inputs
from funcnet.compiler.kernels.scan_inputs import products_inside
from funcnet.compiler.loops import build
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
X, W, U, B, H = (RNG.normal(size=s) for s in ((4, 9, 3), (3, 5), (5, 5), (5,), (9, 5)))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_inputs, "threads", lambda: 1)
    # Nothing is written out, however few numbers it has.
    monkeypatch.setattr(scalars, "OPERATIONS", 0)


def recurrent(u: Any, h: Any, xs: Any, **options: Any) -> Any:
    return fn.scan(lambda h, x: (xp.tanh(x + h @ u), h), h, xs, **options)


def moved(f: Callable[..., Any], *args: Any) -> Any:
    """Check results; return the loop, and what is left beside it."""
    wanted = interpret(fn.trace(f, *args), tree.leaves(args))
    graph = products_inside(lowered(optimised(fn.trace(f, *args))))
    graph.verify()
    for a, b in zip(wanted, interpret(graph, tree.leaves(args)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12)
    if not build.available():
        for a, b in zip(wanted, FusedPlan(optimised(fn.trace(f, *args)))(*tree.leaves(args)), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-12)
    (e,) = [e for e in graph.equations if e.primitive.name == "scan"]
    e.primitive.regions[0].verify()  # type: ignore[attr-defined]
    inside = [q.primitive.name for q in e.primitive.regions[0].equations]  # type: ignore[attr-defined]
    return inside.count("matmul"), [q.primitive.name for q in graph.equations if q is not e]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_product_and_a_row(reverse: bool) -> None:
    def f(x: Any, w: Any, b: Any, u: Any, h: Any) -> Any:
        return recurrent(u, h, x @ w + b, reverse=reverse)

    assert moved(f, X, W, B, U, H) == (2, [])
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w, reverse=reverse), X, W, U, H) == (2, [])


def test_a_matrix_that_is_transposed() -> None:
    count, rest = moved(lambda x, w, u, h: recurrent(u, h, w[1] + x @ w[0].T), X, [W.T.copy(), B], U, H)
    assert count == 2
    assert "matmul" not in rest


def test_rows_that_the_loop_reads_too() -> None:
    def f(x: Any, u: Any, h: Any) -> Any:
        return fn.scan(lambda h, t: (xp.sin(t[0] + t[1] @ u), t[1] * h), h, (x @ u, x))

    assert moved(f, RNG.normal(size=(4, 9, 5)), U, H) == (2, [])


def test_gradients() -> None:
    def f(x: Any, w: Any, b: Any, u: Any, h: Any) -> Any:
        last, ys = recurrent(u, h, x @ w + b)
        return xp.sum(last * last) + xp.sum(xp.sin(ys))

    args = (X, W, B, U, H)
    graph = optimised(fn.trace(fn.value_and_grad(f, (0, 1, 2, 3, 4)), *args))
    changed = products_inside(lowered(graph))
    changed.verify()
    assert len(changed.equations) < len(lowered(graph).equations)
    plans = [lambda *given: interpret(changed, given)]
    plans += [] if build.available() else [FusedPlan(graph)]
    for plan in plans:
        for a, b in zip(interpret(graph, args), plan(*args), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-11)


def test_what_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    # Others read the product, the sum, or the row is none.
    def read(x: Any, w: Any, u: Any, h: Any) -> Any:
        y = x @ w
        return recurrent(u, h, y), xp.sum(y)

    assert moved(read, X, W, U, H)[0] == 1

    def summed(x: Any, w: Any, b: Any, u: Any, h: Any) -> Any:
        y = x @ w
        return recurrent(u, h, y + b), y

    assert moved(summed, X, W, B, U, H)[0] == 1
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w + h), X, W, U, H)[0] == 1
    # One vector for each step, and steps of few rows.
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w), X[:, 0], W, U, H[0])[0] == 1
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w), X[:, :7], W, U, H[:7])[0] == 1
    # Matrices that do not stay in the cache, for few rows and for many.
    monkeypatch.setattr(scan_inputs, "_MATRICES", 8 * (15 + 25) - 1)
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w), X, W, U, H)[0] == 1
    monkeypatch.setattr(scan_inputs, "_MANY", 9)
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w), X, W, U, H)[0] == 2
    monkeypatch.setattr(scan_inputs, "_DEPTH", 0)
    assert moved(lambda x, w, u, h: recurrent(u, h, x @ w), X, W, U, H)[0] == 1


def test_loops_that_are_not_compiled_whole() -> None:
    def f(x: Any, w: Any, h: Any) -> Any:
        return fn.scan(lambda h, t: (xp.sort(h + t, axis=1), None), h, x @ w)[0]

    assert moved(f, X, W, H) == (0, ["matmul"])
