"""What steps of a loop have beside loops over elements that takes a few lines: casts, counts, places, triangles."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.scan_parts import Kernel, Written
from funcnet.compiler.kernels.special import Of, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation

__all__ = ["plain_of"]

_CAST = """def loop(lo, hi, part, x, y, least, most, none, above, below):
    for j in range(y.shape[0]):
        v = x[j]
        y[j] = {T}(v) if (v >= least) & (v < most) else {T}(none if v != v else above if v > 0 else below)
"""
_SUM = """def loop(lo, hi, part, x, y, n):
    for r in range(y.shape[0]):
        total = i8(0)
        for j in range(n):
            total += i8({x})
        y[r] = total
"""
#: The first NaN stays, like the first of several extremes.
_PLACE = """def loop(lo, hi, part, x, y, n):
    for r in range(y.shape[0]):
        best = x[r * n]
        place = 0
        for j in range(1, n):
            v = x[r * n + j]
            if (v {sign} best) | ((v != v) & (best == best)):
                best = v
                place = j
        y[r] = place
"""
_TRIANGLE = """def loop(lo, hi, part, x, y, count, n, m, k):
    for u in range(count):
        for i in range(n):
            for j in range(m):
                at = (u * n + i) * m + j
                y[at] = x[at] if j {sign} i + k else {T}(0)
"""
#: NaN comes last.
_SORTED = """def loop(lo, hi, part, x, v, y):
    for j in range(y.shape[0]):
        first, last = 0, x.shape[0]
        while first < last:
            middle = (first + last) // 2
            a, b = {pair}
            if (a < b) | ((b != b) & (a == a)) {sign} 0:
                first = middle + 1
            else:
                last = middle
        y[j] = first
"""
_NUMBERS = {"float32": "f4", "float64": "f8", "int32": "i4", "int64": "i8", "bool": "b1"}
_WHOLE = ("bool", "int32", "int64")


def plain_of(e: Equation) -> Kernel | None:
    """Return what does an equation, None if nothing here does."""
    make = _MAKERS.get(e.primitive.name)
    if make is None or len(e.outputs) != 1 or any([v.__class__ is not Value for v in e.inputs]):
        return None
    found = make(e)
    if found is None:
        return None
    source, numbers = found
    values = (*e.values, e.outputs[0])
    given = [*[Of(i, (prod(v.shape),)) for i, v in enumerate(values)], *numbers]
    function: Any = Written(source, "")
    return Kernel(lambda: Steps([Step(function, (0, 1), given)]), tuple(e.values), e.outputs)


def _name(v: Value) -> str:
    return str(np.dtype(v.dtype))


def _cast(e: Equation) -> tuple[str, list[Any]] | None:
    """Return the conversion of floating-point numbers to integers; what of others becomes NumPy says."""
    found, wanted = _name(e.values[0]), _name(e.outputs[0])
    if found[0] != "f" or wanted not in ("int32", "int64") or found not in _NUMBERS:
        return None
    limit = 2.0 ** (8 * np.dtype(wanted).itemsize - 1)
    with np.errstate(invalid="ignore"):
        others = np.array([np.nan, np.inf, -np.inf], found).astype(wanted).tolist()
    # A number below the least integer that becomes it all the same is not there in the narrower types.
    least = np.nextafter(-limit - 1, 0.0) if (found, wanted) == ("float64", "int32") else -limit
    return _CAST.format(T=_NUMBERS[wanted]), [float(least), limit, *others]


def _sum(e: Equation) -> tuple[str, list[Any]] | None:
    x, out, axis = e.values[0], e.outputs[0], e.params["axis"]
    count = e.primitive.name == "count_nonzero"
    if _name(x) not in (_NUMBERS if count else _WHOLE) or _name(out) not in ("int32", "int64"):
        return None
    rank = len(x.shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    kept = rank - len(axes)
    # Others are brought into this order.
    if [a % rank for a in axes] != list(range(kept, rank)):
        return None
    source = _SUM.format(x="x[r * n + j] != 0" if count and _name(x) != "bool" else "x[r * n + j]")
    return source, [prod(x.shape[kept:])]


def _place(e: Equation) -> tuple[str, list[Any]] | None:
    x, axis = e.values[0], e.params["axis"]
    if _name(x) not in _NUMBERS or _name(e.outputs[0]) != "int64" or not prod(x.shape):
        return None
    n = prod(x.shape) if axis is None else x.shape[-1]
    if axis is not None and axis not in (-1, len(x.shape) - 1):
        return None
    return _PLACE.format(sign=">" if e.primitive.name == "argmax" else "<"), [n]


def _triangle(e: Equation) -> tuple[str, list[Any]] | None:
    x = e.values[0]
    typed = _NUMBERS.get(_name(x))
    if typed is None or x.dtype != e.outputs[0].dtype:
        return None
    sign = "<=" if e.primitive.name == "tril" else ">="
    return _TRIANGLE.format(sign=sign, T=typed), [prod(x.shape[:-2]), *x.shape[-2:], e.params["k"]]


def _sorted(e: Equation) -> tuple[str, list[Any]] | None:
    if len(e.values) != 2 or len(e.values[0].shape) != 1 or _name(e.outputs[0]) != "int64":
        return None
    if _name(e.values[0]) not in _NUMBERS or e.values[0].dtype != e.values[1].dtype:
        return None
    left = e.params["side"] == "left"
    pair = "x[middle], v[j]" if left else "v[j], x[middle]"
    return _SORTED.format(pair=pair, sign="!=" if left else "=="), []


_MAKERS: dict[str, Callable[[Equation], tuple[str, list[Any]] | None]] = {
    "argmax": _place,
    "argmin": _place,
    "astype_exact": _cast,
    "count_nonzero": _sum,
    "searchsorted": _sorted,
    "sum": _sum,
    "tril": _triangle,
    "triu": _triangle,
}
