"""Rows that are added where indices say so, as the interpreter has it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised
from funcnet.nn import functional as nnf

pytestmark = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")

from funcnet.compiler.kernels import rows as kernel  # noqa: E402

NAME = "index_add, row by row"


def compared(f: Callable[..., Any], *arguments: Any, kernel: bool = True) -> FusedPlan:
    graph = optimised(fn.trace(f, *arguments))
    wanted = interpret(graph, arguments)
    plan = FusedPlan(graph)
    assert (NAME in plan.calls) == kernel
    for _ in range(2):
        for a, b in zip(wanted, plan(*arguments), strict=True):
            rtol = 1e-5 if a.dtype == np.float32 else 1e-13
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol)
    return plan


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize(("count", "columns", "shape"), [(7, (5,), (3, 4)), (5, (16,), (20,)), (3, (2, 3), (2, 1))])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_embeddings(
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
    dtype: str,
    index: str,
    count: int,
    columns: tuple[int, ...],
    shape: tuple[int, ...],
    threads: str,
) -> None:
    """Rows are named several times, some of them counted from the end."""
    monkeypatch.setattr(kernel, "_PARALLEL", 0)
    monkeypatch.setattr(kernel, "_LINE", 2)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    table = rng.standard_normal((count, *columns)).astype(dtype)
    rows = rng.integers(-count, count, shape).astype(index)
    weights = rng.standard_normal((*shape, *columns)).astype(dtype)
    compared(fn.grad(lambda t, i, w: xp.sum(xp.tanh(t[i]) * w)), table, rows, weights)
    # Added to what there is already.
    compared(lambda t, i, w: xp.at(t * 2.0, i).add(w * 0.5) + 1.0, table, rows, weights)


def test_tied_embeddings(rng: np.random.Generator) -> None:
    table = rng.standard_normal((6, 8))
    tokens = rng.integers(0, 6, (2, 5))

    def loss(table: Any, tokens: Any) -> Any:
        return xp.sum(xp.tanh(nnf.embedding(tokens, table) @ xp.matrix_transpose(table)))

    compared(fn.value_and_grad(loss), table, tokens)


@pytest.mark.parametrize("row", [6, -7])
def test_rows_that_are_not_there(rng: np.random.Generator, row: int) -> None:
    table, rows, more = rng.standard_normal((6, 4)), np.array([0, 1]), rng.standard_normal((2, 4))
    plan = compared(lambda t, i, v: xp.at(t, i).add(v), table, rows, more)
    with pytest.raises(IndexError, match="out of bounds"):
        plan(table, np.array([0, row]), more)
    (found,) = plan(table, rows, more)
    np.testing.assert_array_equal(found[0], table[0] + more[0])


@pytest.mark.parametrize("case", ["two", "slice", "short", "none", "integers"])
def test_left_alone(rng: np.random.Generator, case: str) -> None:
    table = rng.standard_normal((6, 2 if case == "short" else 5))
    rows = np.zeros((0 if case == "none" else 3,), np.int64)
    key = {"two": (rows, np.array([0, 1, 1])), "slice": (slice(1, 4),)}.get(case, (rows,))
    shape = {"two": (3,), "none": (0, 5)}.get(case, (3, table.shape[1]))
    more = rng.standard_normal(shape)
    if case == "integers":
        table, more = (a.astype("int64") for a in (table, more))
    compared(lambda t, v: xp.at(t, key).add(v), table, more, kernel=False)


def test_results_in_given_arrays(rng: np.random.Generator) -> None:
    """Arrays that hold something are cleared; those that the plan makes, and those in its block, begin with zeros."""
    table, rows = rng.standard_normal((6, 5)), np.array([1, -1, 1])
    graph = optimised(fn.trace(fn.grad(lambda t, i: xp.sum(t[i] ** 2)), table, rows))
    plan = FusedPlan(graph)
    (wanted,) = interpret(graph, (table, rows))
    target = np.full((6, 5), np.nan)
    with plan.into() as function:
        for _ in range(2):
            function(table, rows, target)
            np.testing.assert_allclose(target, wanted)
    compared(lambda t, i: xp.tanh(fn.grad(lambda t, i: xp.sum(t[i] ** 2))(t, i)) * t, table, rows)
