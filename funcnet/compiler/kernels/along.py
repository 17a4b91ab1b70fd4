"""Elements that are taken along an axis, from wherever indices say, and put back to be added up."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.indexed import inside
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["along"]

_DTYPES = frozenset(["float32", "float64"])
#: Elements that a thread has to have.
_PARALLEL = 20_000
#: An index out of range is noted, and takes the place of the first element for now.
_PLACE = """k = places[{at}]
{pad}k = k + n if k < 0 else k
{pad}if (k < 0) | (k >= n):
{pad}    bad[part, 0] = 1
{pad}    bad[part, 1] = places[{at}]
{pad}    k = 0
"""
#: Along the last axis, and along others: `t` is a table, `i` one of its rows.
_LAST = """def loop(lo, hi, part, x, places, y, n, m, bad):
    bad[part, :] = 0
    for t in range(lo, hi):
{clear}        for i in range(m):
            {place}            {line}
"""
_ROWS = """def loop(lo, hi, part, x, places, y, n, m, bad):
    bad[part, :] = 0
    width = places.shape[1]
    for t in range(lo, hi):
{clear}        for i in range(m):
            for c in range(width):
                {place}                {line}
"""
_CLEAR_LAST = """        for i in range(n):
            y[t, i] = 0
"""
_CLEAR_ROWS = """        for i in range(n):
            for c in range(width):
                y[t * n + i, c] = 0
"""


def along(e: Equation) -> Special | None:
    """Return the kernel of `take_along_axis` or `add_along_axis` with an index for each element of one side."""
    if len(e.values) != 2:
        return None
    x, places = e.values
    (out,) = e.outputs
    adds = e.primitive.name == "add_along_axis"
    shape, few = (out.shape if adds else x.shape), places.shape
    axis = e.params["axis"] % len(shape)
    dtype = str(x.dtype)
    if dtype not in _DTYPES or str(out.dtype) != dtype or str(places.dtype) not in ("int32", "int64"):
        return None
    if len(few) != len(shape) or 0 in few or 0 in shape or (x.shape if adds else out.shape) != few:
        return None
    if any([a != b for k, (a, b) in enumerate(zip(shape, few, strict=True)) if k != axis]):
        return None
    count, n, m, width = prod(shape[:axis]), shape[axis], few[axis], prod(shape[axis + 1 :])
    last = width == 1
    source = _source(last, adds)
    large, small = ((count, n), (count, m)) if last else ((count * n, width), (count * m, width))
    shapes = (small, small, large) if adds else (large, small, small)
    kind = str(places.dtype)

    def build(compile: Compile, threads: int) -> Steps:
        table = f"{dtype}[:,::1]"
        types = [*["int64"] * 3, table, f"{kind}[:,::1]", table, "int64", "int64", "int64[:,::1]"]
        loop = compile(source, f"void({', '.join(types)})")
        parts = max(1, min(threads, count, prod(few) // _PARALLEL))
        bounds = tuple([count * i // parts for i in range(parts + 1)])
        bad = np.zeros((parts, 3), np.int64)
        given = [Of(i, s) for i, s in enumerate(shapes)]
        return Steps([Step(loop, bounds, [*given, n, m, bad])], inside(bad, axis, (n,)))

    return Special(f"{e.primitive.name}, element by element", build)


def _source(last: bool, adds: bool) -> str:
    """Return the source of a loop along the last axis or another, that adds or takes."""
    if last:
        here, there, pad = "t, i", "t, k", " " * 12
    else:
        here, there, pad = "t * m + i, c", "t * n + k, c", " " * 16
    line = f"y[{there}] += x[{here}]" if adds else f"y[{here}] = x[{there}]"
    clear = (_CLEAR_LAST if last else _CLEAR_ROWS) if adds else ""
    return (_LAST if last else _ROWS).format(clear=clear, place=_PLACE.format(at=here, pad=pad), line=line)
