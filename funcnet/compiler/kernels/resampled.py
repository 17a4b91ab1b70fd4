"""Interpolation along an axis, and elements that are repeated there, row by row into memory that is given."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from operator import mul
from typing import TYPE_CHECKING

import numpy as np

from funcnet.backends.resampling import table
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, type_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["repeated", "resampled"]

# Elements that a thread has to have.
_PARALLEL = 100_000
# Rows that a loop reads at once; LLVM gives up on vectors with more arrays than about this.
_TAPS = 8
# Elements of which one may be made, each of which is a line of the loop.
_MOST = 64
# Elements of a row below which most of a vector would be idle.
_ROW = 4

_REPEATED = """def loop(lo, hi, part, x, times, y):
    width = x.shape[1]
    for i in range(lo, hi):
        a = x[i]
        for k in range(i * times, (i + 1) * times):
            o = y[k]
            for c in range(width):
                o[c] = a[c]
"""


def resampled(e: Equation) -> Special | None:
    """Return the kernel for sums of a few weighted elements along an axis, None where it does not apply."""
    x, y, p = e.inputs[0], e.outputs[0], e.params
    axis, shape = p["axis"], e.values[0].shape
    dtypes = {str(x.dtype), str(y.dtype)}
    if dtypes not in ({"float32"}, {"float64"}) or not prod(shape) * prod(y.shape):
        return None
    places, weights = table(p["sizes"], p["method"], p["align"], p["scale"], p["transposed"])
    taps = places.shape[1]
    if taps > _MOST:
        return None
    count, rows, width = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    made, dtype = y.shape[axis], str(x.dtype)
    weighted = bool((weights != 1).any())

    def build(compile: Compile, threads: int) -> Steps:
        vector, matrix = f"{dtype}[::1]", f"{dtype}[:,::1]"
        types = f"{matrix}, int64[:,::1], {matrix}, {vector}"
        loop = compile(_source(rows, made, taps, weighted, type_of(dtype)), f"void(int64, int64, int64, {types})")
        parts = max(1, min(threads, count * made, count * made * width // _PARALLEL))
        bounds = tuple([count * made * i // parts for i in range(parts + 1)])
        given = [Of(0, (count * rows, width)), np.ascontiguousarray(places, np.int64)]
        shares = np.ascontiguousarray(weights, dtype)
        return Steps([Step(loop, bounds, [*given, shares, Of(1, (count * made * width,))])])

    return Special("resample, row by row", build)


def _source(rows: int, made: int, taps: int, weighted: bool, typed: str) -> str:
    lines = [
        "def loop(lo, hi, part, x, places, weights, y):",
        "    width = x.shape[1]",
        "    for u in range(lo, hi):",
        f"        n = u // {made}",
        f"        i = u - n * {made}",
    ]
    lines.append("        o = y[u * width :]")
    for first in range(0, taps, _TAPS):
        some = range(first, min(first + _TAPS, taps))
        for k in some:
            lines.append(f"        a{k} = x[n * {rows} + places[i, {k}]]")
            lines += [f"        w{k} = {typed}(weights[i, {k}])"] * weighted
        terms = ["o[c]"] * (first > 0) + [f"a{k}[c] * w{k}" if weighted else f"a{k}[c]" for k in some]
        lines += ["        for c in range(width):", f"            o[c] = {' + '.join(terms)}"]
    return "\n".join([*lines, ""])


def repeated(e: Equation, users: list[Equation]) -> Special | None:
    """Return the kernel for elements that are repeated along an axis, given who reads them.

    Loops read a broadcast array without one; that of which a reshape makes a longer axis has to exist.
    """
    x, y = e.inputs[0], e.outputs[0]
    before, after = e.values[0].shape, y.shape
    if len(before) != len(after) or not users:
        return None
    axes = [i for i, (n, m) in enumerate(zip(before, after, strict=True)) if n != m]
    if len(axes) != 1 or axes[0] == 0 or not prod(before) * prod(after):
        return None
    axis = axes[0]
    if not all([u.primitive.name == "reshape" and _joins(u.outputs[0].shape, prod(after[:axis])) for u in users]):
        return None
    count, times, width = prod(after[:axis]), after[axis], prod(after[axis + 1 :])
    dtype = str(x.dtype)
    if {dtype, str(y.dtype)} not in ({"float32"}, {"float64"}) or width < _ROW:
        return None

    def build(compile: Compile, threads: int) -> Steps:
        matrix = f"{dtype}[:,::1]"
        loop = compile(_REPEATED, f"void(int64, int64, int64, {matrix}, int64, {matrix})")
        parts = max(1, min(threads, count, count * times * width // _PARALLEL))
        bounds = tuple([count * i // parts for i in range(parts + 1)])
        return Steps([Step(loop, bounds, [Of(0, (count, width)), times, Of(1, (count * times, width))])])

    return Special("repeat, row by row", build)


def _joins(shape: tuple[int, ...], count: int) -> bool:
    """Whether no axes of a shape, from the first on, have so many places together."""
    return count not in accumulate(shape, mul)
