"""Loops over many rows of few columns, and values that serve several rows, agree with the interpreter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import tree, xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.fusion import loops
from funcnet.compiler.loops import build, emit, narrow
from funcnet.compiler.loops.group import (
    RUN_SUM,
    TURN_SUM,
)
from funcnet.compiler.passes import optimised

pytestmark = pytest.mark.skipif(
    bool(build.available()) and "FUNCNET_JIT" not in build.available(), reason="Numba is not installed"
)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def compared(f: Callable[..., Any], argument: Any, rtol: float = 1e-12) -> FusedPlan:
    leaves = tree.leaves(argument)
    graph = optimised(fn.trace(f, argument))
    plan = FusedPlan(graph)
    for _ in range(2):
        for a, b in zip(interpret(graph, leaves), plan(*leaves), strict=True):
            assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * float(np.max(np.abs(a), initial=1.0)))
    return plan


def energy(x: Any) -> Any:
    d = x[:, None] - x[None]
    return xp.sum(1.0 / xp.sqrt(xp.sum(d * d, axis=-1) + 0.1))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("points", "dimensions"), [(100, 3), (41, 16), (70, 1), (5, 3), (30, 17)])
def test_pairs_of_points(points: int, dimensions: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "threads", lambda: count)
    monkeypatch.setattr(loops, "_PARALLEL", 500)
    plan = compared(fn.value_and_grad(energy), normal(points, dimensions), 1e-11)
    roles = {role for loop in plan.loops for _, role in loop.outputs}
    assert ({RUN_SUM, TURN_SUM} <= roles) == (points >= 16 and dimensions <= 16)


def test_derivative_of_pairs_in_closed_form() -> None:
    x = normal(50, 3)
    d = x[:, None] - x[None]
    wanted = -2.0 * np.sum(d * (np.sum(d * d, axis=-1, keepdims=True) + 0.1) ** -1.5, axis=1)
    (found,) = FusedPlan(optimised(fn.trace(fn.grad(energy), x)))(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [64, 1000, 5000])
def test_rows_of_few_columns(rows: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrow, "BLOCK", 256)
    x, w, b = (a.astype(dtype) for a in (normal(rows, 10), normal(10), normal(rows, 1)))

    def f(p: Any) -> Any:
        x, w, b = p
        y = xp.softmax(x * w + b, axis=1)
        return (
            y,
            xp.sum(y * x),
            xp.mean(y * y, axis=0),
            xp.max(y, axis=1),
            xp.min(x * w, axis=1, keepdims=True),
            xp.mean(x * y, axis=1),
            xp.any(x > w, axis=1),
            xp.all(x > b, axis=1),
            xp.concat([x * y, y], axis=1),
            x[:, 2:5] * 2.0,
        )

    compared(f, [x, w, b], 1e-12 if dtype == "float64" else 1e-5)


def test_nan_in_extremes() -> None:
    x = normal(100, 4)
    x[3, 0] = x[4, 3] = x[5, 1] = np.nan
    (high, low) = FusedPlan(optimised(fn.trace(lambda x: (xp.max(x * 2, axis=1), xp.min(x * 2, axis=1)), x)))(x)
    np.testing.assert_array_equal(high, np.max(x * 2, axis=1))
    np.testing.assert_array_equal(low, np.min(x * 2, axis=1))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((20, 1, 30), (20, 50, 30)),
        ((20, 1, 3), (20, 50, 3)),
        ((1, 50, 1), (20, 50, 30)),
        ((1, 50, 1), (20, 50, 3)),
        ((20, 1, 30), (1, 50, 30)),
        ((6, 1, 5, 1), (1, 20, 5, 4)),
        ((6, 1, 1, 4), (6, 20, 5, 4)),
        ((1, 20, 1, 4), (6, 20, 5, 4)),
        ((20, 1, 4), (6, 20, 5, 4)),
        ((64, 1), (1, 3)),
        ((7, 1, 9), (7, 2, 9)),
    ],
)
def test_values_that_serve_several_rows(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    def f(p: Any) -> Any:
        y = xp.exp(-((p[0] - p[1]) ** 2))
        return y, xp.sum(y * p[1], axis=-1), xp.max(y, axis=-1)

    compared(f, [normal(*a), normal(*b)])
    compared(fn.value_and_grad(lambda p: xp.sum(f(p)[0] * p[1])), [normal(*a), normal(*b)])


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((20, 50, 3), 1), ((20, 50, 3), 0), ((4, 5, 30, 2), (1, 2)), ((9, 40, 8), 1)]
)
def test_sums_over_some_of_the_rows(shape: tuple[int, ...], axis: Any, mean: bool) -> None:
    reduced = xp.mean if mean else xp.sum

    def f(x: Any) -> Any:
        y = x / xp.sqrt(xp.sum(x * x, axis=-1, keepdims=True) + 1.0)
        return y, reduced(y, axis=axis), reduced(x, axis=axis, keepdims=True)

    compared(f, normal(*shape), 1e-11)
    compared(lambda x: reduced(x, axis=axis), normal(*shape), 1e-11)


def test_softmax_in_the_middle() -> None:
    compared(fn.value_and_grad(lambda x: xp.sum(xp.softmax(x, axis=1) ** 3)), normal(8, 20, 30), 1e-11)
    compared(lambda x: xp.softmax(x, axis=1), normal(8, 20, 3), 1e-12)


def test_sums_of_many_single_precision_rows() -> None:
    """Errors are those of one block, however many there are."""
    x = np.full((300_000, 3), 0.1, "float32")
    (found,) = FusedPlan(optimised(fn.trace(lambda x: xp.sum(x * 1.0, axis=0), x)))(x)
    np.testing.assert_allclose(found, 300_000 * float(x[0, 0]), rtol=emit.BLOCK * 2.0**-24)


def test_long_groups_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("funcnet.compiler.loops.group._EXPRESSIONS", 40)

    def f(x: Any) -> Any:
        for _ in range(20):
            x = x * 1.01 + 0.1
        return xp.sum(x, axis=1), x

    compared(f, normal(100, 5))
    compared(fn.value_and_grad(energy), normal(40, 3), 1e-11)


def test_whole_blocks() -> None:
    assert emit.BLOCK % 64 == 0
    compared(lambda x: xp.sum(x * 2.0, axis=1), normal(emit.BLOCK, 2))


@pytest.mark.parametrize("count", [1, 3])
def test_sums_over_a_dimension_of_size_one(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a batch of one, or of what was broadcast to it.
    def f(arguments: Any) -> Any:
        x, row, rows = arguments
        y = xp.tanh(x + row) * rows
        return xp.sum(y, axis=0), xp.sum(y, axis=0, keepdims=True), xp.sum(y), y

    monkeypatch.setattr(fused, "threads", lambda: count)
    monkeypatch.setattr(loops, "_PARALLEL", 500)
    arguments = (normal(1, 17, 5, 1, 16), normal(1, 1, 16), normal(17, 5, 1, 16))
    plan = compared(f, arguments)
    assert TURN_SUM in {role for loop in plan.loops for _, role in loop.outputs}
    compared(fn.grad(lambda a: xp.sum(xp.exp(-(f(a)[0] ** 2)))), arguments)
    for shape in ((1, 85, 16), (1, 1, 4999, 3)):
        compared(lambda x: (xp.sum(xp.exp(x), axis=0), xp.sum(xp.exp(x), axis=1), xp.exp(x) * 2.0), normal(*shape))
