"""What a loop leaves for the loop back: a sum in place of what it is the sum of, and nothing that nobody reads."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.outside import Steps, stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["drop_results", "share_residuals"]


def drop_results(graph: Graph) -> Graph:
    """Leave out results of loops over steps that nobody reads."""
    needed = {v for v in graph.outputs if v.__class__ is Value}
    kept: list[Equation] = []
    for e in reversed(graph.equations):
        if e.primitive.name == "scan" and not needed.issuperset(e.outputs[_carried(e) :]):
            steps = Steps(e)
            steps.results = [r for r in steps.results if r[1] in needed]
            e = steps.rebuilt()
        needed.update(e.values)
        kept.append(e)
    return graph.with_equations(reversed(kept))


def share_residuals(graph: Graph) -> Graph:
    """Have a loop pass on what a later one would compute first, where that is less than what it is computed of.

    A step of the later loop may begin with an operation that the earlier loop has done at the same step, on what both
    read and on what the first has passed on. Then its result takes the place of what only this operation reads.
    """
    scans = {i: Steps(e) for i, e in enumerate(graph.equations) if e.primitive.name == "scan"}
    changed: set[int] = set()
    for i, later in scans.items():
        for k, earlier in scans.items():
            if k < i and earlier.call.length == later.call.length and not earlier.call.meta.get("effect"):
                while _shared(earlier, later):
                    changed |= {i, k}
    if not changed:
        return graph
    return drop_results(
        graph.with_equations([scans[i].rebuilt() if i in changed else e for i, e in enumerate(graph.equations)])
    )


def _shared(earlier: Steps, later: Steps) -> bool:
    """Pass one value on, if there is one that is worth it."""
    same = {outer: inner for outer, inner in (*earlier.held, *earlier.elements) if outer.__class__ is Value}
    same |= {outer: inner for inner, outer in earlier.results}
    # What values of the later steps are in the earlier ones.
    known: dict[Any, Any] = {inner: same[outer] for outer, inner in (*later.held, *later.elements) if outer in same}
    stacks = {inner for _, inner in later.elements}
    users: dict[Value, int] = {}
    for e in later.equations:
        for v in dict.fromkeys(e.values):
            users[v] = users.get(v, 0) + 1
    for v in later.outputs:
        users[v] = users.get(v, 0) + 1
    done = {_key(e, e.inputs): e for e in earlier.equations if len(e.outputs) == 1}
    for q in later.equations:
        values = q.values
        free = [v for v in dict.fromkeys(values) if v in stacks and users[v] == 1]
        # What is computed again on purpose stays so.
        if not free or q.again or len(q.outputs) != 1 or any([v not in known for v in values]):
            continue
        e = done.get(_key(q, [known.get(v, v) if v.__class__ is Value else v for v in q.inputs]))
        if e is None or e.outputs[0].spec != q.outputs[0].spec:
            continue
        inner = e.outputs[0]
        outer = next((o for v, o in earlier.results if v is inner), None)
        if outer is None and _bytes(free) < _bytes([inner]):
            continue
        if outer is None:
            outer = stacked(inner, earlier.call.length)
            earlier.results.append((inner, outer))
        later.equations = [other for other in later.equations if other is not q]
        later.elements = [pair for pair in later.elements if pair[1] not in free]
        later.elements.append((outer, q.outputs[0]))
        return True
    return False


def _key(e: Equation, inputs: Sequence[Any]) -> Any:
    return (
        id(e.primitive),
        tuple([id(v) if v.__class__ is Value else (v.__class__, repr(v)) for v in inputs]),
        repr(sorted(e.params.items())),
    )


def _carried(e: Equation) -> int:
    call: Any = e.primitive
    return call.carried


def _bytes(values: Sequence[Value]) -> int:
    return sum([prod(v.shape) * v.dtype.itemsize for v in values])
