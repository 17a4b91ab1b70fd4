"""Maxima of windows in one pass that also finds their places, and the pass back.

The axes that are pooled are neighbours, so that an array is a stack of images whose elements are rows of channels. A
window inside of the array is one instruction (:mod:`funcnet.compiler.kernels.pool_code`), which goes through the
channels on vectors.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from funcnet.compiler.kernels.pool_code import spec
from funcnet.compiler.kernels.small import cleared
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["max_with_places", "spread"]

_ARRAYS = {"float32": "float32[::1]", "float64": "float64[::1]", "uint8": "uint8[::1]"}
# Elements below which a second thread costs more than it saves.
_PARALLEL = 30_000
# Elements of a window that a loop has a line for, and channels below which most of a vector would be idle.
_TAPS, _CHANNELS = 27, 4


class _Pool:
    """Windows over up to three neighbouring axes, each of which holds an element of the array."""

    def __init__(self, large: tuple[int, ...], params: dict[str, Any]) -> None:
        axes = params["axes"]
        names, ones = ("window", "strides", "dilation", "sizes"), (1,) * (3 - len(axes))
        self.window, self.strides, self.dilation, self.out = [(*ones, *params[name]) for name in names]
        self.low = (*[0 for _ in ones], *params["low"])
        self.size = (*ones, *[large[a] for a in axes])
        self.images = prod(large[: axes[0]])
        self.channels = prod(large[axes[-1] + 1 :])
        #: From the first to the last element of a window along each axis.
        self.spans = [(w - 1) * d for w, d in zip(self.window, self.dilation, strict=True)]
        last = [(n - 1) * s - low for n, s, low in zip(self.out, self.strides, self.low, strict=True)]
        #: The axes along which windows reach beyond the array.
        self.beyond = [k for k, n in enumerate(self.size) if self.low[k] > 0 or last[k] + self.spans[k] >= n]

    @property
    def taps(self) -> list[tuple[int, int, int]]:
        """Where the elements of a window are, in planes, rows and columns from its first."""
        (z, h, w), (c, d, e) = self.window, self.dilation
        return [(k * c, i * d, j * e) for k, i, j in product(range(z), range(h), range(w))]

    @property
    def apart(self) -> bool:
        """Whether no element belongs to two windows."""
        return all([span < s for span, s in zip(self.spans, self.strides, strict=True)])

    @property
    def meets(self) -> bool:
        """Whether each window holds an element of the array."""
        axes = zip(self.out, self.strides, self.low, self.window, self.dilation, self.size, strict=True)
        return all(
            [any([0 <= i * s - low + k * d < n for k in range(w)]) for m, s, low, w, d, n in axes for i in range(m)]
        )

    def offsets(self, size: int) -> list[int]:
        """Return where the elements of a window are in memory, from its first, for numbers of so many bytes."""
        _, h, w = self.size
        return [((k * h + i) * w + j) * self.channels * size for k, i, j in self.taps]

    def source(self, arguments: str, views: list[str], inside: list[str], each: list[str]) -> str:
        """Return a loop over all windows.

        Parameters
        ----------
        arguments : str
            Of the loop, after those of every loop.
        views : list of str
            What is done with the windows' place `b` in the results first.
        inside : list of str
            What is done with a window that lies inside of the array, whose elements are read from `a`.
        each : list of str
            What is done with each element `t` of another that is; `fresh` says whether it is the first.
        """
        (planes, rows, columns), (_, h, w) = self.out, self.size
        starts = [f"{name} * {s} - {n}" for name, s, n in zip("zij", self.strides, self.low, strict=True)]
        lines = [
            f"def loop(lo, hi, part, {arguments}):",
            f"    for k in range(lo * {planes * rows}, hi * {planes * rows}):",
            f"        n = k // {planes * rows}",
            f"        i = k - n * {planes * rows}",
            f"        z = i // {rows}",
            f"        i = i - z * {rows}",
            f"        z0 = {starts[0]}",
            f"        i0 = {starts[1]}",
            f"        for j in range({columns}):",
            f"            j0 = {starts[2]}",
            f"            b = (k * {columns} + j) * {self.channels}",
            *["            " + line for line in views],
        ]
        place = f"x[(((n * {self.size[0]} + {{0}}) * {h} + {{1}}) * {w} + {{2}}) * {self.channels} :]"
        fast = [f"a = {place.format('z0', 'i0', 'j0')}", *inside]
        if not self.beyond:
            return "\n".join([*lines, *["            " + line for line in fast], ""])
        whole = [f"({v} >= 0) & ({v} + {self.spans[k]} < {self.size[k]})" for k, v in enumerate(("z0", "i0", "j0"))]
        there = [f"({v} >= 0) & ({v} < {self.size[k]})" for k, v in enumerate(("z1", "i1", "j1"))]
        (c, d, e), (deep, high, wide) = self.dilation, self.window
        slow = [
            "fresh = True",
            f"for t in range({deep * high * wide}):",
            f"    z1 = z0 + t // {high * wide} * {c}",
            f"    i1 = i0 + t // {wide} % {high} * {d}",
            f"    j1 = j0 + t % {wide} * {e}",
            f"    if {' & '.join([there[k] for k in self.beyond])}:",
            f"        a = {place.format('z1', 'i1', 'j1')}",
            *["        " + line for line in each],
            "        fresh = False",
        ]
        lines.append(f"            if {' & '.join([whole[k] for k in self.beyond])}:")
        lines += ["                " + line for line in fast]
        lines += ["            else:", *["                " + line for line in slow]]
        return "\n".join([*lines, ""])


def _pool_of(e: Equation, large: tuple[int, ...]) -> _Pool | None:
    p = e.params
    axes = p["axes"]
    if len(axes) > 3 or axes != tuple(range(axes[0], axes[0] + len(axes))):
        return None
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)} - {"uint8"}
    if prod(p["window"]) > _TAPS or dtypes not in ({"float32"}, {"float64"}) or not prod(large):
        return None
    pool = _Pool(large, p)
    return pool if pool.channels >= _CHANNELS and pool.meets else None


def max_with_places(e: Equation, places: bool) -> Special | None:
    """Return the kernel for the maxima of windows, and for their places if these are wanted."""
    pool = _pool_of(e, e.values[0].shape)
    if pool is None or prod(pool.window) < 2:
        return None
    dtype, work = str(e.outputs[0].dtype), prod(e.values[0].shape)

    def build(compile: Compile, threads: int) -> Steps:
        source = _max_source(pool, places, int(type_of(dtype)[1]))
        loop = compile(source, _signature([dtype, dtype, *["uint8"] * places]))
        return Steps([_split(loop, pool.images, threads if work > _PARALLEL else 1, sizes)])

    sizes = [prod(v.shape) for v in (e.values[0], *[e.outputs[0]] * (1 + places))]
    return Special("max_pool, with places" if places else "max_pool, in one pass", build)


def _max_source(pool: _Pool, places: bool, size: int) -> str:
    text = spec("places" if places else "max", size=size, channels=pool.channels, taps=pool.offsets(size))
    inside = [f"pooled({text!r}, address(a), address(u), {'address(v)' if places else 0}, 0, 0)"]
    # The first NaN stays, like the first of several maxima.
    better = "better = (r > q) | ((r != r) & (q == q))"
    channels = f"for c in range({pool.channels}):"
    each = ["q = u[c]", "r = a[c]", better, "u[c] = r if better else q", *["v[c] = t if better else v[c]"] * places]
    each = [
        "if fresh:",
        f"    {channels}",
        "        u[c] = a[c]",
        *["        v[c] = t"] * places,
        "else:",
        f"    {channels}",
        *["        " + line for line in each],
    ]
    views = ["u = y[b:]", *["v = places[b:]"] * places]
    return pool.source("x, y, places" if places else "x, y", views, inside, each)


def spread(e: Equation) -> Special | None:
    """Return the kernel that takes cotangents to the places of the maxima."""
    large = e.outputs[0].shape
    pool = _pool_of(e, large)
    if pool is None or len(e.values) != 2 or str(e.values[1].dtype) != "uint8":
        return None
    dtype, work = str(e.outputs[0].dtype), prod(large)
    covered = pool.apart and pool.strides == pool.window and set(pool.dilation) == {1}
    covered = covered and not any(pool.low)
    covered = covered and all([n * s == m for n, s, m in zip(pool.out, pool.strides, pool.size, strict=True)])

    def build(compile: Compile, threads: int) -> Steps:
        loop = compile(_spread_source(pool, type_of(dtype)), _signature([dtype, "uint8", dtype]))
        steps = [_split(loop, pool.images, threads if work > _PARALLEL else 1, sizes)]
        if not covered:
            steps.insert(0, Step(cleared(compile, dtype), (0, sizes[2]), [Of(2, (sizes[2],))]))
        return Steps(steps)

    sizes = [prod(v.shape) for v in (*e.values, e.outputs[0])]
    return Special("max_pool_spread, in one pass", build)


def _spread_source(pool: _Pool, typed: str) -> str:
    channels = f"for c in range({pool.channels}):"
    size = int(typed[1])
    text = spec("spread" if pool.apart else "add", size=size, channels=pool.channels, taps=pool.offsets(size))
    inside = [f"pooled({text!r}, address(a), address(u), address(v), 0, 0)"]
    sign = "" if pool.apart else "+"
    each = [channels, f"    a[c] {sign}= u[c] if v[c] == t else {typed}(0)"]
    return pool.source("g, places, x", ["u = g[b:]", "v = places[b:]"], inside, each)


def _signature(dtypes: list[str]) -> str:
    return f"void(int64, int64, int64, {', '.join([_ARRAYS[d] for d in dtypes])})"


def _split(loop: Callable[..., None], images: int, threads: int, sizes: Sequence[int]) -> Step:
    """Return a step over images, given the sizes of the arrays."""
    parts = max(1, min(threads, images))
    bounds = tuple([images * i // parts for i in range(parts + 1)])
    return Step(loop, bounds, [Of(i, (n,)) for i, n in enumerate(sizes)])
