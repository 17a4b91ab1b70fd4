"""Graphs that meet a decomposition with repeated values.

A graph holds the derivative rules of distinct values, and only shows when it runs that they are not. What follows from
the decomposition is then followed as eager code follows it, as series in a small number, from the same equations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Value
from funcnet.core import Tracer, bind
from funcnet.ops.linalg.splitting import closed, entered, known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Graph

__all__ = ["followed"]


def followed(graph: Graph, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """Run a graph on plain arrays equation by equation, as series from each decomposition with repeated values.

    Returns None if there is no such decomposition in the graph.
    """
    order = _order(graph)
    entries = 0
    env: dict[Value, Any] = dict(zip(graph.inputs, values, strict=True))
    env.update(graph.constants)
    for e in graph.equations:
        args = [env[v] if v.__class__ is Value else v for v in e.inputs]
        y = bind(e.primitive, *args, **e.params)
        repeats = closed.get(e.primitive.name)
        if repeats is not None and args[0].__class__ is not Tracer and known(repeats(y)):
            entries += 1
            y = bind(e.primitive, entered(args[0], order), **e.params)
        for v, part in zip(e.outputs, y if e.primitive.multiple else (y,), strict=True):
            env[v] = part
    if not entries:
        return None
    found = [env[v] if v.__class__ is Value else v for v in graph.outputs]
    return tuple([y.trace.settle(y) if y.__class__ is Tracer else y for y in found])


def _order(graph: Graph) -> int:
    """Return how many divisions by gaps follow on one another at most: each takes one power of the small number."""
    depth: dict[Any, int] = {}
    for e in graph.equations:
        above = max([depth.get(v, 0) for v in e.inputs if v.__class__ is Value], default=0)
        above += e.primitive.name == "by_gaps"
        depth.update(dict.fromkeys(e.outputs, above))
    return max(depth.values(), default=0)
