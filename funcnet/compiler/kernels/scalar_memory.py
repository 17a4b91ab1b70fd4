"""Arrays in code that is written out: steps read and change the elements that indices name, where they lie."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.layout import basic_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Equation, Graph, Value

__all__ = ["CHANGES", "READS", "Memory", "changed", "indexed", "lazily", "read"]

READS = ("gather", "getitem")
CHANGES = ("index_add", "index_set")
#: Elements that a step reads or changes at most: more of them are quicker in loops.
_MOST = 8

_WHOLE = (None, None, None)


class Memory(NamedTuple):
    """An array as it is after some changes.

    Attributes
    ----------
    place : str
        The expression of an element, with its number in braces.
    shape : tuple of int
        The array's.
    changes : int
        How many changes there were.
    now : list of int
        How many there have been by now, for all that is in the same place.
    given : bool
        Whether it belongs to who calls the loop: then nothing may change it.
    """

    place: str
    shape: tuple[int, ...]
    changes: int
    now: list[int]
    given: bool


def indexed(graph: Graph) -> set[Value]:
    """Return the arrays that indices are used with which steps compute, and what they are made of."""
    found: set[Value] = set()
    for e in reversed(graph.equations):
        name = e.primitive.name
        if name in (*READS, *CHANGES) and e.values:
            x = e.values[0]
            if "array" in e.params["key"] or (name in CHANGES and e.outputs[0] in found):
                found |= {x, e.outputs[0]} if name in CHANGES else {x}
    return found


def lazily(equations: Sequence[Equation]) -> list[Equation]:
    """Return equations so that changes come as late as they can, since nothing can read what was before."""
    order: list[Equation] = []
    waiting: list[Equation] = []
    for e in equations:
        needed = set(e.values)
        for k in reversed(range(len(waiting))):
            if not needed.isdisjoint(waiting[k].outputs):
                order += waiting[: k + 1]
                del waiting[: k + 1]
                break
        (waiting if e.primitive.name in CHANGES else order).append(e)
    return order + waiting


def read(e: Equation, given: list[Any], name: Callable[[str], str], lines: list[str]) -> np.ndarray | None:
    """Return the elements that a step reads, None if they are too many or it is not known which."""
    x = given[0]
    places = _places(e, x, given[1:], name, lines, e.outputs[0].shape)
    if places is None or x.changes != x.now[0]:
        return None
    found = np.empty(places.size, dtype=object)
    found[:] = [name(x.place.format(p)) for p in places.reshape(-1)]
    return found.reshape(e.outputs[0].shape)


def changed(e: Equation, given: list[Any], name: Callable[[str], str], lines: list[str]) -> Memory | None:
    """Write what changes elements; return the array with them."""
    x, v = given[0], given[1]
    if v.__class__ is not np.ndarray or x.given or x.changes != x.now[0]:
        return None
    places = _places(e, x, given[2:], name, lines, None)
    if places is None or v.ndim > places.ndim:
        return None
    sign = "+=" if e.primitive.name == "index_add" else "="
    elements = np.broadcast_to(v, places.shape)
    lines += [f"{x.place.format(p)} {sign} {q}" for p, q in zip(places.flat, elements.flat, strict=True)]
    x.now[0] += 1
    return x._replace(changes=x.now[0])


def _places(
    e: Equation, x: Memory, arrays: list[Any], name: Any, lines: list[str], shape: tuple[int, ...] | None
) -> np.ndarray | None:
    """Return expressions for the places of elements, in the shape of a result if one is given."""
    key = e.params["key"]
    if "array" not in key:
        plain = basic_key(key)
        numbers = None if plain is None else np.arange(prod(x.shape)).reshape(x.shape)[(*plain, ...)]
        return None if numbers is None or arrays or numbers.size > _MOST else numbers.astype(object)
    if any([a.__class__ is not np.ndarray for a in arrays]) or any([k not in ("array", _WHOLE) for k in key]):
        return None
    if len(arrays) > 1 and any([a.shape for a in arrays]):
        return None
    key = (*key, *[_WHOLE] * (len(x.shape) - len(key)))
    rest = iter(arrays)
    axes: list[list[Any]] = []
    for k, n in zip(key, x.shape, strict=True):
        axes.append([_inside(i, n, name, lines) for i in next(rest).flat] if k == "array" else list(range(n)))
        if prod([len(a) for a in axes]) > _MOST:
            return None
    strides = [prod(x.shape[k + 1 :]) for k in range(len(x.shape))]
    found = [
        " + ".join([f"{i} * {s}" if s > 1 else f"{i}" for i, s in zip(place, strides, strict=True)])
        for place in product(*axes)
    ]
    k = key.index("array")
    given = arrays[0].shape if len(arrays) == 1 else ()
    whole = [n for part, n in zip(key, x.shape, strict=True) if part != "array"]
    before = len([part for part in key[:k] if part != "array"])
    own = (*whole[:before], *given, *whole[before:])
    if shape is not None and own != shape:
        return None
    places = np.empty(len(found), dtype=object)
    places[:] = found
    return places.reshape(own)


def _inside(index: str, n: int, name: Any, lines: list[str]) -> str:
    """Return a place that is there; if it is not, that is noted, and the first one taken."""
    place = name(f"i8({index})")
    lines += [
        f"if {place} < 0:",
        f"    {place} += {n}",
        f"if {place} < 0 or {place} >= {n}:",
        "    wrong[0] = 1",
        f"    {place} = 0",
    ]
    return place
