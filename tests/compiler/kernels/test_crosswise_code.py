"""Kernels of several passes have the interpreter's results, in one piece and in several."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import crosswise_code
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
SHAPES: list[tuple[tuple[int, ...], Any]] = [
    ((7, 5), 0),
    ((3, 5, 4), 1),
    ((2, 40, 3), 1),
    ((50, 7), 0),
    ((2, 6, 70), 1),
    ((3, 150), 0),
    ((2, 3, 4, 5), (1, 2)),
    ((2, 1, 9, 5), (1, 2)),
]
FUNCTIONS: dict[str, Any] = {
    "softmax": lambda x, axis: (
        xp.exp(x - xp.max(x, axis=axis, keepdims=True)) / xp.sum(xp.exp(x), axis=axis, keepdims=True)
    ),
    "logsumexp": lambda x, axis: xp.logsumexp(x, axis=axis),
    "std": lambda x, axis: xp.std(x, axis=axis),
    "max": lambda x, axis: xp.max(x, axis=axis),
    "min": lambda x, axis: xp.min(x, axis=axis, keepdims=True) * x,
    "standardized": lambda x, axis: (
        (x - xp.mean(x, axis=axis, keepdims=True)) / (xp.std(x, axis=axis, keepdims=True) + 1)
    ),
}
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def checked(compile: Any, f: Any, *arguments: Any, rtol: float = 1e-11) -> None:
    graph = optimised(fn.trace(f, *arguments))
    plan = FusedPlan(graph, compile)
    assert any(["row by row" in c or "pass by pass" in c for c in plan.calls])
    wanted = interpret(graph, arguments)
    for _ in range(2):
        for a, b in zip(plan(*arguments), wanted, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("parts", [1, 2])
def test_as_interpreted(
    in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, axis: Any, name: str, parts: int
) -> None:
    """Whole and, with two threads, in blocks of few columns."""
    if parts > 1:
        monkeypatch.setattr(fused, "threads", lambda: 2)
        monkeypatch.setattr(crosswise_code, "_PARALLEL", 1)
        monkeypatch.setattr(crosswise_code, "_CACHE", 1)
    f = FUNCTIONS[name]
    x = RNG.normal(size=shape)
    checked(in_python, lambda x: f(x, axis), x)
    checked(in_python, fn.grad(lambda x: xp.sum(f(x * 1.5, axis) ** 2)), x)


@pytest.mark.parametrize(("shape", "axis"), [((9, 6), 0), ((2, 9, 70), 1)])
def test_neighbours_of_every_kind(in_python: Any, shape: Any, axis: int) -> None:
    """Numbers for each column, each column of each table, each row, and one for all."""
    x = RNG.normal(size=shape)
    column, table = RNG.normal(size=shape[axis + 1 :]), RNG.normal(size=(*shape[:axis], 1, *shape[axis + 1 :]))
    row, one = RNG.normal(size=(*shape[: axis + 1], 1)), np.float64(1.5)

    def f(x: Any, column: Any, table: Any, row: Any, one: Any) -> Any:
        y = xp.exp(x * column - table) * row + one
        s = xp.sum(y, axis=axis, keepdims=True) * table / one + 2
        return y / s - column, xp.where(y > one, s, y), s

    checked(in_python, f, x, column, table, row, one)
    # Without numbers of rows, short rows are taken together.
    checked(in_python, lambda x, c, t, o: f(x, c, t, o, o), x, column, table, one)


@pytest.mark.parametrize("shape", [(40, 5), (6, 130)])
def test_not_finite(in_python: Any, shape: Any) -> None:
    x = RNG.normal(size=shape)
    x[3, :4] = [np.nan, np.inf, -np.inf, -0.0]
    x[:, 4] = -np.inf
    with np.errstate(invalid="ignore"):
        checked(in_python, lambda x: xp.softmax(x, axis=0), x)
        checked(in_python, lambda x: (xp.max(x, axis=0), x - xp.min(x, axis=0)), x)
        checked(in_python, lambda x: xp.logsumexp(x, axis=0), x)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((300, 7), 0), ((3, 20, 200), 1)])
def test_compiled(dtype: str, shape: Any, axis: int) -> None:
    x, w = RNG.normal(size=shape).astype(dtype), RNG.normal(size=shape).astype(dtype)
    x.reshape(-1)[2] = 30
    rtol = 1e-5 if dtype == "float32" else 1e-12

    def f(x: Any, w: Any) -> Any:
        return xp.sum(xp.log_softmax(x, axis=axis) * w) + xp.sum(xp.max(x, axis=axis) * xp.std(x, axis=axis))

    checked(build.compiled, fn.value_and_grad(f), x, w, rtol=rtol)
