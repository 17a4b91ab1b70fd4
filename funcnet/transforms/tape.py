"""The tape of reverse mode: nodes that know their parents, and the sweep that walks them backwards."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.ops import Scattered, add

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Pull = Callable[[Any], Any]

__all__ = ["Node", "Replay", "sweep"]

_next_id = count(1).__next__


class Node:
    """One recorded value.

    Attributes
    ----------
    id : int
        Position in the order of recording; a node's parents have smaller ones.
    edges : tuple of (Node, pull, *kept)
        Each parent with the function from this node's cotangent, and the values that the function takes besides, to
        the parent's. ``None`` stands for the identity; an integer says that this node is that output of its parent.
    outputs : int
        Number of outputs, 0 for a single array. With several, the cotangent is a list with None for absent ones.
    """

    __slots__ = ("edges", "id", "outputs")

    def __init__(self, edges: tuple[tuple[Any, ...], ...], outputs: int = 0) -> None:
        self.id = _next_id()
        self.edges = edges
        self.outputs = outputs


class Replay:
    """Stands where a pull would: records a part of the tape anew when the sweep arrives.

    Attributes
    ----------
    record : callable
        Returns the nodes to go on from, each with its cotangent, for the cotangents of the outputs.
    """

    __slots__ = ("record",)

    def __init__(self, record: Callable[[list[Any]], list[tuple[Node, Any]]]) -> None:
        self.record = record


def sweep(roots: Iterable[tuple[Node, Any]], leaves: Iterable[Node], *, free: bool) -> list[Any]:
    """Return the cotangent of each leaf, None where nothing reached it.

    Nodes are taken latest first from a heap that holds only those with a cotangent, so there is no recursion, an
    absent cotangent costs nothing, and with ``free=True`` the tape is released as the sweep passes.
    """
    # Partial derivatives at poles are infinite on purpose; NumPy need not warn of them.
    with np.errstate(all="ignore"):
        return _sweep(roots, leaves, free)


def _sweep(roots: Iterable[tuple[Node, Any]], leaves: Iterable[Node], free: bool) -> list[Any]:
    # id -> [node, cotangent, whether the cotangent is a buffer of our own]
    pending: dict[int, list[Any]] = {}
    heap: list[int] = []
    for node, g in roots:
        _deliver(pending, heap, node, g)
    roots = ()
    found: dict[int, Any] = {node.id: None for node in leaves}
    while heap:
        node, g, _ = pending.pop(-heappop(heap))
        edges = node.edges
        if free:
            node.edges = ()
        if not edges:
            if node.id in found:
                found[node.id] = g
            continue
        for edge in edges:
            parent = edge[0]
            pull = edge[1]
            kept = len(edge)
            if kept == 3:
                ct = pull(g, edge[2])
            elif kept > 3:
                ct = pull(g, *edge[2:])
            elif pull is None:
                ct = g
            elif pull.__class__ is int:
                _deliver_output(pending, heap, parent, pull, g)
                continue
            elif pull.__class__ is Replay:
                # The nodes are new, so later than all that wait: the heap gives them next.
                for again, part in pull.record(g):
                    _deliver(pending, heap, again, part)
                continue
            else:
                ct = pull(g)
                if ct is None:
                    continue
            key = parent.id
            entry = pending.get(key)
            if ct.__class__ is Scattered:
                if entry is None:
                    pending[key] = [parent, ct.dense(), True]
                    heappush(heap, -key)
                else:
                    # A buffer that is not ours is copied by the first sum and ours from then on.
                    entry[1] = ct.added_to(entry[1], owned=entry[2])
                    entry[2] = True
            elif entry is None:
                pending[key] = [parent, ct, False]
                heappush(heap, -key)
            else:
                _accumulate(entry, ct)
        # Dropped before the next pull, so that the residuals of one operation at a time are alive.
        node = edges = edge = g = parent = pull = ct = entry = None
    return list(found.values())


def _deliver(pending: dict[int, list[Any]], heap: list[int], node: Node, ct: Any) -> None:
    entry = pending.get(node.id)
    if entry is None:
        pending[node.id] = [node, ct, False]
        heappush(heap, -node.id)
    else:
        _accumulate(entry, ct)


def _accumulate(entry: list[Any], ct: Any) -> None:
    # A buffer of our own is added into in place; a plain one cannot receive a traced contribution.
    if entry[2] and entry[1].__class__ is ct.__class__:
        entry[1] += ct
    else:
        entry[1] = add(entry[1], ct)
        entry[2] = True


def _deliver_output(pending: dict[int, list[Any]], heap: list[int], node: Node, index: int, ct: Any) -> None:
    entry = pending.get(node.id)
    if entry is None:
        entry = pending[node.id] = [node, [None] * node.outputs, False]
        heappush(heap, -node.id)
    entry[1][index] = ct
