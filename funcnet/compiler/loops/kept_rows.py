"""Sums and extremes of rows that keep their dimensions, where these are put back later.

A loop sees from the shape of a value whether there is one for each row: ``sum(x, axis=-1)`` has lost the dimension that
says so, and gets it back as ``y[..., None]`` after some operations only. Those then have it all the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.loops.group import REDUCTIONS, SHAPES
from funcnet.compiler.loops.groups import fusable
from funcnet.compiler.loops.windows import MOVED
from funcnet.core import Spec, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["with_rows_kept"]


def with_rows_kept(graph: Graph) -> Graph:
    """Return a graph with the same results in which rows keep their dimensions."""
    wanted = _wanted(graph)
    kept: list[Equation] = []
    #: What values are with more dimensions of size 1 at their end.
    tall: dict[Value, Value] = {}

    def reshaped(x: Value, out: Value, e: Equation) -> Value:
        kept.append(Equation(registry["reshape"], (x,), {"shape": out.shape}, (out,), e.line, e.again))
        return out

    def taller(v: Any, count: int, e: Equation) -> Any:
        if v.__class__ is not Value or not v.shape:
            return v
        new = tall.get(v)
        ones = (1,) * count
        return new if new is not None and wanted[v] == count else reshaped(v, _like(v, (*v.shape, *ones)), e)

    for e in graph.equations:
        out = e.outputs[0] if len(e.outputs) == 1 else None
        count = wanted.get(out, 0) if out is not None else 0
        # Whatever does not go element by element, a product as well as a permutation, reads what lost its dimensions.
        rows = count and (_sums_up(e, count) or (_by_element(e) and not {*e.values}.isdisjoint(tall)))
        if out is None or not rows:
            x = tall.get(e.inputs[0]) if e.primitive.name == "reshape" and e.inputs[0].__class__ is Value else None
            kept.append(e if x is None else e.replaced((x,)))
            continue
        new = tall[out] = _like(out, (*out.shape, *(1,) * count))
        if _sums_up(e, count):
            inputs, params = e.inputs, {**e.params, "keepdims": True}
        else:
            inputs, params = tuple([taller(v, count, e) for v in e.inputs]), e.params
        kept.append(Equation(e.primitive, inputs, params, (new,), e.line, e.again))
        reshaped(new, out, e)
    return graph.with_equations(kept) if tall else graph


def _wanted(graph: Graph) -> dict[Value, int]:
    """Return how many dimensions of size 1 values get at their end, after operations on their elements."""
    found: dict[Value, int] = {}
    made = {v for e in graph.equations for v in e.outputs}
    for e in reversed(graph.equations):
        if len(e.outputs) != 1:
            continue
        out, values = e.outputs[0], e.values
        if e.primitive.name == "reshape" and values and values[0] in made:
            shape = values[0].shape
            count = len(out.shape) - len(shape)
            if shape and count > 0 and out.shape == (*shape, *(1,) * count):
                found.setdefault(values[0], count)
        elif out in found and _by_element(e):
            for v in values:
                if v in made and v.shape == out.shape:
                    found.setdefault(v, found[out])
    return found


def _by_element(e: Equation) -> bool:
    return e.primitive.name not in (*REDUCTIONS, *SHAPES, *MOVED, "concat") and fusable(e)


def _sums_up(e: Equation, count: int) -> bool:
    """Whether an equation adds up, or looks for, what lies along the last dimensions."""
    if e.primitive.name not in REDUCTIONS or e.params.get("keepdims") or not fusable(e):
        return False
    axis: Any = e.params["axis"]
    rank = len(e.values[0].shape)
    axes: Sequence[int] = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    return sorted([k % rank for k in axes]) == list(range(rank - count, rank))


def _like(v: Value, shape: tuple[int, ...]) -> Value:
    spec = v.spec
    return Value(Spec(shape, spec.dtype, spec.backend, spec._device))  # pyright: ignore[reportPrivateUsage]  # may be open
