"""Sums and extremes over first or middle axes, with what is computed of them and beside them, as one kernel.

An array is a stack of tables here. A softmax, a variance or the pass back of either goes through the rows of a table
several times: for the largest elements of the columns, for sums, for what is made of both. A kernel takes all passes
for some neighbouring columns before it goes on to others, as long as they are in the cache; `crosswise_code.py` writes
it. Loops along rows, which take one pass each, keep sums that nothing goes back to a table with.
"""

from __future__ import annotations

from math import prod
from typing import Any

from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.kernels.crosswise_code import special_of
from funcnet.compiler.kernels.crosswise_group import REDUCTIONS, Crosswise
from funcnet.compiler.kernels.crosswise_short import FEW, short
from funcnet.compiler.kernels.crosswise_short import special_of as written_out
from funcnet.compiler.loops.group import SHAPES, name_of, power_of
from funcnet.compiler.loops.groups import fusable
from funcnet.compiler.loops.templates import FUNCTIONS, LIMITS, SCALAR_FUNCTIONS
from funcnet.compiler.loops.windows import MOVED

__all__ = ["crosswise"]

#: Equations of one kernel, and arrays from outside: the time that a compiler takes grows faster than either.
_EQUATIONS, _ARRAYS = 80, 20
#: Equations after the first one that are looked at.
_FAR = 400


def crosswise(graph: Graph, *, written: bool = False) -> Graph:
    """Return a graph in which kernels take the place of passes through tables that belong together.

    Few rows of tables are `written` out where one thread does all.
    """
    done: set[Equation] = set()
    while True:
        seed = next((e for e in graph.equations if e not in done and _axes(e) is not None), None)
        if seed is None:
            return graph
        done.add(seed)
        c = (_grown(graph, seed, written=True) if written else None) or _grown(graph, seed)
        if c is not None:
            # One after the other: two kernels that each may stand alone may yet wait for each other.
            graph = _with_kernel(graph, c)


def _axes(e: Equation) -> tuple[int, int] | None:
    """Return from and up to which axes an equation adds up or compares the rows of tables, None if it does not."""
    if e.primitive.name not in REDUCTIONS or len(e.values) != 1 or e.params.get("dtype") is not None:
        return None
    x, (out,) = e.values[0], e.outputs
    axis, n = e.params["axis"], len(x.shape)
    if axis is None:
        return None
    axes = tuple(sorted([k % n for k in ((axis,) if isinstance(axis, int) else axis)]))
    if not axes or axes != tuple(range(axes[0], axes[-1] + 1)):
        return None
    first, stop = axes[0], axes[-1] + 1
    counts = e.primitive.name == "count_nonzero"
    kinds = ("bool",) if counts else ("float32", "float64")
    if str(x.dtype) not in kinds or str(out.dtype) != ("int64" if counts else str(x.dtype)):
        return None
    return (first, stop) if prod(x.shape) and prod(x.shape[first:stop]) > 1 and prod(x.shape[stop:]) > 1 else None


def _grown(graph: Graph, seed: Equation, *, written: bool = False) -> Crosswise | None:
    """Return what belongs together from an equation on, None if loops are as good for it."""
    axes = _axes(seed)
    assert axes is not None
    c = Crosswise(graph, seed.values[0].shape, *axes, written=written)
    if (written and c.rows > FEW) or not _join(c, seed):
        return None
    start = graph.equations.index(seed)
    # What depends on the kernel and is outside of it cannot be read by it.
    later: set[Value] = set()
    for e in graph.equations[start + 1 : start + _FAR]:
        if later.isdisjoint(e.values) and (c.made.isdisjoint(e.values) or _join(c, e)):
            continue
        later.update(e.outputs)
    users = graph.users()
    _trim(c)
    _reach_back(c, start, users)
    return c if c.worthwhile and (not written or short(c)) else None


def _join(c: Crosswise, e: Equation) -> bool:
    """Take an equation in, if it fits."""
    role = _role(c, e) if len(c.equations) < _EQUATIONS else None
    if role is None:
        return False
    outside = {v: c.outside(v) for v in e.values if v not in c.made}
    if any([r is None for r in outside.values()]) or len({*c.roles, *outside} - c.made) > _ARRAYS:
        return False
    c.roles.update(outside)  # type: ignore[arg-type]
    c.roles[e.outputs[0]] = role
    c.made.add(e.outputs[0])
    c.equations.append(e)
    return True


