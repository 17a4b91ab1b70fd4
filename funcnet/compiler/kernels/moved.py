"""Elements at regular distances that are copied, repeated, or added to others: slices with steps, and the way back.

A move is a nest of loops over dimensions, each with a number of places and its distances in both arrays: a distance of
0 repeats elements, a negative one turns them round. Whatever a key of slices and numbers takes is one.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.small import cleared, shares
from funcnet.compiler.kernels.special import Of, Special, Step, Steps
from funcnet.compiler.kernels.windows import vectors_of
from funcnet.compiler.layout import basic_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["Move", "added_apart", "move_of", "repeated_elements", "taken_apart"]

_DTYPES = frozenset(["float32", "float64"])
#: Dimensions of the loops, places of the innermost below which another one takes its place, and up to which it is
#: written for this number of places.
_DEPTH, _SHORT, _WRITTEN = 4, 8, 32
#: Distances up to which they are part of the source.
_NEAR = 4
#: Elements that a thread has to have.
_PARALLEL = 50_000
#: Elements that are written at once.
_HELD = 128
_ELEMENTS = """def loop(lo, hi, part, x, y):
    u = x[lo:hi]
    v = y[lo * {times} : hi * {times}]
    for j in range(u.size):
        g = u[j]
{lines}
"""
_VECTORS = """def loop(lo, hi, part, x, y):
    X = address(x)
    Y = address(y)
    for i in range(lo, hi):
        block({text!r}, X + i * {row}, 0, Y + i * {rows}, 0, 0)
"""
#: An index with a sign might count from the end, which LLVM makes no vectors of.
_SOURCE = """def loop(lo, hi, part, x, y, d):
    n = {n}
    s = {s}
    t = {t}
    for a in range(lo, hi):
        for b in range(d[1, 0]):
            for c in range(d[2, 0]):
                p = d[4, 1] + a * d[0, 1] + b * d[1, 1] + c * d[2, 1]
                q = d[4, 2] + a * d[0, 2] + b * d[1, 2] + c * d[2, 2]
                if t == 1 and s == 1:
                    u = x[p : p + n]
                    v = y[q : q + n]
                    for j in range(n):
                        v[j] {op} u[j]
                elif t == 1 and s == 0:
                    g = x[p]
                    v = y[q : q + n]
                    for j in range(n):
                        v[j] {op} g
                elif t == 1:
                    v = y[q : q + n]
                    for j in range(n):
                        v[j] {op} x[u8(p + j * s)]
                elif s == 1:
                    u = x[p : p + n]
                    for j in range(n):
                        y[u8(q + j * t)] {op} u[j]
                else:
                    for j in range(n):
                        y[u8(q + j * t)] {op} x[u8(p + j * s)]
