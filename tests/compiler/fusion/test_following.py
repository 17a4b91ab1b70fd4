"""Which loops follow a product: the steps stay in an order in which they can run, and chains stay together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.fusion import following
from funcnet.compiler.fusion.following import chained, per_row
from funcnet.compiler.fusion.nodes import nodes_of
from funcnet.compiler.graph import Graph, Value
from funcnet.compiler.kernels import followed
from funcnet.compiler.loops.group import Group
from funcnet.compiler.loops.lowering import lowered
from funcnet.compiler.passes import optimised
from funcnet.nn import functional as nnf
from funcnet.testing.programs import random_program


@pytest.fixture(autouse=True)
def _however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LEAST", 1)
    monkeypatch.setattr(followed, "_PANEL", 1)


def graph_of(f: Callable[..., Any], *shapes: Any) -> Graph:
    return lowered(optimised(fn.trace(f, *[np.ones(s) for s in shapes])))


def checked(graph: Graph, count: int = 1) -> list[tuple[list[str], bool]]:
    """Return the operations of the loops of each chain, and whether the product's result is kept."""
    nodes = nodes_of(graph)
    results = {v for v in graph.outputs if v.__class__ is Value}
    found, chains = chained(nodes, results, count)
    assert sorted(map(id, found)) == sorted(map(id, nodes))
    there = {*graph.inputs, *graph.constants}
    for node in found:
        equations = node.equations if isinstance(node, Group) else [node]
        for e in equations:
            assert there.issuperset(e.values)
            there.update(e.outputs)
    described: list[tuple[list[str], bool]] = []
    for i, chain in chains.items():
        assert found[i] is chain.product
        assert found[i + 1 : i + 1 + len(chain.loops)] == chain.loops
        out = chain.product.outputs[0]
        others = [n for n in found if n not in chain.loops and n is not chain.product]
        read = any(out in e.values for n in others for e in (n.equations if isinstance(n, Group) else [n]))
        assert chain.kept == (read or out in results)
        described += [([e.primitive.name for e in loop.equations], chain.kept) for loop in chain.loops]
    return described


def test_a_loop_follows() -> None:
    assert checked(graph_of(lambda x, w, b: xp.tanh(x @ w + b), (40, 8), (8, 20), 20)) == [(["add", "tanh"], False)]


def test_results_are_kept() -> None:
    def f(x: Any, w: Any) -> Any:
        y = x @ w
        return y, xp.exp(y)

    assert checked(graph_of(f, (40, 8), (8, 20))) == [(["exp"], True)]
    assert checked(graph_of(lambda x, w: (xp.exp(x @ w), (x @ w) @ x), (40, 8), (8, 40))) == [(["exp"], True)]


def test_a_product_moves_behind_what_the_loop_waits_for() -> None:
    def f(x: Any, w: Any, v: Any) -> Any:
        y = x @ w
        return y * xp.sum(xp.sort(v)) + xp.sort(v)[0, 0], xp.sort(v @ y)

    graph = graph_of(f, (40, 8), (8, 20), (20, 40))
    assert [names[0] for names, _ in checked(graph)] == ["multiply"]


def test_a_loop_that_waits_for_all_of_a_product_is_for_itself() -> None:
    # The sort needs the product, and the loop needs the sort.
    assert checked(graph_of(lambda x, w: x @ w + xp.sort(x @ w, axis=0), (40, 8), (8, 20))) == []

    # So does the norm of a gradient, which every update waits for.
    def clipped(x: Any, w: Any) -> Any:
        y = x @ w
        return y / xp.maximum(1.0, xp.sqrt(xp.sum(y * y)))

    assert checked(graph_of(clipped, (40, 8), (8, 20))) == [(["multiply", "sum"], True)]


def test_loops_that_read_other_rows_are_for_themselves() -> None:
    assert checked(graph_of(lambda x, w: xp.roll(x @ w, 1, axis=0) * 2.0 + x[0, 0], (40, 8), (8, 20))) == []
    assert checked(graph_of(lambda x, w: (x @ w)[1:] - (x @ w)[:-1], (40, 8), (8, 20))) == []
    # A sum over some of the dimensions of its rows takes several of the product's at a time.
    assert checked(graph_of(lambda x, w: xp.exp(xp.sum(x @ w, axis=(1, 2))), (4, 40, 8), (8, 20))) == []


def test_effects_keep_their_order() -> None:
    def f(x: Any, w: Any) -> Any:
        y = x @ w
        fn.debug_print("{}", xp.sum(xp.sort(y, axis=0)))
        fn.debug_print("{}", x[0, 0])
        for k in range(8):
            x = xp.sort(x, axis=k % 2)
        return y * xp.sum(x)

    # The first of them waits for the product, the loop for much more; the second one would come before it.
    assert checked(graph_of(f, (40, 8), (8, 20))) == []


def test_large_results_only(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(lambda x, w, b: xp.tanh(x @ w + b), (40, 8), (8, 20), 20)
    monkeypatch.setattr(following, "_LEAST", 40 * 20 * 8 + 1)
    assert checked(graph) == []
    monkeypatch.setattr(following, "_LEAST", 40 * 20 * 8)
    assert len(checked(graph)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_any_program_stays_in_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "_COLUMNS", 1)
    monkeypatch.setattr(followed.tile, "shape", lambda _: followed.tile._shape(8)._replace(rows=1))
    program = random_program(seed, steps=30)
    graph = lowered(optimised(fn.trace(fn.value_and_grad(lambda a: program(xp, a)), program.arguments)))
    checked(graph, 1 + seed % 3)


def test_several_products_and_their_loops() -> None:
    def loss(x: Any, ws: Any) -> Any:
        for w in ws:
            x = nnf.softmax(nnf.gelu(x @ w, approximate=True) @ w.mT + x)
        return xp.sum(x * x)

    ws = [np.ones((24, 32))] * 3
    graph = lowered(optimised(fn.trace(fn.value_and_grad(loss, argnums=(0, 1)), np.ones((60, 24)), ws)))
    assert len(checked(graph)) >= 6


def test_steps_of_a_loop_for_a_row() -> None:
    flat, rows = Group((40, 20)), Group((8, 5, 20))
    assert per_row(flat, 20) == 20
    rows.split = 2
    assert per_row(rows, 20) == 1
    rows.split = 1
    assert per_row(rows, 20) is None
    flat.split = 2
    assert per_row(flat, 20) == 20
