"""Which loops of a plan take the rows of a product while they are in the cache (decision 16)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.fusion.nodes import is_product
from funcnet.compiler.kernels.followed import divided
from funcnet.compiler.loops.group import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.followed import Panels

__all__ = ["Chain", "chained", "per_row"]

#: Steps after a product among which its loops are looked for: beyond, its result is not in the cache any more.
_NEAR = 256
#: Steps that stay together: the tables of all loops have to fit in the room for them.
_MOST = 8
#: Bytes of a result below which it stays in the second level of the cache anyway, all of it.
_LEAST = 1 << 21


class Chain(NamedTuple):
    """A product and the loops after it.

    Attributes
    ----------
    product : Equation
        The product.
    loops : list of Group
        They follow it among the steps.
    division : Panels
        How its rows are divided.
    kept : bool
        Whether anything else reads its result.
    """

    product: Equation
    loops: list[Group]
    division: Panels
    kept: bool


def chained(
    nodes: Sequence[Group | Equation], results: set[Value], count: int
) -> tuple[list[Group | Equation], dict[int, Chain]]:
    """Put loops behind the products whose rows they take; return the steps in their new order, and chains by places."""
    divisions: dict[Any, Panels] = {}
    for n in nodes:
        if not isinstance(n, Group) and (division := _division(n, count)) is not None:
            divisions[n] = division
    if not divisions:
        return list(nodes), {}
    units = [_Unit(n) for n in nodes]
    place = 0
    while place < len(units):
        unit = units[place]
        if unit.first not in divisions or unit.seen:
            place += 1
        else:
            unit.seen = True
            # If it has loops, what does not wait for it is here now.
            _follow(units, place)
    readers: dict[Value, int] = {}
    for v in [v for unit in units for n in unit.nodes for v in _read(n)]:
        readers[v] = readers.get(v, 0) + 1
    found: list[Group | Equation] = []
    chains: dict[int, Chain] = {}
    for unit in units:
        loops = [n for n in unit.nodes if isinstance(n, Group)]
        if len(unit.nodes) > 1 and not isinstance(unit.first, Group):
            out = unit.first.outputs[0]
            kept = out in results or readers[out] > len(loops)
            chains[len(found)] = Chain(unit.first, loops, divisions[unit.first], kept)
        found += unit.nodes
    return found, chains


def per_row(group: Group, columns: int) -> int | None:
    """Return how many steps from `lo` to `hi` of a loop belong to a row of so many columns; None if none do."""
    if group.split is None:
        return columns
    return None if columns % group.columns else columns // group.columns


def _division(e: Equation, count: int) -> Panels | None:
    if not is_product(e) or len(e.inputs[1].shape) != 2:
        return None
    out, (k, n) = e.outputs[0], e.inputs[1].shape
    size = prod(out.shape)
    if size * np.dtype(out.dtype).itemsize < _LEAST or 0 in (size, k):
        return None
    return divided(size // n, n, k, out.dtype, count)


class _Unit:
    """Steps that stay together."""

    __slots__ = ("effect", "first", "made", "nodes", "reads", "seen")

    def __init__(self, node: Group | Equation) -> None:
        self.first = node
        self.nodes = [node]
        self.reads = _read(node)
        self.made = {v for e in _equations(node) for v in e.outputs}
        self.effect = any([e.primitive.meta.get("effect") for e in _equations(node)])
        self.seen = False

    def add(self, other: _Unit) -> None:
        """Append steps."""
        self.nodes += other.nodes
        self.reads |= other.reads - self.made
        self.made |= other.made


def _follow(units: list[_Unit], start: int) -> None:
    """Move a product and loops that take its rows together, to the place of the last of them."""
    unit = units[start]
    product: Any = unit.first
    out = product.outputs[0]
    # What does not need the product, and what needs it and waits until the loops are done.
    before: list[_Unit] = []
    behind: list[_Unit] = []
    waiting = {out}
    i = start + 1
    # Each loop that is found makes the list shorter.
    while i < min(start + _NEAR, len(units)):
        other = units[i]
        if other.reads.isdisjoint(waiting):
            before.append(other)
            i += 1
            continue
        fits = len(other.nodes) == 1 and other.reads & waiting == {out} and _takes_rows(other.first, out)
        waiting |= other.made
        if (
            fits
            and len(unit.nodes) < _MOST
            and not (any([u.effect for u in before]) and any([u.effect for u in behind]))
        ):
            unit.add(other)
            units[start : i + 1] = [*before, unit, *behind]
        else:
            behind.append(other)
            i += 1


def _takes_rows(node: Group | Equation, out: Value) -> bool:
    """Whether a step is a loop that reads a product row by row, each row with its own steps from `lo` to `hi`."""
    if not isinstance(node, Group) or node.roles.get(out) != "full" or out in node.windows.values():
        return False
    if node.narrow and node.run not in (None, node.rows):
        return False
    return per_row(node, out.shape[-1]) is not None


def _equations(node: Group | Equation) -> Sequence[Equation]:
    return node.equations if isinstance(node, Group) else [node]


def _read(node: Group | Equation) -> set[Value]:
    """Return what a step reads that others make."""
    made = node.made if isinstance(node, Group) else ()
    return {v for e in _equations(node) for v in e.values if v not in made}
