"""Maxima and minima over axes in the middle of an array, their places, and what is taken from and put to these places.

An array is a stack of tables here; the rows of a table are compared with vectors, row by row.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.small import cleared
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of

if TYPE_CHECKING:
    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.special import Compile

__all__ = ["middle_count", "middle_extreme", "middle_place", "put", "taken"]

# Elements that a thread has to have.
_PARALLEL = 100_000
# Elements of a row below which most of a vector would be idle.
_ROW = 4

_EXTREME = """def loop(lo, hi, part, x, rows, y):
    width = y.shape[1]
    for i in range(lo, hi):
        o = y[i]
        a = x[i * rows]
        for c in range(width):
            o[c] = a[c]
        for j in range(i * rows + 1, (i + 1) * rows):
            a = x[j]
            for c in range(width):
                q = o[c]
                r = a[c]
                o[c] = r if (r {sign} q) | (r != r) else q
"""
_COUNT = """def loop(lo, hi, part, x, rows, y):
    width = y.shape[1]
    for i in range(lo, hi):
        o = y[i]
        for c in range(width):
            o[c] = 0
        for j in range(i * rows, (i + 1) * rows):
            a = x[j]
            for c in range(width):
                o[c] += i8(a[c])
"""
_PLACE = """def loop(lo, hi, part, x, rows, best, places, y):
    width = x.shape[1]
    b = best[part]
    p = places[part]
    for i in range(lo, hi):
        a = x[i * rows]
        for c in range(width):
            b[c] = a[c]
            p[c] = 0
        for j in range(1, rows):
            a = x[i * rows + j]
            k = {whole}(j)
            for c in range(width):
                q = b[c]
                r = a[c]
                # The first NaN stays, like the first of several extremes.
                better = (r {sign} q) | ((r != r) & (q == q))
                b[c] = r if better else q
                p[c] = k if better else p[c]
        o = y[i]
        for c in range(width):
            o[c] = p[c]
"""
_TAKEN = """def loop(lo, hi, part, x, places, rows, y):
    width = y.shape[1]
    for i in range(lo, hi):
        for c in range(width):
            y[i, c] = x[i * rows + places[i, c], c]
"""
_PUT = """def loop(lo, hi, part, g, places, rows, y):
    width = g.shape[1]
    for i in range(lo, hi):
        for c in range(width):
            y[i * rows + places[i, c], c] = g[i, c]
