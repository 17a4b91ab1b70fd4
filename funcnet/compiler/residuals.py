"""What a loop leaves for the loop back: results in place of what they are made of, and nothing that nobody reads."""

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

    A step of the later loop may do operations that the earlier loop has done at the same step, on what both read and on
    what the first has passed on. Then the result of one takes the place of what only this operation reads, and the
    results of some that of a value whose columns only these operations read: activated gates that of their sums.
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
    """Pass values on, if there are some that are worth it."""
    # What values of the later steps are in the earlier ones. One loop may read all of an array of which the other one
    # reads an element in each step.
    known: dict[Any, Any] = {}
    parts = [*earlier.elements, *[(outer, inner) for inner, outer in earlier.results]]
    for before, after in ((earlier.held, later.held), (parts, later.elements)):
        same = {outer: inner for outer, inner in before if outer.__class__ is Value}
        known |= {inner: same[outer] for outer, inner in after if outer in same}
    stacks = [inner for _, inner in later.elements]
    users: dict[Value, list[Equation]] = {}
    for e in later.equations:
        for v in dict.fromkeys(e.values):
            users.setdefault(v, []).append(e)
    done = {_key(e, e.inputs): e.outputs[0] for e in earlier.equations if len(e.outputs) == 1}
    again: dict[Equation, Value] = {}
    for q in later.equations:
        # What is computed again on purpose stays so.
        if q.again or len(q.outputs) != 1 or any([v not in known for v in q.values]):
            continue
        inner = done.get(_key(q, [known.get(v, v) if v.__class__ is Value else v for v in q.inputs]))
        if inner is not None and inner.spec == q.outputs[0].spec:
            again[q] = known[q.outputs[0]] = inner
    returned = {v for v in later.outputs if v.__class__ is Value}
    for q in again:
        free = [v for v in dict.fromkeys(q.values) if v in stacks and users[v] == [q] and v not in returned]
        if free and _pass_on({q: again[q]}, free, earlier, later):
            return True
    for v in stacks:
        ends = _ends(v, users, again, returned) if v not in returned else []
        if ends and _pass_on({q: again[q] for q in ends}, [v], earlier, later):
            return True
    return False


def _ends(
    v: Value, users: dict[Value, list[Equation]], again: dict[Equation, Value], returned: set[Value]
) -> list[Equation]:
    """Return the operations on columns of a value, if there are no others and the earlier loop has done them all."""
    ends: list[Equation] = []
    for part in users.get(v, ()):
        if part.primitive.name != "getitem" or part not in again or part.outputs[0] in returned:
            return []
        ends += users.get(part.outputs[0], ())
    return list(dict.fromkeys(ends)) if all([q in again for q in ends]) else []


def _pass_on(done: dict[Equation, Value], free: list[Value], earlier: Steps, later: Steps) -> bool:
    """Have the later loop read results of operations in place of some values, unless they are larger."""
    outer = {inner: o for inner, o in earlier.results}
    new = [inner for inner in dict.fromkeys(done.values()) if inner not in outer]
    if new and _bytes(free) < _bytes(new):
        return False
    for inner in new:
        outer[inner] = stacked(inner, earlier.call.length)
        earlier.results.append((inner, outer[inner]))
    later.equations = [q for q in later.equations if q not in done]
    later.elements = [pair for pair in later.elements if pair[1] not in free]
    later.elements += [(outer[inner], q.outputs[0]) for q, inner in done.items()]
    later.trim()
    return True


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