def _role(c: Crosswise, e: Equation) -> str | None:
    """Return what the result of an equation is: full, or a number for each column of each table."""
    name = e.primitive.name
    axes = _axes(e)
    if axes is not None:
        x = e.values[0]
        fits = x.shape == c.shape and axes == (c.first, c.stop)
        return "table" if fits and c.roles.get(x, "full") == "full" else None
    if name in REDUCTIONS or not _elementwise(e):
        return None
    out = e.outputs[0]
    if name in SHAPES:
        x = e.values[0]
        if out.shape == c.shape:
            return "full" if c.aligned(x) else None
        return "table" if x in c.made and c.roles[x] == "table" and prod(out.shape) == c.columns else None
    if out.shape == c.shape:
        return "full" if all([c.aligned(v) for v in e.values]) else None
    if prod(out.shape) != c.columns or not all([v not in c.made or c.roles[v] == "table" for v in e.values]):
        return None
    # One place in each array belongs to one in the result.
    fits = all([_padded(v.shape, len(out.shape)) == out.shape or prod(v.shape) == 1 for v in e.values])
    outside = all([v in c.made or prod(v.shape) == 1 or c.outside(v) == "table" for v in e.values])
    return "table" if fits and outside else None


def _padded(shape: tuple[int, ...], n: int) -> tuple[int, ...]:
    return (1,) * (n - len(shape)) + shape


def _elementwise(e: Equation) -> bool:
    """Whether the code of loops has an expression for an equation."""
    name = e.primitive.name
    if not fusable(e) or name in MOVED or name in LIMITS or name in ("concat", "any", "all"):
        return False
    out = name_of(e.outputs[0].dtype)
    if name == "pow":
        return power_of(e) is not None
    return name not in SCALAR_FUNCTIONS or (name, out) in FUNCTIONS


def _trim(c: Crosswise) -> None:
    """Leave out numbers of columns at the end that other arrays are read for, such as updates of parameters."""
    for e in reversed(c.equations[1:]):
        inside = {v for k in c.equations for v in k.values}
        others = [v for v in e.values if v not in c.made and prod(v.shape) > 1]
        if c.roles[e.outputs[0]] == "table" and _axes(e) is None and others and e.outputs[0] not in inside:
            _leave(c, e)


def _leave(c: Crosswise, e: Equation) -> None:
    c.equations.remove(e)
    c.made.difference_update(e.outputs)
    read = {v for k in c.equations for v in k.values}
    for v in (*e.values, *e.outputs):
        if v not in read and v not in c.made:
            c.roles.pop(v, None)


def _reach_back(c: Crosswise, start: int, users: dict[Value, list[Equation]]) -> None:
    """Take in what makes arrays that only the kernel reads."""
    graph = c.graph
    held = set(graph.outputs)
    for e in reversed(graph.equations[max(0, start - _FAR) : start + _FAR]):
        out = e.outputs[0] if len(e.outputs) == 1 else None
        if out is None or out in c.made or out in held or c.roles.get(out) != "full" or out.shape != c.shape:
            continue
        alone = all([u in c.equations for u in users.get(out, ())])
        if alone and _elementwise(e) and all([c.aligned(v) for v in e.values]):
            _join(c, e)
    places = {e: i for i, e in enumerate(graph.equations)}
    c.equations.sort(key=lambda e: places[e])


def _with_kernel(graph: Graph, c: Crosswise) -> Graph:
    """Return the graph with a kernel, in an order in which it can run."""
    given, results = c.given(), c.results()
    special: Any = (written_out if c.written else special_of)(c, given, results)
    kernel = Equation(special, tuple(given), {}, tuple(results))
    inside = set(c.equations)
    nodes = list(dict.fromkeys([kernel if e in inside else e for e in graph.equations]))
    made = {v: n for n in nodes for v in n.outputs}
    before: dict[Equation, Equation] = {}
    effects = [n for n in nodes if n.primitive.meta.get("effect")]
    # Effects keep their order.
    before.update(zip(effects[1:], effects, strict=False))
    done: set[Equation] = set()
    kept: list[Equation] = []
    for n in nodes:
        waiting = [n]
        while waiting:
            top = waiting[-1]
            needs = [
                m for m in (*[made.get(v) for v in top.values], before.get(top)) if m is not None and m not in done
            ]
            waiting += needs
            if not needs:
                waiting.pop()
                if top not in done:
                    done.add(top)
                    kept.append(top)
    return graph.with_equations(kept)
