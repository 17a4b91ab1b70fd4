"""Stacks of products of a column with a row, as gradients of single examples have them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.graph import Value
from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["outer"]

_SOURCE = """def loop(lo, hi, part, a, b, y):
    rows = a.shape[0] // b.shape[0]
    n = {columns}
    first = lo
    while first < hi:
        k = first // rows
        u = b[k, :n]
        last = min((k + 1) * rows, hi)
        for r in range(first, last):
            x = a[r]
            v = y[r, :n]
            for j in range(n):
                v[j] = x * u[j]
        first = last
"""
#: Rows up to this length have it in the source: the compiler makes one vector of them, and none of unknown length.
_SHORT = 15
#: Elements that a thread has to have.
_PARALLEL = 50_000


def outer(e: Equation) -> Special | None:
    """Return the kernel for a multiplication of ``(..., m, 1)`` with ``(..., 1, n)``, None for any other.

    A loop has one shape for all of its arrays and those that broadcast to it, which such factors do not.
    """
    if len(e.inputs) != 2 or any([v.__class__ is not Value for v in e.inputs]):
        return None
    out: Any = e.outputs[0]
    shape = out.shape
    if len(shape) < 3 or prod(shape[:-2]) < 2 or min(shape[-2:]) < 2:
        return None
    column, row = (*shape[:-1], 1), (*shape[:-2], 1, shape[-1])
    shapes = [v.shape for v in e.values]
    dtype = str(out.dtype)
    if {str(v.dtype) for v in e.values} != {dtype} or dtype not in ("float32", "float64", "int32", "int64"):
        return None
    if shapes not in ([column, row], [row, column]):
        return None
    first = shapes.index(column)
    rows, columns = prod(shape[:-1]), shape[-1]

    def build(compile: Compile, threads: int) -> Steps:
        matrix = f"{dtype}[:,::1]"
        source = _SOURCE.format(columns=columns if columns <= _SHORT else "b.shape[1]")
        loop = compile(source, f"void(int64, int64, int64, {dtype}[::1], {matrix}, {matrix})")
        parts = max(1, min(threads, rows, prod(shape) // _PARALLEL))
        bounds = tuple([rows * i // parts for i in range(parts + 1)])
        given = [Of(first, (rows,)), Of(1 - first, (prod(shape[:-2]), columns)), Of(2, (rows, columns))]
        return Steps([Step(loop, bounds, given)])

    return Special("multiply, columns with rows", build)
