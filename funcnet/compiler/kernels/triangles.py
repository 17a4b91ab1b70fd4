"""Lower and upper triangles of matrices, row by row."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["triangle"]

_DTYPES = frozenset(["float32", "float64"])
#: Elements that a thread has to have.
_PARALLEL = 50_000
_SOURCE = """def loop(lo, hi, part, x, y, n, k):
    width = x.shape[1]
    for r in range(lo, hi):
        m = min(max(r % n + k, 0), width)
        a = x[r, {kept}]
        b = y[r, {kept}]
        for j in range(a.shape[0]):
            b[j] = a[j]
        b = y[r, {rest}]
        for j in range(b.shape[0]):
            b[j] = 0
"""


def triangle(e: Equation) -> Special | None:
    """Return the kernel of `tril` or `triu`, None where it does not apply."""
    (out,) = e.outputs
    shape, dtype = out.shape, str(out.dtype)
    if dtype not in _DTYPES or str(e.values[0].dtype) != dtype or not prod(shape):
        return None
    n, width = shape[-2:]
    rows = prod(shape[:-1])
    lower = e.primitive.name == "tril"
    # The first column that is above the lower triangle, or in the upper one, of row 0.
    first = e.params["k"] + lower

    def build(compile: Compile, threads: int) -> Steps:
        matrix = f"{dtype}[:,::1]"
        kept, rest = (":m", "m:") if lower else ("m:", ":m")
        source = _SOURCE.format(kept=kept, rest=rest)
        loop = compile(source, f"void(int64, int64, int64, {matrix}, {matrix}, int64, int64)")
        parts = max(1, min(threads, rows, rows * width // _PARALLEL))
        bounds = tuple([rows * i // parts for i in range(parts + 1)])
        return Steps([Step(loop, bounds, [Of(0, (rows, width)), Of(1, (rows, width)), n, first])])

    return Special(f"{e.primitive.name}, row by row", build)