"""


class Move(NamedTuple):
    """Loops from the outermost to the innermost: places, distance in what is read, in what is written; and where from.

    Attributes
    ----------
    dims : tuple of (int, int, int)
        As many as the loops of the kernel.
    read, written : int
        The first element in each array.
    """

    dims: tuple[tuple[int, int, int], ...]
    read: int
    written: int


def move_of(dims: Sequence[tuple[int, int, int]], read: int, written: int) -> Move | None:
    """Return a move with as few loops as possible, None if there are more than the kernel has."""
    found: list[tuple[int, int, int]] = []
    for n, s, t in dims:
        if n == 1:
            continue
        if found and found[-1][1:] == (n * s, n * t):
            # Beside each other in both arrays.
            found[-1] = (found[-1][0] * n, s, t)
        else:
            found.append((n, s, t))
    if len(found) > _DEPTH:
        return None
    if found and found[-1][0] < _SHORT:
        longest = max(range(len(found)), key=lambda k: found[k][0])
        found.append(found.pop(longest))
    # What is left of the loops goes round once; a loop alone stays the innermost.
    outer = [*found[:-1], *[(1, 0, 0)] * (_DEPTH - max(1, len(found)))]
    return Move((*outer, *(found[-1:] or [(1, 0, 0)])), read, written)


def taken_apart(e: Equation, users: Sequence[Equation], held: bool) -> Special | None:
    """Return the kernel of slices with steps, whose elements loops read in order, None where it does not apply."""
    if len(e.inputs) != 1 or not (held or users):
        return None
    x, (out,) = e.values[0], e.outputs
    places = _places(e.params["key"], x.shape)
    if places is None or str(x.dtype) not in _DTYPES or not prod(out.shape):
        return None
    if not all([k[2] in (None, 1) for k in e.params["key"] if k.__class__ is tuple]):
        found = _move(places, x.shape, taking=True)
        if found is not None and all([u.primitive.kind == "elementwise" for u in users]):
            return _special("getitem, at distances", str(x.dtype), found, prod(x.shape), prod(out.shape))
    return None


def added_apart(e: Equation, empty: bool) -> Special | None:
    """Return the kernel of an `index_add` to slices with steps, which is not given an `empty` array of zeros."""
    if len(e.inputs) != 2 or len(e.values) != 2:
        return None
    x, v = e.values
    (out,) = e.outputs
    places = _places(e.params["key"], out.shape)
    if places is None or str(out.dtype) not in _DTYPES or not x.dtype == v.dtype == out.dtype:
        return None
    if not prod(v.shape) or prod(v.shape) != prod([n for _, n, _ in places]):
        return None
    found = _move(places, out.shape, taking=False)
    if found is None:
        return None
    size = prod(out.shape)
    dtype = str(out.dtype)
    return _special("index_add, at distances", dtype, found, prod(v.shape), size, "empty" if empty else "added")


def repeated_elements(e: Equation) -> Special | None:
    """Return the kernel of `repeat`, None where it does not apply."""
    x, (out,), p = e.values[0], e.outputs, e.params
    if str(x.dtype) not in _DTYPES or not prod(out.shape):
        return None
    axis, times = p["axis"], p["repeats"]
    count, width = prod(x.shape[: axis + 1]), prod(x.shape[axis + 1 :])
    if width > 1 and times * width <= _HELD:
        return _by_vectors(str(x.dtype), count, times, width)
    if width == 1 and times <= _SHORT:
        return _by_elements(str(x.dtype), count, times)
    found = move_of([(count, width, times * width), (times, 0, width), (width, 1, 1)], 0, 0)
    assert found is not None
    return _special("repeat, at distances", str(x.dtype), found, prod(x.shape), prod(out.shape))


def _by_elements(dtype: str, count: int, times: int) -> Special:
    """Return the kernel that writes each of many elements a few times, one beside the other."""
    source = _ELEMENTS.format(
        times=times, lines="\n".join([f"        v[u8({times} * j + {k})] = g" for k in range(times)])
    )

    def build(compile: Compile, threads: int) -> Steps:
        loop = compile(source, f"void(int64, int64, int64, {dtype}[::1], {dtype}[::1])")
        bounds = shares(count, threads, -(-_PARALLEL // times))
        return Steps([Step(loop, bounds, [Of(0, (count,)), Of(1, (count * times,))])])

    return Special("repeat, by elements", build)


def _by_vectors(dtype: str, count: int, times: int, width: int) -> Special:
    """Return the kernel that writes each of a few neighbours several times, all at once."""
    size = np.dtype(dtype).itemsize
    text = spec(
        size=size,
        width=vectors_of(width, size)[0],
        columns=width,
        a=[0] * times,
        c=[k * width * size for k in range(times)],
        loops=[],
        kind="row",
    )

    def build(compile: Compile, threads: int) -> Steps:
        source = _VECTORS.format(text=text, row=width * size, rows=times * width * size)
        loop = compile(source, f"void(int64, int64, int64, {dtype}[::1], {dtype}[::1])")
        bounds = shares(count, threads, -(-_PARALLEL // (times * width)))
        return Steps([Step(loop, bounds, [Of(0, (count * width,)), Of(1, (count * times * width,))])])

    return Special("repeat, by vectors", build)


def _places(key: Any, shape: tuple[int, ...]) -> list[tuple[int, int, int]] | None:
    """Return first place, number of places and step for each dimension that a key of slices and numbers takes."""
    parts = basic_key(key)
    if parts is None or None in parts or len(parts) > len(shape):
        return None
    found: list[tuple[int, int, int]] = []
    for k, n in zip([*parts, *[slice(None)] * (len(shape) - len(parts))], shape, strict=True):
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            found.append((start, len(range(start, stop, step)), step))
        else:
            found.append((k % n, 1, 1))
    return found


def _move(places: list[tuple[int, int, int]], shape: tuple[int, ...], *, taking: bool) -> Move | None:
    """Return the move from, or to, these places of an array, on whose other side elements lie side by side."""
    dims: list[tuple[int, int, int]] = []
    beside, apart, first = 1, 1, 0
    for (start, count, step), n in zip(reversed(places), reversed(shape), strict=True):
        near, far = beside, apart * step
        dims.insert(0, (count, far, near) if taking else (count, near, far))
        first += start * apart
        beside, apart = beside * count, apart * n
    return move_of(dims, first if taking else 0, 0 if taking else first)


def _source(operation: str, move: Move) -> str:
    """Return the source of loops that copy or add."""
    found = [f"d[3, {k}]" for k in range(3)]
    n, *steps = move.dims[-1]
    if n <= _WRITTEN:
        # A short loop disappears.
        found = [str(k) for k in (n, *steps)]
    else:
        # Vectors are put together of neighbours where LLVM knows how far apart elements are.
        found[1:] = [str(k) if abs(k) <= _NEAR else text for k, text in zip(steps, found[1:], strict=True)]
    return _SOURCE.format(op=operation, **dict(zip("nst", found, strict=True)))


def _special(name: str, dtype: str, move: Move, read: int, written: int, mode: str = "set") -> Special:
    def build(compile: Compile, threads: int) -> Steps:
        type = f"void(int64, int64, int64, {dtype}[::1], {dtype}[::1], int64[:,::1])"
        loop = compile(_source("=" if mode == "set" else "+=", move), type)
        last = 2 if mode == "added" else 1
        steps: list[Step] = []
        if mode == "added":
            dims = ((1, 0, 0),) * 3 + ((written, 1, 1),)
            copy = compile(_source("=", Move(dims, 0, 0)), type)
            table = np.array([*dims, (0, 0, 0)], np.int64)
            steps.append(Step(copy, (0, 1), [Of(0, (written,)), Of(2, (written,)), table]))
        elif mode == "empty":
            steps.append(Step(cleared(compile, dtype), (0, written), [Of(1, (written,))]))
        table = np.array([*move.dims, (0, move.read, move.written)], np.int64)
        count = move.dims[0][0]
        parts = max(1, min(threads, count, prod([n for n, _, _ in move.dims]) // _PARALLEL))
        bounds = tuple([count * i // parts for i in range(parts + 1)])
        steps.append(Step(loop, bounds, [Of(last - 1, (read,)), Of(last, (written,)), table]))
        return Steps(steps)

    return Special(name, build)
