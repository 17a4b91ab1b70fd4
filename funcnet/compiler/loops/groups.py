"""Which equations run in one loop."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Value
from funcnet.compiler.loops.group import REDUCTIONS, SHAPES, Group, function_of, name_of, power_of
from funcnet.compiler.loops.order import gathered
from funcnet.compiler.loops.templates import (
    COMPARISONS,
    FUNCTIONS,
    MIXED,
    SCALAR_FUNCTIONS,
    TEMPLATES,
    type_name,
)
from funcnet.compiler.loops.windows import MOVED, columns_of, window_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation, Graph
    from funcnet.compiler.loops.group import Shape

__all__ = ["grouped"]

#: So many equations are looked at together: the time that it takes grows with the square of their number.
_SEGMENT = 2000
#: What loops compute for floating-point numbers only.
_FLOATING = frozenset(
    ["ceil", "divide", "floor", "reciprocal", "round", "sqrt", "strong_divide", "strong_divide_sqrt", "trunc"]
)
#: Functions without a vectorised form are taken into loops of at most so many elements.
_SMALL = 64


def fusable(e: Equation) -> bool:
    """Whether loops can take an equation in."""
    if e.primitive.kind == "call" or e.primitive.multiple or len(e.outputs) != 1:
        return False
    name = e.primitive.name
    out = name_of(e.outputs[0].dtype)
    if type_name(out) is None or prod(e.outputs[0].shape) == 0:
        return False
    if any([v.__class__ is complex for v in e.inputs]) or any([type_name(name_of(v.dtype)) is None for v in e.values]):
        return False
    if name in REDUCTIONS:
        return e.params.get("dtype") is None
    if name in MIXED and name.startswith("bitwise"):
        return out == "bool"
    if name == "pow" and power_of(e) is not None:
        return out[0] == "f"
    if name in SHAPES or name in COMPARISONS or name in MIXED:
        return True
    if name in MOVED:
        return columns_of(e) is not None or window_of(e, None) is not None
    if name == "concat":
        return all([v.__class__ is Value and v.shape == e.inputs[0].shape for v in e.inputs])
    if (function_of(e), out) in FUNCTIONS:
        return True
    if name in SCALAR_FUNCTIONS:
        return prod(e.outputs[0].shape) <= _SMALL and out in ("float32", "float64")
    if name in _FLOATING and out[0] != "f":
        return False
    if name == "astype_exact" and out != "bool" and name_of(e.inputs[0].dtype)[0] == "f":
        # What becomes of NaN is the library's business.
        return False
    return name in TEMPLATES and (out != "bool" or name == "astype_exact")


def grouped(graph: Graph) -> list[Group | Equation]:
    """Return the graph's equations, those that share a loop together, in an order in which they can run."""
    equations = graph.equations
    if len(equations) > _SEGMENT:
        equations = tuple(gathered(equations, fusable))
    out: list[Group | Equation] = []
    for start in range(0, len(equations), _SEGMENT):
        out += _segment(equations[start : start + _SEGMENT])
    return out


def _segment(equations: tuple[Equation, ...]) -> list[Group | Equation]:
    nodes: list[Group | Equation] = []
    # For each node the set of nodes that it depends on, as bits.
    needs: list[int] = []
    home: dict[Value, int] = {}
    # The loops that read all of a value from outside.
    readers: dict[Value, list[int]] = {}
    last: int | None = None
    for e in equations:
        sources = {home[v] for v in e.values if v in home}
        effect = bool(e.primitive.meta.get("effect"))
        if effect and last is not None:
            # Effects keep their order.
            sources.add(last)
        direct = 0
        for s in sources:
            direct |= needs[s] | (1 << s)
        placed = None
        if fusable(e):
            for s in sorted(sources, reverse=True) or ():
                node = nodes[s]
                if not isinstance(node, Group):
                    continue
                # Whatever else it needs must not need the loop itself.
                if any([needs[t] >> s & 1 for t in sources if t != s]):
                    continue
                if node.join(e):
                    placed = s
                    break
            if placed is None:
                placed = _sibling(e, nodes, needs, sources, readers)
        if placed is None:
            placed = len(nodes)
            group = Group(_space(e) if e.outputs else ())
            nodes.append(group if fusable(e) and group.join(e) else e)
            needs.append(direct)
        else:
            new = direct & ~(1 << placed) & ~needs[placed]
            if new:
                bit = 1 << placed
                needs[placed] |= new
                for i, n in enumerate(needs):
                    if n & bit:
                        needs[i] = n | new
            # Only now, when it is known what the loop needs for the equation.
            for t in sorted(sources - {placed}, reverse=True):
                _merge(nodes, needs, home, placed, t)
        for v in e.outputs:
            home[v] = placed
        if effect:
            last = placed
        if isinstance(nodes[placed], Group):
            for v in e.values:
                if home.get(v) != placed:
                    readers.setdefault(v, []).append(placed)
    return _ordered(nodes, needs)


def _sibling(
    e: Equation, nodes: list[Any], needs: list[int], sources: set[int], readers: dict[Value, list[int]]
) -> int | None:
    """Let an equation join a loop that reads the same array; return which."""
    for v in e.values:
        for s in reversed(readers.get(v, ())):
            node = nodes[s]
            if not isinstance(node, Group) or v.shape != node.shape or node.shape != _space(e):
                continue
            if s not in sources and not any([needs[t] >> s & 1 for t in sources]) and node.join(e):
                return s
    return None


def _merge(nodes: list[Any], needs: list[int], home: dict[Value, int], s: int, t: int) -> None:
    """Make one loop of two, where nothing that needs one of them is needed by the other."""
    a, b = nodes[s], nodes[t]
    if a.__class__ is not Group or b.__class__ is not Group or a.shape != b.shape:
        return
    if a.too_long_with(b):
        return
    if not (a.made.isdisjoint(b.windows.values()) and b.made.isdisjoint(a.windows.values())):
        return
    both = (1 << s) | (1 << t)
    outside = (needs[s] | needs[t]) & ~both
    rest = outside
    while rest:
        lowest = rest & -rest
        if needs[lowest.bit_length() - 1] & both:
            return
        rest ^= lowest
    # What comes first in one of them does not need the other, unless it reads its results.
    first, second = (b, a) if a.made.isdisjoint(b.roles) else (a, b)
    if first is a and not b.made.isdisjoint(a.roles):
        return
    whole = first.copy()
    for e in second.equations:
        if not whole.join(e):
            return
    nodes[s], nodes[t] = whole, None
    for e in whole.equations:
        for v in e.outputs:
            home[v] = s
    needs[s] = outside
    gone = 1 << t
    for k, n in enumerate(needs):
        if n & both and k != s:
            needs[k] = (n | (1 << s) | outside) & ~gone


def _space(e: Equation) -> Shape:
    return e.inputs[0].shape if e.primitive.name in (*REDUCTIONS, "concat") else e.outputs[0].shape


def _ordered(nodes: list[Group | Equation], needs: list[int]) -> list[Group | Equation]:
    # What needs fewer nodes cannot need those that need more; equal counts do not need each other.
    order = sorted(range(len(nodes)), key=lambda i: (needs[i].bit_count(), i))
    return [nodes[i] for i in order if nodes[i] is not None]
