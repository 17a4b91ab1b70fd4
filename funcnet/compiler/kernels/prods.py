"""Products of elements along axes, with vectors, and by several threads.

Vectors multiply the elements of a row in another order, in double precision. Where what comes out is no ordinary number
it is computed again, from fractions and exponents, so that nothing in between leaves the range of numbers; rows with
zeros, infinities and NaN are then multiplied in order. Along other axes rows are multiplied with vectors.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["multiplied"]

# Elements that a thread has to have, and columns in a line of the cache.
_PARALLEL, _LINE = 50_000, 16

_ALONG = """def loop(lo, hi, part, x, y):
    for i in range(lo, hi):
        y[i] = row_product(x[i])
"""
_PART = """def loop(lo, hi, part, x, parts):
    parts[part, 0] = row_product(x[lo:hi])
"""
_JOINED = """def loop(lo, hi, part, parts, x, y):
    for i in range(lo, hi):
        y[i] = row_product(parts[:, 0])
        for k in range(parts.shape[0]):
            if not ordinary(parts[k, 0]):
                y[i] = careful_product(x)
                break
"""
_ACROSS = """def loop(lo, hi, part, x, rows, y):
    width = y.shape[1]
    for i in range({tables}):
        o = y[i, {columns}]
        for c in range(o.shape[0]):
            o[c] = {typed}(1)
        for j in range(i * rows, (i + 1) * rows):
            a = x[j, {columns}]
            for c in range(o.shape[0]):
                o[c] *= a[c]
"""


def multiplied(e: Equation) -> Special | None:
    """Return the kernel for a product over neighbouring axes, None where it does not apply."""
    x, y, axis = e.values[0], e.outputs[0], e.params["axis"]
    axes = sorted(axis)
    if not axes or axes != list(range(axes[0], axes[-1] + 1)) or prod(x.shape) == 0:
        return None
    if str(x.dtype) not in ("float32", "float64") or y.dtype != x.dtype:
        return None
    dtype = np.dtype(str(x.dtype))
    count, rows, width = prod(x.shape[: axes[0]]), prod([x.shape[k] for k in axes]), prod(x.shape[axes[-1] + 1 :])

    def build(compile: Compile, threads: int) -> Steps:
        vector, table, wide = f"{dtype}[::1]", f"{dtype}[:,::1]", "float64[:,::1]"
        enough = max(1, min(threads, count * rows * width // _PARALLEL))
        if width > 1:
            # The threads share the tables or, where there are too few, the columns of all of them.
            shared = count < enough
            units, step = (width, _LINE) if shared else (count, 1)
            tables, columns = ("y.shape[0]", "lo:hi") if shared else ("lo, hi", ":")
            source = _ACROSS.format(tables=tables, columns=columns, typed=type_of(dtype))
            loop = compile(source, f"void(int64, int64, int64, {table}, int64, {table})")
            given = [Of(0, (count * rows, width)), rows, Of(1, (count, width))]
            return Steps([Step(loop, _bounds(units, step, enough), given)])
        if count > 1 or enough == 1:
            loop = compile(_ALONG, f"void(int64, int64, int64, {table}, {vector})")
            return Steps([Step(loop, _bounds(count, 1, enough), [Of(0, (count, rows)), Of(1, (count,))])])
        bounds = _bounds(rows, _LINE, enough)
        parts = memory_of(len(bounds) - 1, 1, np.dtype("float64"))
        part = compile(_PART, f"void(int64, int64, int64, {vector}, {wide})")
        joined = compile(_JOINED, f"void(int64, int64, int64, {wide}, {vector}, {vector})")
        whole, result = Of(0, (rows,)), Of(1, (1,))
        return Steps([Step(part, bounds, [whole, parts]), Step(joined, (0, 1), [parts, whole, result])])

    return Special("prod, one pass", build)


def _bounds(units: int, step: int, parts: int) -> tuple[int, ...]:
    pieces = -(-units // step)
    parts = min(parts, pieces)
    return tuple([min(pieces * i // parts * step, units) for i in range(parts + 1)])
