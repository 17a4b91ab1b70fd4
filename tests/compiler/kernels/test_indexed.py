"""Rows and elements that are taken and added where indices say so, as the interpreter has it."""

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

from funcnet.compiler.kernels import indexed as kernel  # noqa: E402

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
    monkeypatch.setattr(kernel, "_PARALLEL", 1)
    monkeypatch.setattr(kernel, "_VECTORS", 1)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    table = rng.standard_normal((count, *columns)).astype(dtype)
    rows = rng.integers(-count, count, shape).astype(index)
    weights = rng.standard_normal((*shape, *columns)).astype(dtype)
    compared(fn.grad(lambda t, i, w: xp.sum(xp.tanh(t[i]) * w)), table, rows, weights)
    # Added to what there is already.
    compared(lambda t, i, w: xp.at(t * 2.0, i).add(w * 0.5) + 1.0, table, rows, weights)


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize(
    ("columns", "shape", "axis"),
    [((5,), (3, 4), 1), ((40,), (20, 7), -2), ((2, 3), (2, 3, 5), (1, 2)), ((16,), (2, 3, 5), 2)],
)
def test_bags(
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
    threads: str,
    name: str,
    columns: tuple[int, ...],
    shape: tuple[int, ...],
    axis: Any,
) -> None:
    """Neither the rows that are taken nor those that are added are written."""
    monkeypatch.setattr(kernel, "_PARALLEL", 1)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    table = rng.standard_normal((9, *columns)).astype(np.float32)
    rows = rng.integers(-9, 9, shape)

    def loss(table: Any, rows: Any) -> Any:
        return xp.sum(xp.sin(getattr(xp, name)(table[rows], axis=axis)))

    plan = compared(fn.value_and_grad(loss), table, rows)
    assert f"{name} of rows" in plan.calls
    assert not {"broadcast_to", "gather, row by row"} & {*plan.calls}


def test_rows_that_are_not_bags(rng: np.random.Generator) -> None:
    """Sums over the rows' elements or over the first indices, of rows that others read, and repeated rows apart."""
    table, rows = rng.standard_normal((9, 6)), rng.integers(-9, 9, (4, 5))
    for f in (
        lambda t, i: xp.sum(t[i], axis=2),
        lambda t, i: xp.sum(t[i], axis=0),
        lambda t, i: xp.sum(t[i], axis=(1, 2)),
        lambda t, i: (xp.sum(t[i], axis=1), xp.sin(t[i])),
        lambda t, i: xp.at(t, i).add(xp.broadcast_to(t[:1] * 2.0, (4, 5, 6))),
        lambda t, i: xp.at(t, i).add(xp.broadcast_to(t[:5] * 2.0, (4, 5, 6))),
    ):
        graph = optimised(fn.trace(f, table, rows))
        plan = FusedPlan(graph)
        assert "sum of rows" not in plan.calls
        for a, b in zip(interpret(graph, (table, rows)), plan(table, rows), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-13, atol=1e-13)


def test_a_bag_without_a_row(rng: np.random.Generator) -> None:
    table, rows = rng.standard_normal((9, 6)), np.array([[0, 1], [2, 9]])
    plan = FusedPlan(optimised(fn.trace(lambda t, i: xp.mean(t[i], axis=1), table, rows)))
    with pytest.raises(IndexError, match="index 9 is out of bounds for axis 0 with size 9"):
        plan(table, rows)


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


@pytest.mark.parametrize("case", ["slice", "none", "integers", "apart", "broadcast", "beside an integer"])
def test_left_alone(rng: np.random.Generator, case: str) -> None:
    table = rng.standard_normal((6, 5))
    rows = np.zeros((0 if case == "none" else 3,), np.int64)
    key = {
        "slice": (slice(1, 4),),
        "broadcast": (rows, np.array([[0], [1]])),
        "beside an integer": (rows, 2),
        "apart": (rows, None, rows),
    }.get(case, (rows,))
    shape = table[key].shape
    more = rng.standard_normal(shape)
    if case == "integers":
        table, more = (a.astype("int64") for a in (table, more))
    compared(lambda t, v: xp.at(t, key).add(v), table, more, kernel=False)


#: Shape, key with the sizes of index arrays in place of these.
KEYS = [
    ((7,), ((20,),)),
    ((5, 9), (None, (4,))),
    ((3, 5, 9), (None, (2, 3))),
    ((3, 5, 70), (None, (8,))),
    ((4, 1), ((6,),)),
    ((1, 3), ((5,),)),
    ((6, 5), ((30,), (30,))),
    ((2, 6, 5, 3), (None, (3, 2), (3, 2))),
    ((2, 3, 4), (None, None, (5,))),
    ((4, 300), ((9,),)),
    ((8,), ((),)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "key"), KEYS)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_taken_and_added(
    monkeypatch: pytest.MonkeyPatch,
    in_python: Any,
    rng: np.random.Generator,
    dtype: str,
    shape: Any,
    key: Any,
    threads: str,
) -> None:
    """Duplicates, negative indices, zeros of both signs and what is not finite."""
    monkeypatch.setattr(kernel, "_PARALLEL", 1)
    monkeypatch.setattr(kernel, "_VECTORS", 2)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    x = rng.standard_normal(shape).astype(dtype)
    x.reshape(-1)[:4] = [np.nan, -0.0, np.inf, -np.inf][: x.size]
    indices = [rng.integers(-shape[k], shape[k], size) for k, size in enumerate(key) if size is not None]

    def full(indices: Any) -> Any:
        left = iter(indices)
        return tuple([slice(None) if size is None else next(left) for size in key])

    # Most of it as the Python that it is, which takes no time to compile.
    compile = build.compiled if shape in ((7,), (4, 300), (2, 6, 5, 3)) and threads == "1" else in_python
    plan = FusedPlan(optimised(fn.trace(lambda x, *i: x[full(i)], x, *indices)), compile)
    assert plan.calls == ["gather, row by row"]
    wanted = x[full(indices)]
    for _ in range(2):
        (found,) = plan(x, *indices)
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
    v = rng.standard_normal(wanted.shape).astype(dtype)
    plan = FusedPlan(optimised(fn.trace(lambda x, v, *i: xp.at(x, full(i)).add(v), x, v, *indices)), compile)
    assert plan.calls == ["index_add, row by row"]
    expected = x.copy()
    np.add.at(expected, full(indices), v)
    for _ in range(2):
        np.testing.assert_allclose(plan(x, v, *indices)[0], expected, rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("which", [0, 1])
def test_pairs_that_are_not_there(rng: np.random.Generator, which: int) -> None:
    """The message is the library's, wherever the wrong index is, and later calls know nothing of it."""
    x, good = rng.standard_normal((2, 6, 5)), [np.array([0, -6, 5]), np.array([4, -5, 0])]
    bad = [i.copy() for i in good]
    bad[which][1] = 6 if which == 0 else -6
    plan = FusedPlan(optimised(fn.trace(lambda x, i, j: xp.tanh(x[:, i, j]) * 2.0, x, *good)))
    with pytest.raises(IndexError) as wanted:
        x[:, bad[0], bad[1]]
    with pytest.raises(IndexError) as found:
        plan(x, *bad)
    assert str(found.value) == str(wanted.value)
    np.testing.assert_allclose(plan(x, *good)[0], np.tanh(x[:, good[0], good[1]]) * 2)


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
