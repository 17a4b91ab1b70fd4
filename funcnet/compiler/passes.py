"""Rewrites of a graph that keep its results: to the bit, unless a function says otherwise.

They run on graphs that are about to be executed, never on those that derivatives are still taken of, since operations
such as `stop_gradient` mean something there and nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends import to_numpy
from funcnet.compiler.graph import Equation, Graph, Value
from funcnet.compiler.loops.windows import columns_in
from funcnet.compiler.outside import move_outside
from funcnet.compiler.residuals import drop_results, share_residuals
from funcnet.compiler.scans import hoist_products
from funcnet.core import owner, registry
from funcnet.core.bind import run
from funcnet.core.dtypes import kind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PASSES",
    "expand_calls",
    "expanded",
    "fold_constants",
    "forward_aliases",
    "in_pairs",
    "merge_equal",
    "optimised",
    "remove_dead",
    "simplify",
    "with_regions",
]

_FOLDED_BYTES = 1 << 20
#: Slices of everything.
_ALL = [(start, None, step) for start in (None, 0) for step in (None, 1)]
#: Elements of constants that are compared.
_SHARED = 1 << 16


def optimised(graph: Graph, passes: tuple[Callable[[Graph], Graph], ...] | None = None) -> Graph:
    """Return a graph with the same results that takes less work."""
    for p in PASSES if passes is None else passes:
        graph = p(graph)
    return graph


def remove_dead(graph: Graph) -> Graph:
    """Leave out equations whose results nobody needs, unless they have an effect."""
    needed = {v for v in graph.outputs if v.__class__ is Value}
    kept: list[Equation] = []
    for e in reversed(graph.equations):
        if e.primitive.meta.get("effect") or not needed.isdisjoint(e.outputs):
            kept.append(e)
            needed.update(e.values)
    return graph.with_equations(reversed(kept))


def merge_equal(graph: Graph) -> Graph:
    """Compute what is the same operation on the same inputs once; recomputations stay what they are."""
    replaced: dict[Value, Value] = {}
    seen: dict[Any, Equation] = {}
    kept: list[Equation] = []
    for e in _renamed(graph.equations, replaced):
        if e.primitive.meta.get("effect"):
            kept.append(e)
            continue
        key = (
            id(e.primitive),
            # The class too: 1, 1.0 and True are equal, and so are 0.0 and -0.0.
            tuple([id(v) if v.__class__ is Value else (v.__class__, repr(v)) for v in e.inputs]),
            tuple(e.params.items()),
            tuple([v.__class__ for v in e.params.values()]),
            e.again,
        )
        before = seen.get(key)
        if before is None:
            seen[key] = e
            kept.append(e)
        else:
            replaced.update(zip(e.outputs, before.outputs, strict=True))
    return graph.with_equations(kept, [_follow(replaced, v) for v in graph.outputs])


def fold_constants(graph: Graph) -> Graph:
    """Compute what depends on constants only, unless that makes a large array of a small one, or fails.

    What fails may be in a branch that is not chosen.
    """
    constants = dict(graph.constants)
    kept: list[Equation] = []
    for e in graph.equations:
        values = e.values
        foldable = values and e.primitive.kind not in ("call", "special") and not e.primitive.meta.get("effect")
        if not foldable or not all([v in constants for v in values]) or _bytes(e) > _FOLDED_BYTES:
            kept.append(e)
            continue
        try:
            found = run(e.primitive, [constants[v] if v.__class__ is Value else v for v in e.inputs], e.params)
        except Exception:
            # Whatever it is comes up again where the graph runs.
            kept.append(e)
            continue
        for v, array in zip(e.outputs, found if e.primitive.multiple else (found,), strict=True):
            constants[v] = array
    return Graph(graph.inputs, kept, graph.outputs, constants).with_equations(kept)


def _without_dots(e: Equation) -> tuple[Any, ...] | None:
    """Return a key of slices, new dimensions and an ellipsis with slices in its place, None if it is anything else."""
    key: Any = e.params["key"]
    if key.count(Ellipsis) != 1 or any([k not in (Ellipsis, None) and k.__class__ is not tuple for k in key]):
        return None
    at = key.index(Ellipsis)
    rest = len(e.inputs[0].shape) - len(key) + 1 + key.count(None)
    return (*key[:at], *[(None, None, None)] * rest, *key[at + 1 :])


def _bytes(e: Equation) -> int:
    total = 0
    for v in e.outputs:
        size = 16
        for n in v.shape:
            size *= n
        total += size
    return total


def forward_aliases(graph: Graph) -> Graph:
    """Put the argument in the place of results that are the argument itself."""
    replaced: dict[Value, Value] = {}
    kept: list[Equation] = []
    for e in _renamed(graph.equations, replaced):
        source = _alias(e)
        if source is None:
            kept.append(e)
        else:
            replaced[e.outputs[0]] = source
    return graph.with_equations(kept, [_follow(replaced, v) for v in graph.outputs])


def _alias(e: Equation) -> Value | None:
    """Return the input that the result of an equation is equal to."""
    name = e.primitive.name
    first: Any = e.inputs[0] if e.inputs else None
    if first.__class__ is not Value or e.primitive.multiple:
        return None
    same = first.spec == e.outputs[0].spec
    if name in ("stop_gradient", "function_of"):
        return first if same else None
    if name in ("astype", "astype_exact", "reshape", "broadcast_to"):
        return first if same else None
    if name == "getitem" and len(e.inputs) == 1:
        # Slices that leave nothing out.
        whole = all([k.__class__ is tuple and k[2] in (None, 1) for k in e.params["key"]])
        return first if same and whole else None
    if name == "permute_dims":
        return first if tuple(e.params["axes"]) == tuple(range(len(first.shape))) else None
    # Complex products and powers mix zeros, infinities and NaN of both parts.
    if len(e.inputs) == 2 and same and e.inputs[1].__class__ in (int, float) and kind(first.dtype) != "c":
        number = e.inputs[1]
        if (name in ("multiply", "divide") and number == 1) or (name == "pow" and number == 1):
            return first
        if name == "subtract" and number == 0 and str(number)[0] != "-":
            return first
    return None


def simplify(graph: Graph) -> Graph:
    """Replace equations by cheaper ones with the same results: undone transposes, small powers."""
    made = {v: e for e in graph.equations for v in e.outputs}
    replaced: dict[Value, Value] = {}
    kept: list[Equation] = []
    for e in _renamed(graph.equations, replaced):
        name = e.primitive.name
        first: Any = e.inputs[0] if e.inputs else None
        before = made.get(first) if first.__class__ is Value else None
        if name == "getitem" and _inserts(e):
            e = Equation(registry["reshape"], e.inputs, {"shape": e.outputs[0].shape}, e.outputs, e.line, e.again)
            made[e.outputs[0]] = e
            kept.append(e)
        elif name in ("getitem", "index_add") and (key := _without_dots(e)) is not None:
            kept.append(Equation(e.primitive, e.inputs, {**e.params, "key": key}, e.outputs, e.line, e.again))
        elif before is not None and name == before.primitive.name == "matrix_transpose":
            replaced[e.outputs[0]] = before.inputs[0]
        elif before is not None and name == before.primitive.name and name in ("reshape",):
            inputs = (_follow(replaced, before.inputs[0]),)
            made[e.outputs[0]] = new = Equation(e.primitive, inputs, e.params, e.outputs, e.line, e.again)
            kept.append(new)
        elif before is not None and name == before.primitive.name == "negative":
            replaced[e.outputs[0]] = before.inputs[0]
        elif name == "pow" and _squares(e):
            kept.append(Equation(registry["multiply"], (first, first), {}, e.outputs, e.line, e.again))
        else:
            kept.append(e)
    return graph.with_equations(kept, [_follow(replaced, v) for v in graph.outputs])


def _inserts(e: Equation) -> bool:
    """Whether a part of an array is all of it, with more dimensions."""
    key: Any = e.params["key"]
    parts = [k for k in key if k is not None]
    return len(e.inputs) == 1 and len(parts) < len(key) and all([k is Ellipsis or k in _ALL for k in parts])


def _squares(e: Equation) -> bool:
    """Whether a power is the product of its argument with itself."""
    x, exponent = e.inputs
    number = exponent.__class__ in (int, float) and exponent == 2
    # Of booleans the power is a number, the product is not.
    return number and kind(x.dtype) in "iuf" and x.dtype == e.outputs[0].dtype


def join_parts(graph: Graph) -> Graph:
    """Replace sums of columns that are put side by side into zeros by their concatenation; -0 may become 0 and 0 -0."""
    made = {v: e for e in graph.equations for v in e.outputs}
    users = graph.users()
    held = set(graph.outputs)
    replaced: dict[Value, Equation] = {}
    for e in graph.equations:
        if e.primitive.name != "index_add" or _continued(e, users, held):
            continue
        parts: list[tuple[int, int, Value]] = []
        step: Any = e
        base: Any = None
        while step is not None and step.primitive.name == "index_add":
            span = _last_columns(step) or _one_row(step)
            if span is None or step.inputs[1].__class__ is not Value:
                break
            parts.append((*span, step.inputs[1]))
            base = step.inputs[0]
            step = made.get(base) if base.__class__ is Value else None
        else:
            base = graph.constants.get(base) if base.__class__ is Value else None
            parts.sort(key=lambda p: p[0])
            edges = [0, *[stop for _, stop, _ in parts]]
            rows = _last_columns(e) is None
            size = e.outputs[0].shape[0 if rows else -1]
            whole = [start for start, _, _ in parts] == edges[:-1] and edges[-1] == size
            whole = whole and len({len(v.shape) for _, _, v in parts}) == 1
            kinds = {v.dtype for _, _, v in parts} == {e.outputs[0].dtype}
            if base is not None and whole and kinds and not np.any(to_numpy(base)):
                values = tuple([v for _, _, v in parts])
                name, axis = ("stack", 0) if rows else ("concat", len(e.outputs[0].shape) - 1)
                replaced[e.outputs[0]] = Equation(registry[name], values, {"axis": axis}, e.outputs, e.line, e.again)
    if not replaced:
        return graph
    return graph.with_equations([replaced.get(e.outputs[0], e) if e.outputs else e for e in graph.equations])


def _continued(e: Equation, users: dict[Value, list[Equation]], held: set[Any]) -> bool:
    """Whether more is added to the result, and nothing else done with it."""
    after = users.get(e.outputs[0], [])
    return len(after) == 1 and after[0].primitive.name == "index_add" and e.outputs[0] not in held


def _one_row(e: Equation) -> tuple[int, int] | None:
    """Return which element along the first dimension an `index_add` adds to."""
    key, shape = e.params.get("key"), e.outputs[0].shape
    part = e.inputs[1]
    if key is None or len(key) != 1 or key[0].__class__ is not int or part.__class__ is not Value:
        return None
    i = key[0] % shape[0]
    return (i, i + 1) if part.shape == shape[1:] else None


def _last_columns(e: Equation) -> tuple[int, int] | None:
    """Return which columns of all rows an `index_add` adds to."""
    part, shape = e.inputs[1], e.outputs[0].shape
    if part.__class__ is not Value or len(e.inputs) != 2:
        return None
    found = columns_in(e.params.get("key", ()), shape)
    return found if found is not None and part.shape == (*shape[:-1], found[1] - found[0]) else None


def share_constants(graph: Graph) -> Graph:
    """Keep one of several small constants that are the same."""
    first: dict[Any, Value] = {}
    replaced: dict[Value, Value] = {}
    for v, array in graph.constants.items():
        backend = owner(array)
        if _size(v) > _SHARED or backend.name != "numpy":
            continue
        key = (v.shape, v.dtype, array.tobytes())
        known = first.setdefault(key, v)
        if known is not v:
            replaced[v] = known
    if not replaced:
        return graph
    equations = list(_renamed(graph.equations, replaced))
    return graph.with_equations(equations, [_follow(replaced, v) for v in graph.outputs])


def _size(v: Value) -> int:
    size = 1
    for n in v.shape:
        size *= n
    return size


def _renamed(equations: Any, replaced: dict[Value, Value]) -> Any:
    """Yield equations with replaced inputs, as the replacements come in."""
    for e in equations:
        if replaced and any([v in replaced for v in e.values]):
            yield e.replaced(tuple([_follow(replaced, v) for v in e.inputs]))
        else:
            yield e


def _follow(replaced: dict[Value, Value], v: Any) -> Any:
    while v.__class__ is Value and v in replaced:
        v = replaced[v]
    return v


def expand_calls(graph: Graph) -> Graph:
    """Put the operations of functions with rules of their own in the place of their calls."""
    return expanded(graph, lambda e: (e.primitive.regions[0], e.inputs) if getattr(e.primitive, "expands", 0) else None)


def expanded(graph: Graph, inside: Callable[[Any], tuple[Graph, tuple[Any, ...]] | None]) -> Graph:
    """Put graphs in the place of equations; `inside` returns that of one, and its inputs, or None."""
    constants = dict(graph.constants)
    replaced: dict[Value, Value] = {}
    kept: list[Equation] = []
    same = True
    for e in _renamed(graph.equations, replaced):
        found = inside(e)
        if found is None:
            kept.append(e)
            continue
        same = False
        inner = expanded(found[0], inside)
        # The same call may be there several times.
        names: dict[Any, Any] = dict(zip(inner.inputs, found[1], strict=True))
        for v, array in inner.constants.items():
            names[v] = Value(v.spec)
            constants[names[v]] = array
        for step in inner.equations:
            names.update({v: Value(v.spec) for v in step.outputs})
            new = step.replaced(tuple([names.get(v, v) if v.__class__ is Value else v for v in step.inputs]))
            new.outputs = tuple([names[v] for v in step.outputs])
            new.again = new.again or e.again
            kept.append(new)
        replaced.update({v: names[own] for v, own in zip(e.outputs, inner.outputs, strict=True)})
    if same:
        return graph
    outputs = [_follow(replaced, v) for v in graph.outputs]
    return Graph(graph.inputs, kept, outputs, constants).with_equations(kept)


def in_pairs(graph: Graph) -> Graph:
    """Combine the elements of each associative scan pair by pair: few calls, whatever their number."""
    return expanded(
        graph, lambda e: (e.primitive.regions[0], e.inputs[1:]) if e.primitive.name == "associative_scan" else None
    )


def in_regions(graph: Graph) -> Graph:
    """Optimise the graphs inside of loops and branches too."""
    return with_regions(graph, optimised)


def trim_regions(graph: Graph) -> Graph:
    """Leave out what other passes have made useless inside of loops."""
    return with_regions(graph, remove_dead)


def with_regions(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """Return a graph with other graphs inside of its loops and branches."""
    kept = []
    for e in graph.equations:
        regions = getattr(e.primitive, "regions", None)
        if regions:
            call: Any = e.primitive
            inner = call.with_regions([change(r) for r in regions])
            e = Equation(inner, e.inputs, e.params, e.outputs, e.line, e.again)
        kept.append(e)
    return graph.with_equations(kept)


#: In the order in which they run.
PASSES: tuple[Callable[[Graph], Graph], ...] = (
    expand_calls,
    remove_dead,
    forward_aliases,
    share_constants,
    fold_constants,
    simplify,
    join_parts,
    merge_equal,
    in_regions,
    hoist_products,
    move_outside,
    share_residuals,
    drop_results,
    trim_regions,
    remove_dead,
)
