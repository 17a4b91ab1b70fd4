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
_PLACE = """            i = i8(places[r])
            i = i + n if i < 0 else i
            if i < 0 or i >= n:
                wrong[0] = 1
                i = 0
"""
_TAKEN = (
    """def loop(lo, hi, part, x, places, y, outer, n, width, wrong):
    for o in range(outer):
        for r in range(places.shape[0]):
"""
    + _PLACE
    + """            a = x[(o * n + i) * width : (o * n + i + 1) * width]
            b = y[(o * places.shape[0] + r) * width : (o * places.shape[0] + r + 1) * width]
            for j in range(b.shape[0]):
                b[j] = a[j]
"""
)
_PUT = (
    """def loop(lo, hi, part, x, v, places, y, outer, n, width, wrong):
    if address(x) != address(y):
        for j in range(y.shape[0]):
            y[j] = x[j]
    for o in range(outer):
        for r in range(places.shape[0]):
"""
    + _PLACE
    + """            a = v[(o * places.shape[0] + r) * width : (o * places.shape[0] + r + 1) * width]
            b = y[(o * n + i) * width : (o * n + i + 1) * width]
            for j in range(b.shape[0]):
                b[j] {sign} a[j]
"""
)


def indexed_of(e: Equation) -> Kernel | None:
    """Return what takes, sets or adds rows at places that an array of integers names; None for other keys."""
    name = e.primitive.name
    if name not in ("gather", "index_set", "index_add") or any([v.__class__ is not Value for v in e.inputs]):
        return None
    x, places, out = e.values[0], e.values[-1], e.outputs[0]
    key: Any = e.params["key"]
    if key.count("array") != 1 or str(places.dtype) not in ("int32", "int64"):
        return None
    k = key.index("array")
    if len(e.values) != (2 if name == "gather" else 3) or any([part != _WHOLE for part in key if part != "array"]):
        return None
    shape = (*x.shape[:k], *places.shape, *x.shape[k + 1 :])
    moved = out if name == "gather" else e.values[1]
    if moved.shape != shape or moved.dtype != out.dtype or x.dtype != out.dtype:
        return None
    given = [Of(i, (prod(v.shape),)) for i, v in enumerate((*e.values, out))]
    numbers = [prod(x.shape[:k]), x.shape[k], prod(x.shape[k + 1 :])]
    source = _TAKEN if name == "gather" else _PUT.format(sign="=" if name == "index_set" else "+=")
    function: Any = Written(source, "")
    build = lambda: Steps([Step(function, (0, 1), [*given, *numbers, FLAG])])  # noqa: E731
    return Kernel(build, tuple(e.values), (out,), changes=name != "gather")
