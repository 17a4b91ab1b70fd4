"""Places of numbers in a sorted array, many of them at a time.

Each comparison halves what is left to search, which is as much for all numbers, so that vectors of them go together.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["searched"]

_DTYPES = frozenset(["float32", "float64", "int32", "int64"])
#: Numbers that a thread has to have, and that go together.
_PARALLEL, _TOGETHER = 2_000, 64
#: Whether an element stands before a number; NaN is larger than anything, and as large as NaN.
_BEFORE = {
    "left": "(u < w) | ((w != w) & (u == u))",
    "right": "(u <= w) | (w != w)",
}
_SOURCE = """def loop(lo, hi, part, x, v, y):
    for start in range(lo, hi, {TOGETHER}):
        stop = min(start + {TOGETHER}, hi)
        q = v[start:stop]
        b = y[start:stop]
        m = stop - start
        for j in range(m):
            b[j] = 0
        left = x.shape[0]
        while left > 1:
            half = left // 2
            a = x[half - 1 :]
            for j in range(m):
                u = a[b[j]]
                w = q[j]
                b[j] = b[j] + half if {before} else b[j]
            left -= half
        for j in range(m):
            u = x[b[j]]
            w = q[j]
            b[j] = b[j] + 1 if {before} else b[j]
"""


def searched(e: Equation) -> Special | None:
    """Return the kernel of `searchsorted`, None where it does not apply."""
    if len(e.inputs) != 2 or len(e.values) != 2:
        return None
    x, v = e.values
    (out,) = e.outputs
    dtype = str(x.dtype)
    if dtype not in _DTYPES or str(v.dtype) != dtype or str(out.dtype) != "int64" or not prod(x.shape) * prod(v.shape):
        return None
    count, side = prod(v.shape), e.params["side"]

    def build(compile: Compile, threads: int) -> Steps:
        source = _SOURCE.format(TOGETHER=_TOGETHER, before=_BEFORE[side])
        loop = compile(source, f"void(int64, int64, int64, {dtype}[::1], {dtype}[::1], int64[::1])")
        parts = max(1, min(threads, count // _PARALLEL))
        bounds = tuple([count * i // parts for i in range(parts + 1)])
        return Steps([Step(loop, bounds, [Of(0, x.shape), Of(1, (count,)), Of(2, (count,))])])

    return Special("searchsorted, many at a time", build)
