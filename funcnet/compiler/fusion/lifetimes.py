"""Which arrays of a fused plan lie in one block of memory, from which step to which, and where."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.arena import offsets
from funcnet.compiler.fusion.nodes import ARRAYS, equations_of, is_product, seen_through, shares, turns_of
from funcnet.compiler.graph import Equation, Value
from funcnet.compiler.kernels.special import Special
from funcnet.compiler.layout import placed_as
from funcnet.compiler.loops.group import (
    Group,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from funcnet.compiler.fusion.arrays import Arrays
    from funcnet.compiler.layout import Layout

__all__ = ["place"]


def place(
    nodes: Sequence[Group | Equation],
    layout: Layout,
    needed: set[Value],
    arrays: Arrays,
    together: Mapping[int, int],
) -> tuple[dict[int, list[Value]], int]:
    """Give the intermediate arrays of a plan their places in a block.

    Parameters
    ----------
    nodes : sequence of Group or Equation
        The steps, in their order.
    layout : Layout
        The order of dimensions in memory.
    needed : set of Value
        What is read by other steps than those that make it, and what the plan returns.
    arrays : Arrays
        Gets the places.
    together : mapping of int to int
        Steps that run at the same time as a later one, and which that is.

    Returns
    -------
    dying : dict of int to list of Value
        Other values that nobody needs after a step.
    size : int
        Bytes of the block.
    """
    plain = equations_of(nodes)
    views = turns_of(nodes)
    made: dict[Value, int] = {}
    base: dict[Value, Value] = {}
    last: dict[Value, int] = {}
    candidates: list[Value] = []
    for place, node in enumerate(nodes):
        i = together.get(place, place)
        equations = node.equations if isinstance(node, Group) else [node]
        for e in equations:
            for v in e.values:
                last[v] = i
                if not isinstance(node, Group) and is_product(e):
                    last[seen_through(v, views)[0]] = i
            for v in e.outputs:
                last.setdefault(v, i)
                made[v] = i
            if isinstance(node, Group):
                continue
            # Anything else may return what it was given: then both live as long as the longer.
            if shares(e):
                for v in e.outputs:
                    for a in e.values:
                        base.setdefault(v, base.get(a, a))
        if isinstance(node, Group):
            candidates += [
                v
                for e in node.equations
                for v in e.outputs
                if v in needed and v not in arrays.results and node.roles[v] in ARRAYS
            ]
        elif is_product(node) or node.primitive.__class__ is Special:
            candidates += [v for v in node.outputs if v not in arrays.results and v not in layout.parts]
    ends = dict(last)
    for e in plain:
        for v in e.outputs:
            for a in e.values:
                if v in base:
                    ends[base.get(a, a)] = max(ends.get(base.get(a, a), 0), last.get(v, 0))
    # Once more in reverse, so that chains of views reach their root.
    for e in reversed(plain):
        for v in e.outputs:
            if v in base:
                for a in e.values:
                    ends[a] = max(ends.get(a, 0), ends.get(v, 0))
    final = len(nodes)
    for a in _sources(arrays.results, plain):
        ends[a] = final
    first = dict(made)
    for v, (joint, _) in layout.parts.items():
        first[joint] = min(first[joint], made[v])
        ends[joint] = max(ends.get(joint, 0), ends.get(v, 0))
    candidates += layout.joints
    order = sorted(candidates, key=lambda v: (first[v], made[v]))
    sizes = [_bytes(v) for v in order]
    starts, total = offsets([(first[v], ends.get(v, made[v]), s) for v, s in zip(order, sizes, strict=True)])
    block = np.empty(total + 64, np.uint8)
    shift = -block.ctypes.data % 64
    for v, start, size in zip(order, starts, sizes, strict=True):
        memory = block[shift + start : shift + start + size]
        arrays.keep(v, placed_as(memory, v, layout.orders.get(v)))
    for v, (joint, key) in layout.parts.items():
        arrays.keep(v, arrays.planned[joint][key])
    dying: dict[int, list[Value]] = {}
    for v, i in last.items():
        if v in made and v not in arrays.planned and v not in arrays.results and made[v] != i and v in needed:
            dying.setdefault(i, []).append(v)
    return dying, total


def _sources(values: Iterable[Value], plain: Sequence[Equation]) -> set[Value]:
    """Return what some values may show the memory of."""
    found = set(values)
    for e in reversed(plain):
        if shares(e) and not found.isdisjoint(e.outputs):
            found.update(e.values)
    return found


def _bytes(v: Value) -> int:
    return prod(v.shape) * np.dtype(v.dtype).itemsize
