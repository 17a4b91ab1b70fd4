"""Sums over all steps of a loop, of matrix products and of rows, that it adds up while their terms are in the cache."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.scan import inner
from funcnet.compiler.kernels.scan_body import body_of
from funcnet.compiler.kernels.scan_text import CHUNK
from funcnet.compiler.outside import Steps
from funcnet.compiler.passes import remove_dead
from funcnet.compiler.workers import threads
from funcnet.core import Spec, registry

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["sums_inside"]

#: Bytes of matrices, and of the rows that wait for it, that stay in the cache.
_MATRICES = _WAITING = 1 << 20
#: Columns of a result below which it is made in no time.
_COLUMNS = 16


def sums_inside(graph: Graph) -> Graph:
    """Have loops add up products ``x.T @ y`` and rows of all steps where y is a result that nothing else reads.

    The rows need not go to memory then, nor come back from there for each of these sums.
    """
    if not any([e.primitive.name == "scan" for e in graph.equations]):
        return graph
    users = graph.users()
    made = {v: e for e in graph.equations for v in e.outputs}
    order = {v: i for i, e in enumerate(graph.equations) for v in e.outputs}
    kept = {e: e for e in graph.equations}
    constants = dict(graph.constants)
    for i, e in enumerate(graph.equations):
        call: Any = e.primitive
        if call.name != "scan" or not call.length or call.meta.get("effect"):
            continue
        # Its carries are not there before it has come to its end either; its results are, step by step.
        found = _found(e, users, made, {v for v, k in order.items() if k >= i}, graph)
        inside = _inside(e, found, constants) if found else None
        if inside is not None:
            kept[e] = inside
            for q, _, _ in found:
                del kept[q]
    if len(kept) == len(graph.equations):
        return graph
    return remove_dead(Graph(graph.inputs, kept.values(), graph.outputs, constants))


def _found(
    e: Equation, users: dict[Value, list[Equation]], made: dict[Value, Equation], later: set[Value], graph: Graph
) -> list[tuple[Equation, Value | None, Value]]:
    """Return equations that compute sums of a loop's results: of which x and y, or rows y."""
    call: Any = e.primitive
    found: list[tuple[Equation, Value | None, Value]] = []
    for y in e.outputs[call.carried :]:
        if len(y.shape) != 3 or str(y.dtype) not in ("float32", "float64") or y.shape[-1] < _COLUMNS:
            continue
        if y in graph.outputs or prod(y.shape[1:]) * _steps(y) * y.dtype.itemsize > _WAITING * threads():
            continue
        sums: list[tuple[Equation, Value | None, Value]] = []
        for q in users.get(y, ()):
            if q.primitive.name == "sum" and _of_rows(q):
                sums.append((q, None, y))
            elif (
                q.primitive.name == "reshape" and q.outputs[0].shape == _matrix(y) and q.outputs[0] not in graph.outputs
            ):
                sums += [(u, _left(u, q.outputs[0], made, later, e, y), y) for u in users.get(q.outputs[0], ())]
            else:
                break
        else:
            if sums and all([q.primitive.name == "sum" or x is not None for q, x, _ in sums]):
                found += sums
    return found


def _left(
    q: Equation, right: Value, made: dict[Value, Equation], later: set[Value], e: Equation, y: Value
) -> Value | None:
    """Return x, stacked rows of all steps, where an equation is a product ``x.T @ right``."""
    if q.primitive.name != "matmul" or len(q.values) != 2 or q.inputs[1] is not right:
        return None
    turned = made.get(q.inputs[0])
    rows = made.get(turned.inputs[0]) if turned is not None and turned.primitive.name == "matrix_transpose" else None
    x = rows.inputs[0] if rows is not None and rows.primitive.name == "reshape" else None
    if x is None or len(x.shape) != 3 or x.shape[:2] != y.shape[:2] or rows.outputs[0].shape != _matrix(x):  # type: ignore[union-attr]
        return None
    call: Any = e.primitive
    there = x not in later or x in e.outputs[call.carried :]
    return x if there and x.dtype == y.dtype == q.outputs[0].dtype else None


def _inside(
    e: Equation, found: Iterable[tuple[Equation, Value | None, Value]], constants: dict[Value, Any]
) -> Equation | None:
    """Return the loop with more to carry; None if it cannot be compiled whole, or needs too large matrices."""
    steps = Steps(e)
    size = sum([_bytes(q.inputs[1]) for q in steps.equations if q.primitive.name == "matmul" and len(q.values) == 2])
    if size + sum([_bytes(q.outputs[0]) for q, _, _ in found]) > _MATRICES:
        return None
    places = {outer: inner for outer, inner in steps.elements} | {outer: inner for inner, outer in steps.results}
    zeros: dict[Value, Any] = {}
    for q, x, y in found:
        out = q.outputs[0]
        if x is not None and x not in places:
            places[x] = Value(_spec(x, x.shape[1:]))
            steps.elements.append((x, places[x]))
        rows = places[y]
        part, before, after, start = [Value(out.spec) for _ in range(4)]
        if x is None:
            params = {**q.params, "axis": (0,)}
            steps.equations.append(Equation(q.primitive, (rows,), params, (part,), q.line, q.again))
        else:
            turned = Value(_spec(x, (x.shape[2], x.shape[1])))
            named = registry["matrix_transpose"]
            steps.equations.append(Equation(named, (places[x],), {}, (turned,), q.line, q.again))
            steps.equations.append(Equation(q.primitive, (turned, rows), q.params, (part,), q.line, q.again))
        steps.equations.append(Equation(registry["add"], (before, part), {}, (after,), q.line, q.again))
        zeros[start] = np.zeros(out.shape, out.dtype)
        steps.carries.append((start, before, after, out))
    summed = {y for _, _, y in found}
    steps.results = [r for r in steps.results if r[1] not in summed]
    inside = steps.rebuilt()
    call: Any = inside.primitive
    body = body_of(call.regions[0], call.held, call.carried, inner)
    if body is None or len(body.sums) < len(zeros):
        return None
    constants.update(zeros)
    return inside


def _steps(y: Value) -> int:
    """Return for how many steps rows wait on each thread."""
    return -(-CHUNK // max(1, y.shape[1] // threads()))


def _of_rows(e: Equation) -> bool:
    axis = e.params["axis"]
    plain = not e.params["keepdims"] and e.params.get("dtype") is None and e.inputs[0].dtype == e.outputs[0].dtype
    return plain and not isinstance(axis, int) and tuple(axis) == (0, 1)


def _matrix(v: Value) -> tuple[int, int]:
    return (v.shape[0] * v.shape[1], v.shape[2])


def _spec(like: Value, shape: tuple[int, ...]) -> Spec:
    spec = like.spec
    return Spec(shape, spec.dtype, spec.backend, spec._device)  # pyright: ignore[reportPrivateUsage]  # may be open


def _bytes(v: Any) -> int:
    return prod(v.shape) * v.dtype.itemsize
