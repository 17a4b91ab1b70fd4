"""Carries of a loop that only add something up, which a step need not have."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcnet.compiler.graph import Equation, Graph, Value

__all__ = ["Sum", "without_sums"]


class Sum(NamedTuple):
    """What one carry adds up: products ``x.T @ y`` of all steps, or the rows of y if there is no x."""

    x: Value | None
    y: Value


def without_sums(graph: Graph, held: int, carried: int) -> tuple[Graph, int, list[Sum]]:
    """Return a step without the last carries that only add something up, and what these are.

    What they read are the last of its results.
    """
    users, made = graph.users(), {v: e for e in graph.equations for v in e.outputs}
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    stays = {*inputs[: held + carried], *graph.constants}
    sums: list[Sum] = []
    gone: set[Equation] = set()
    for i in reversed(range(carried)):
        carry, out = inputs[held + i], outputs[i]
        e = made.get(out)
        if e is None or e.primitive.name != "add" or users.get(carry) != [e] or carry in outputs:
            break
        if outputs.count(out) > 1 or users.get(out) or len(e.values) != 2 or e.values.count(carry) != 1:
            break
        part = e.values[e.values[0] is carry]
        chain = _chain(part, made, users, outputs) if part.shape == out.shape else None
        if chain is None:
            break
        found, equations = chain
        values = [v for v in found if v is not None]
        if any([v in stays or v in outputs[:carried] or v.dtype != out.dtype or len(v.shape) != 2 for v in values]):
            break
        sums.insert(0, found)
        gone |= {e, *equations}
        del inputs[held + i], outputs[i]
    kept = [e for e in graph.equations if e not in gone]
    outputs += [v for s in sums for v in s if v is not None]
    short = Graph(inputs, kept, outputs, graph.constants)
    return short.with_equations(kept), held, sums


def _chain(
    part: Value, made: dict[Value, Equation], users: dict[Value, list[Equation]], outputs: list[Any]
) -> tuple[Sum, list[Equation]] | None:
    """Return what a term of a sum is made of, and by which equations, if nothing else needs it."""
    q = made.get(part)
    if q is None or len(users[part]) != 1 or part in outputs or str(part.dtype) not in ("float32", "float64"):
        return None
    if q.primitive.name == "sum":
        plain = not q.params["keepdims"] and q.params.get("dtype") is None
        return (Sum(None, q.inputs[0]), [q]) if plain and q.params["axis"] in (0, (0,)) else None
    turned = made.get(q.inputs[0]) if q.primitive.name == "matmul" and len(q.values) == 2 else None
    if turned is None or turned.primitive.name != "matrix_transpose" or turned.outputs[0] in outputs:
        return None
    return (Sum(turned.inputs[0], q.inputs[1]), [q, turned]) if users[turned.outputs[0]] == [q] else None
