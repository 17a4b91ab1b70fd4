"""Elements that steps of a loop take, set and add to where an index says so that the step computes or is given."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.scan_parts import FLAG, Kernel, Written
from funcnet.compiler.kernels.special import Of, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation

__all__ = ["indexed_of"]

_WHOLE = (None, None, None)
#: A place that there is not is noted, and another one taken: whoever looks at the note says what is wrong.
_PLACE = """            i{k} = i8(places{k}[r])
            i{k} = i{k} + n{k} if i{k} < 0 else i{k}
            beyond = (i{k} < 0) | (i{k} >= n{k})
            bad |= i8(beyond)
            i = i * n{k} + (i8(0) if beyond else i{k})
"""
_ROWS = """            a = {read}[{here} * width : ({here} + 1) * width]
            b = y[{there} * width : ({there} + 1) * width]
            for j in range(b.shape[0]):
                b[j] {sign} a[j]
"""
_ELEMENT = """            y[{there}] {sign} {read}[{here}]
"""
_SOURCE = """def loop(lo, hi, part, x, {names}, y, outer, {sizes}, width, wrong):
    count = places0.shape[0]
    n = {whole}
    bad = i8(0)
{copy}    for o in range(outer):
        for r in range(count):
            i = i8(0)
{moved}    if bad != 0:
        wrong[0] = 1
"""
_COPY = """    if address(x) != address(y):
        for j in range(y.shape[0]):
            y[j] = x[j]
"""


def indexed_of(e: Equation) -> Kernel | None:
    """Return what takes, sets or adds rows at places that arrays of integers name; None for other keys."""
    name = e.primitive.name
    if name not in ("gather", "index_set", "index_add") or any([v.__class__ is not Value for v in e.inputs]):
        return None
    key: Any = e.params["key"]
    several = key.count("array")
    if not several:
        return None
    k = key.index("array")
    stop = k + several
    x, places, out = e.values[0], e.values[-several:], e.outputs[0]
    # Of dimensions beside each other, so that what is taken comes in their place.
    if any([part != _WHOLE for part in (*key[:k], *key[stop:]) if part != "array"]) or "array" in key[stop:]:
        return None
    if any([str(p.dtype) not in ("int32", "int64") or p.shape != places[0].shape for p in places]):
        return None
    if len(e.values) != (1 if name == "gather" else 2) + several:
        return None
    shape = (*x.shape[:k], *places[0].shape, *x.shape[stop:])
    moved = out if name == "gather" else e.values[1]
    if moved.shape != shape or moved.dtype != out.dtype or x.dtype != out.dtype:
        return None
    given = [Of(i, (prod(v.shape),)) for i, v in enumerate((*e.values, out))]
    numbers = [prod(x.shape[:k]), *x.shape[k:stop], prod(x.shape[stop:])]
    sizes = [f"n{q}" for q in range(several)]
    taken, read, put = name == "gather", "(o * n + i)", "(o * count + r)"
    places_of = [f"places{q}" for q in range(several)]
    one = (_ELEMENT if numbers[-1] == 1 else _ROWS).format(
        read="x" if taken else "v",
        here=read if taken else put,
        there=put if taken else read,
        sign="+=" if name == "index_add" else "=",
    )
    source = _SOURCE.format(
        names=", ".join(places_of if taken else ["v", *places_of]),
        sizes=", ".join(sizes),
        whole=" * ".join(sizes),
        copy="" if taken else _COPY,
        moved="".join([_PLACE.format(k=q) for q in range(several)]) + one,
    )
    function: Any = Written(source, "")
    build = lambda: Steps([Step(function, (0, 1), [*given, *numbers, FLAG])])  # noqa: E731
    return Kernel(build, tuple(e.values), (out,), changes=name != "gather")
