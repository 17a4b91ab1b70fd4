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
    changes: list[tuple[Value, Any]] = []
    for carry, out in zip(carries, outputs, strict=False):
        chain: list[tuple[Value, Any]] = []
        v = out
        while v is not carry and (node := makers.get(v)) is not None and getattr(node, "changes", False):
            v = body.root(_first(node))
            chain.append((v, node))
        # What comes before the last change is nowhere afterwards.
        gone = [x for x, _ in chain]
        if v is not carry or not chain or any([x in outputs or x in body.summed for x in gone]):
            continue
        order = _ordered(body, [*changes, *chain])
        if order is not None:
            body.nodes = order
            changes += chain
            found |= dict.fromkeys([_out(n) for _, n in chain], carry)
    return found


def _ordered(body: Body, changes: Sequence[tuple[Value, Any]]) -> list[Any] | None:
    """Return the nodes in an order in which whatever reads a value comes before the node that changes it, if any is."""
    nodes = body.nodes
    makers = {v: i for i, n in enumerate(nodes) for v in made_by(n)}
    read = [[body.root(v) for v in body.read(n)] for n in nodes]
    before = [{makers[v] for v in values if v in makers} for values in read]
    for x, node in changes:
        at = nodes.index(node)
        if read[at].count(x) != 1:
            return None
        before[at] |= {i for i, values in enumerate(read) if x in values and i != at}
    order: list[int] = []
    done: set[int] = set()
    while len(order) < len(nodes):
        free = next((i for i, needs in enumerate(before) if i not in done and needs <= done), None)
        if free is None:
            return None
        order.append(free)
        done.add(free)
    return [nodes[i] for i in order]


def _first(node: Any) -> Value:
    return node.read[0] if isinstance(node, Kernel) else node.pieces[0].x


def _out(node: Any) -> Value:
    return node.made[0] if isinstance(node, Kernel) else node.out


def made_by(node: Any) -> tuple[Value, ...]:
    """Return what a node makes."""
    return (node.out,) if hasattr(node, "out") else tuple(node.made)
