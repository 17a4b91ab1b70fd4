"""Carries of which a step changes some elements stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels.scan_parts import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Value
    from funcnet.compiler.kernels.scan_body import Body

__all__ = ["changed_in_place", "made_by"]


def changed_in_place(body: Body, carries: Sequence[Value]) -> dict[Value, Value]:
    """Return what is where the carry is that it is made of, and order the nodes of a body so that it may be.

    A carry is one with a result if nodes change elements of one after the other until it is the result. Whatever else
    reads what is changed has to come before.
    """
    makers = {v: n for n in body.nodes for v in made_by(n)}
    outputs = [body.root(v) for v in body.graph.outputs]
    found: dict[Value, Value] = {}
    for carry, out in zip(carries, outputs, strict=False):
        chain: list[Any] = []
        v = out
        while v is not carry and (node := makers.get(v)) is not None and getattr(node, "changes", False):
            chain.append(node)
            v = body.root(_first(node))
        # What comes before the last change is nowhere afterwards.
        gone = [carry, *[_out(n) for n in chain[1:]]]
        if v is not carry or not chain or any([w in outputs or w in body.summed for w in gone]):
            continue
        order = _ordered(body, chain[::-1])
        if order is not None:
            body.nodes = order
            found |= dict.fromkeys([_out(n) for n in chain], carry)
    return found


def _ordered(body: Body, chain: list[Any]) -> list[Any] | None:
    """Return the nodes in an order in which each of a chain comes after whatever reads what it changes, if there is."""
    nodes = list(body.nodes)
    for node in chain:
        x = body.root(_first(node))
        at = nodes.index(node)
        if [body.root(v) for v in body.read(node)].count(x) != 1:
            return None
        last = max([i for i, n in enumerate(nodes) if x in [body.root(v) for v in body.read(n)]])
        # What needs the result has to wait as well.
        later, moved = {_out(node)}, [node]
        kept = []
        for n in nodes[at + 1 :]:
            if later.isdisjoint([body.root(v) for v in body.read(n)]):
                kept.append(n)
            else:
                moved.append(n)
                later |= set(made_by(n))
        if any([n is not node and x in [body.root(v) for v in body.read(n)] for n in moved]):
            return None
        if last > at:
            nodes = [*nodes[:at], *kept, *moved]
    return nodes


def _first(node: Any) -> Value:
    return node.read[0] if isinstance(node, Kernel) else node.pieces[0].x


def _out(node: Any) -> Value:
    return node.made[0] if isinstance(node, Kernel) else node.out


def made_by(node: Any) -> tuple[Value, ...]:
    """Return what a node makes."""
    return (node.out,) if hasattr(node, "out") else tuple(node.made)
