"""Numbers of a wider type that each loop makes anew from the array they come from, so that nobody writes them.

A variance of single precision reads its array in double precision twice, in two loops; the first one would leave the
second an array of twice the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Equation, Value
from funcnet.compiler.loops.group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["converted_again"]


def converted_again(nodes: list[Group | Equation], held: Iterable[Any]) -> list[Group | Equation]:
    """Return loops and equations that do the same, of which loops convert what others have converted for them.

    Parameters
    ----------
    nodes : list of Group or Equation
        In an order in which they can run.
    held : iterable
        What has to be there in the end.
    """
    kept = set(held)
    made: dict[Value, Equation] = {}
    for n in nodes:
        if isinstance(n, Group):
            made.update({e.outputs[0]: e for e in n.equations if _widens(e) and e.inputs[0] not in n.made})
    read: dict[Value, list[int]] = {}
    for i, n in enumerate(nodes):
        own = n.made if isinstance(n, Group) else ()
        values = {v for e in (n.equations if isinstance(n, Group) else [n]) for v in e.values}
        for v in values:
            if v in made and v not in own:
                read.setdefault(v, []).append(i)
    out = list(nodes)
    for v, readers in read.items():
        new = [_joined(out[i], made[v]) for i in readers] if v not in kept else [None]
        if None not in new:
            for i, n in zip(readers, new, strict=True):
                out[i] = n  # type: ignore[assignment]
    return out


def _widens(e: Equation) -> bool:
    if e.primitive.name != "astype" or len(e.inputs) != 1 or e.inputs[0].__class__ is not Value:
        return False
    return e.outputs[0].dtype.itemsize > e.inputs[0].dtype.itemsize


def _joined(node: Group | Equation, conversion: Equation) -> Group | None:
    """Return a loop that makes the conversion itself, None if it cannot."""
    if not isinstance(node, Group) or node.shape != conversion.outputs[0].shape:
        return None
    (before,) = conversion.outputs
    own = Value(before.spec)
    new = Group(node.shape)
    first = Equation(
        conversion.primitive, conversion.inputs, conversion.params, (own,), conversion.line, conversion.again
    )
    others = [e.replaced(tuple([own if v is before else v for v in e.inputs])) for e in node.equations]
    return new if all([new.join(e) for e in (first, *others)]) else None
