"""Batching rules of searches: one binary search for all elements of the batch at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.core import bind, owner, registry
from funcnet.core.dtypes import kind
from funcnet.ops.batching import expanded
from funcnet.ops.broadcasting import cast, reshaped
from funcnet.ops.fresh import array_like, integers_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.core import Primitive

__all__ = ["membership", "search"]


def search(
    primitive: Primitive, size: int, batched: Sequence[bool], x1: Any, x2: Any, /, *sorter: Any, side: str
) -> Any:
    """Rule of ``searchsorted``."""
    if not batched[0] and not any(batched[2:]):
        return bind(primitive, x1, x2, *sorter, side=side)
    x1 = expanded(x1, size, batched[0])
    if sorter:
        x1 = bind(registry["take_along_axis"], x1, expanded(sorter[0], size, batched[2]), axis=1)
    if not hasattr(x2, "shape"):
        x2 = array_like(x1, x2, x1.dtype if kind(x1.dtype) == "f" else None)
    x2 = expanded(x2, size, batched[1])
    x1, wanted = _promoted(x1, _rows(x2))
    return reshaped(_places(x1, wanted, side), tuple(x2.shape))


def membership(primitive: Primitive, size: int, batched: Sequence[bool], x1: Any, x2: Any, /, *, invert: bool) -> Any:
    """Rule of ``isin``."""
    if not batched[1]:
        return bind(primitive, x1, x2, invert=invert)
    x1 = expanded(x1 if hasattr(x1, "shape") else array_like(x2, x1), size, batched[0])
    shape = tuple(x1.shape)
    wanted, given = _promoted(_rows(x1), _rows(x2))
    rows, count = tuple(given.shape)
    if kind(given.dtype) == "c":
        pairs = reshaped(wanted, (*wanted.shape, 1)) == reshaped(given, (rows, 1, count))
        found = bind(registry["any"], pairs, axis=(2,), keepdims=False)
    elif not count:
        found = integers_like(wanted, "zeros", tuple(wanted.shape)) != 0
    else:
        ordered = bind(registry["sort"], given, axis=1, descending=False, stable=False)
        places = _places(ordered, wanted, "left")
        last = bind(registry["minimum"], places, array_like(places, count - 1, places.dtype))
        # NaN, which is sorted last, is equal to nothing.
        found = bind(registry["take_along_axis"], ordered, last, axis=1) == wanted
    found = reshaped(found, shape)
    return bind(registry["logical_not"], found) if invert else found


def _rows(x: Any) -> Any:
    """Return an array with all dimensions after the first as one."""
    count = 1
    for n in x.shape[1:]:
        count *= n
    return reshaped(x, (x.shape[0], count))


def _promoted(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two arrays of one data type, booleans as integers."""
    if a.dtype != b.dtype:
        backend = owner(a)
        namespace = np if backend.name == "numpy" else backend.namespace
        dtype = namespace.result_type(a.dtype, b.dtype)
        a, b = cast(a, dtype), cast(b, dtype)
    if kind(a.dtype) == "b":
        small = owner(a).dtype("uint8")
        a, b = cast(a, small), cast(b, small)
    return a, b


def _places(ordered: Any, wanted: Any, side: str) -> Any:
    """Return where in each sorted row the elements of a row of `wanted` belong; NaN counts as the largest number."""
    count = ordered.shape[1]
    place = integers_like(ordered, "zeros", tuple(wanted.shape))
    # Operators of a plain array need not know a traced one beside it: array_api_strict's do not.
    less, both, either = (
        registry[name] for name in ("less" if side == "left" else "less_equal", "bitwise_and", "bitwise_or")
    )
    none = wanted != wanted
    step = 1 << count.bit_length() >> 1
    while step:
        # Bit by bit, the largest number of elements that come before.
        further = place + step
        last = bind(registry["minimum"], further, array_like(further, count, further.dtype)) - 1
        value = bind(registry["take_along_axis"], ordered, last, axis=1)
        after = bind(both, none, value == value) if side == "left" else none
        before = bind(either, bind(less, value, wanted), after)
        place = bind(registry["where"], bind(both, further <= count, before), further, place)
        step >>= 1
    return place
