"""Products before a loop over steps that are computed in its steps, while what they make is still in the cache."""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.scan import inner as nested
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.outside import Steps
from funcnet.compiler.workers import threads
from funcnet.core import Spec, registry

__all__ = ["products_inside"]

#: Bytes of the matrices of a step that stay in the cache.
_MATRICES = 1 << 21
#: Rows of a thread from which on products of a step are as fast as one product of all steps, where matrices stay in the
#: cache, and where they come from memory again: then with at most so many times as many rows of the matrix.
_ROWS, _MANY, _DEPTH = 8, 32, 8


def products_inside(graph: Graph) -> Graph:
    """Compute products of all steps' rows in the steps of the loop that alone reads them.

    What they make goes through memory twice otherwise. As one product they are faster where steps have few rows, or
    matrices that do not stay in the cache.
    """
    users = graph.users()
    made = {v: e for e in graph.equations for v in e.outputs}
    kept = {e: e for e in graph.equations}
    for e in graph.equations:
        if e.primitive.name == "scan" and e.outputs:
            inside, gone = _inside(e, made, users, graph)
            call: Any = inside.primitive
            if gone and body_of(call.regions[0], call.held, call.carried, nested) is not None:
                kept[e] = inside
                for q in gone:
                    del kept[q]
    return graph.with_equations(kept.values()) if len(kept) < len(graph.equations) else graph


def _inside(
    e: Equation, made: dict[Value, Equation], users: dict[Value, list[Equation]], graph: Graph
) -> tuple[Equation, list[Equation]]:
    """Return a loop that computes products itself, and the equations that did."""
    steps = Steps(e)
    used = sum([_bytes(q.inputs[1]) for q in steps.equations if q.primitive.name == "matmul" and len(q.values) == 2])
    gone: list[Equation] = []
    before: list[Equation] = []
    held = dict(steps.held)
    elements = dict(steps.elements)

    def taken(outer: Value, spec: Spec, places: dict[Any, Value], pairs: list[tuple[Any, Value]]) -> Value:
        if outer not in places:
            places[outer] = Value(spec)
            pairs.append((outer, places[outer]))
        return places[outer]

    for outer, inner in list(steps.elements):
        found = _product(outer, e, made, users, graph)
        if found is None:
            continue
        product, bias = found
        a, b = product.values
        rows = prod(inner.shape[:-1]) // threads()
        fits = used + _bytes(b) <= _MATRICES or (rows >= _MANY and b.shape[0] <= _DEPTH * rows)
        if rows < _ROWS or not fits:
            continue
        used += _bytes(b)
        turned = made.get(b)
        turned = turned if turned is not None and turned.primitive.name == "matrix_transpose" else None
        source = b if turned is None else turned.inputs[0]
        matrix = taken(source, source.spec, held, steps.held)
        if turned is not None:
            out = Value(b.spec)
            before.append(Equation(turned.primitive, (matrix,), turned.params, (out,), turned.line, turned.again))
            matrix = out
        stack = taken(a, _spec(a, a.shape[1:]), elements, steps.elements)
        out = inner if bias is None else Value(inner.spec)
        before.append(Equation(product.primitive, (stack, matrix), product.params, (out,), product.line, product.again))
        gone.append(product)
        if bias is not None:
            q, row = bias
            added = taken(row, row.spec, held, steps.held)
            before.append(Equation(registry["add"], (out, added), q.params, (inner,), q.line, q.again))
            gone.append(q)
        steps.elements.remove((outer, inner))
    if not gone:
        return e, gone
    steps.equations = [*before, *steps.equations]
    return steps.rebuilt(), gone


def _product(
    outer: Any, e: Equation, made: dict[Value, Equation], users: dict[Value, list[Equation]], graph: Graph
) -> tuple[Equation, tuple[Equation, Value] | None] | None:
    """Return the product that a loop alone reads, and the row that is added to its result before."""

    def alone(v: Value, user: Equation) -> bool:
        return users[v] == [user] and v not in graph.outputs and user.values.count(v) == 1

    q = made.get(outer)
    if q is None or not alone(outer, e):
        return None
    bias = None
    if q.primitive.name == "add" and len(q.values) == 2:
        for v, row in (q.values, q.values[::-1]):
            before = made.get(v)
            if before is not None and before.primitive.name == "matmul" and row.shape == outer.shape[-1:]:
                if alone(v, q) and row.dtype == outer.dtype:
                    q, bias = before, (q, row)
                    break
    if q.primitive.name != "matmul" or len(q.values) != 2:
        return None
    a, b = q.values
    floating = str(outer.dtype) in ("float32", "float64") and a.dtype == b.dtype == outer.dtype
    return (q, bias) if floating and len(a.shape) > 2 and len(b.shape) == 2 else None


def _spec(like: Value, shape: tuple[int, ...]) -> Spec:
    spec = like.spec
    return Spec(shape, spec.dtype, spec.backend, spec._device)  # pyright: ignore[reportPrivateUsage]  # may be open


def _bytes(v: Any) -> int:
    return prod(v.shape) * v.dtype.itemsize
