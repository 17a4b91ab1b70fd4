"""What the steps of a fused plan are: loops, products that write to given memory, views, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.graph import Equation, Value
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.loops.conversions import converted_again
from funcnet.compiler.loops.group import (
    JOINED,
    RUN_SUM,
    TURN_SUM,
    Group,
)
from funcnet.compiler.loops.groups import grouped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["ARRAYS", "equations_of", "is_product", "nodes_of", "seen_through", "shares", "turns_of"]

#: Results of these show all of their argument in another order.
_TURNS = frozenset(["matrix_transpose", "permute_dims"])
#: Results of loops that are arrays.
ARRAYS = ("full", "row", "column sum", JOINED, RUN_SUM, TURN_SUM)
#: What loops take in for the sake of operations around it.
_MOVES = frozenset(
    ["astype", "astype_exact", "broadcast_to", "concat", "expand_dims", "getitem", "reshape", "roll", "squeeze"]
)
#: Results of these are arrays of their own.
_FRESH = frozenset(["matmul", "sum", "mean", "max", "min", "affine", "concat", "stack", "einsum"])


def nodes_of(graph: Graph) -> list[Group | Equation]:
    """Return the steps of a graph in an order in which they can run: loops, and equations that are none."""
    return converted_again([_unwrapped(n) for n in grouped(graph)], graph.outputs)


def equations_of(nodes: Sequence[Group | Equation]) -> list[Equation]:
    """Return the steps that are equations."""
    return [n for n in nodes if isinstance(n, Equation)]


def turns_of(nodes: Sequence[Group | Equation]) -> dict[Value, Equation]:
    """Return by their results the equations that show all of their argument in another order."""
    return {n.outputs[0]: n for n in equations_of(nodes) if n.primitive.name in _TURNS}


def seen_through(v: Value, turns: Mapping[Value, Equation]) -> tuple[Value, list[Equation]]:
    """Return what a value shows in another order, and the views from there to it."""
    views: list[Equation] = []
    while (e := turns.get(v)) is not None:
        views.insert(0, e)
        v = e.inputs[0]
    return v, views


def shares(e: Equation) -> bool:
    """Whether results may show the memory of arguments."""
    p = e.primitive
    return p.name not in _FRESH and p.kind != "elementwise" and p.__class__ is not Special


def is_product(e: Equation) -> bool:
    """Whether an equation is a matrix product that can write into memory that it is given."""
    if e.primitive.name != "matmul" or len(e.values) != 2:
        return False
    a, b = e.values
    floating = np.dtype(a.dtype).kind == "f" and np.dtype(a.dtype).itemsize >= 4
    return floating and a.dtype == b.dtype and len(a.shape) >= 2 and len(b.shape) >= 2


def _unwrapped(node: Group | Equation) -> Group | Equation:
    """Return a loop that only moves numbers as the operation that it is made of: the result may be a view."""
    if not isinstance(node, Group) or len(node.equations) > 1:
        return node
    (e,) = node.equations
    return e if e.primitive.name in _MOVES else node