"""


class _Tables:
    """An array as a stack of tables whose rows lie along some of its axes."""

    def __init__(self, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        self.count, self.rows = prod(shape[: axes[0]]), prod([shape[k] for k in axes])
        self.width = prod(shape[axes[-1] + 1 :])

    def bounds(self, threads: int) -> tuple[int, ...]:
        """Return where the parts of the work end, in tables."""
        parts = max(1, min(threads, self.count, self.count * self.rows * self.width // _PARALLEL))
        return tuple([self.count * i // parts for i in range(parts + 1)])

    @property
    def large(self) -> tuple[int, int]:
        return self.count * self.rows, self.width

    @property
    def small(self) -> tuple[int, int]:
        return self.count, self.width


def _tables(shape: tuple[int, ...], axis: Any, dtype: Any, *, dtypes: Any = ("float32", "float64")) -> _Tables | None:
    if axis is None or str(dtype) not in dtypes:
        return None
    axes = tuple(sorted([k % len(shape) for k in ((axis,) if isinstance(axis, int) else axis)]))
    if not axes or axes != tuple(range(axes[0], axes[-1] + 1)) or axes[-1] == len(shape) - 1 or not prod(shape):
        return None
    found = _Tables(shape, axes)
    return found if found.width >= _ROW else None


def middle_extreme(e: Equation) -> Special | None:
    """Return the kernel for maxima or minima over neighbouring axes between others, None where it does not apply."""
    x, y, name = e.values[0], e.outputs[0], e.primitive.name
    t = _tables(x.shape, e.params["axis"], x.dtype)
    if t is None or y.dtype != x.dtype:
        return None
    dtype = str(x.dtype)

    def build(compile: Compile, threads: int) -> Steps:
        table = f"{dtype}[:,::1]"
        source = _EXTREME.format(sign=">" if name == "max" else "<")
        loop = compile(source, f"void(int64, int64, int64, {table}, int64, {table})")
        return Steps([Step(loop, t.bounds(threads), [Of(0, t.large), t.rows, Of(1, t.small)])])

    return Special(f"{name}, row by row", build)


def middle_count(e: Equation) -> Special | None:
    """Return the kernel that counts what holds over neighbouring axes between others, None where it does not apply."""
    x, y = e.values[0], e.outputs[0]
    t = _tables(x.shape, e.params["axis"], x.dtype, dtypes=("bool",))
    if t is None or str(y.dtype) != "int64" or t.count == 1:
        return None

    def build(compile: Compile, threads: int) -> Steps:
        loop = compile(_COUNT, "void(int64, int64, int64, boolean[:,::1], int64, int64[:,::1])")
        return Steps([Step(loop, t.bounds(threads), [Of(0, t.large), t.rows, Of(1, t.small)])])

    return Special("count_nonzero, row by row", build)


def middle_place(e: Equation) -> Special | None:
    """Return the kernel for the places of maxima or minima along an axis, None where it does not apply."""
    x, y, name = e.values[0], e.outputs[0], e.primitive.name
    t = _tables(x.shape, e.params["axis"], x.dtype)
    if t is None or str(y.dtype) != "int64" or t.rows > np.iinfo(np.int32).max:
        return None
    dtype = np.dtype(str(x.dtype))
    # As wide as the numbers, so that a vector of these has a vector of places.
    whole = np.dtype(f"i{dtype.itemsize}")

    def build(compile: Compile, threads: int) -> Steps:
        table, places = f"{dtype.name}[:,::1]", f"{whole.name}[:,::1]"
        source = _PLACE.format(sign=">" if name == "argmax" else "<", whole=whole.str[1:])
        loop = compile(source, f"void(int64, int64, int64, {table}, int64, {table}, {places}, int64[:,::1])")
        bounds = t.bounds(threads)
        memory = [memory_of(len(bounds) - 1, t.width, d) for d in (dtype, whole)]
        return Steps([Step(loop, bounds, [Of(0, t.large), t.rows, *memory, Of(1, t.small)])])

    return Special(f"{name}, row by row", build)


def taken(e: Equation, made: dict[Value, Equation]) -> Special | None:
    """Return the kernel that takes elements from places that were just found, which need no test."""
    x, y = e.inputs[0], e.outputs[0]
    shape, axis = e.values[0].shape, e.params["axis"]
    t = _tables(shape, axis, x.dtype)
    if t is None or not _found(e, made, shape, axis):
        return None
    return _moved("take_along_axis, where found", _TAKEN, t, str(y.dtype), (t.large, t.small), clear=False)


def put(e: Equation, made: dict[Value, Equation]) -> Special | None:
    """Return the kernel that puts elements to such places, and zeros elsewhere."""
    g, y = e.inputs[0], e.outputs[0]
    axis = e.params["axis"]
    t = _tables(y.shape, axis, g.dtype)
    if t is None or not _found(e, made, y.shape, axis):
        return None
    return _moved("add_along_axis, where found", _PUT, t, str(y.dtype), (t.small, t.large), clear=True)


def _found(e: Equation, made: dict[Value, Equation], shape: tuple[int, ...], axis: int) -> bool:
    """Whether indices are the places of the extremes of an array of this shape, one for each column."""
    places = made.get(e.values[1]) if len(e.values) == 2 else None
    if places is None or places.primitive.name not in ("argmax", "argmin") or not places.params["keepdims"]:
        return False
    searched, along = places.values[0].shape, places.params["axis"]
    same = along is not None and along % len(searched) == axis % len(shape)
    return same and searched == shape and str(places.outputs[0].dtype) == "int64"


def _moved(
    name: str, source: str, t: _Tables, dtype: str, shapes: tuple[tuple[int, int], tuple[int, int]], *, clear: bool
) -> Special:
    given, result = shapes

    def build(compile: Compile, threads: int) -> Steps:
        table = f"{dtype}[:,::1]"
        loop = compile(source, f"void(int64, int64, int64, {table}, int64[:,::1], int64, {table})")
        arguments = [Of(0, given), Of(1, t.small), t.rows, Of(2, result)]
        steps = [Step(loop, t.bounds(threads), arguments)]
        if clear:
            size = prod(result)
            steps.insert(0, Step(cleared(compile, dtype), (0, size), [Of(2, (size,))]))
        return Steps(steps)

    return Special(name, build)
