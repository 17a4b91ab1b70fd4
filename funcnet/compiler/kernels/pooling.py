"""Maxima of windows in one pass that also finds their places, and the pass back.

The axes that are pooled are neighbours, so that an array is a stack of images whose elements are rows of channels; the
loop over the channels runs on vectors.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

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


class _Pool:
    """Windows over one or two neighbouring axes that lie inside of the array."""

    def __init__(self, large: tuple[int, ...], params: dict[str, Any]) -> None:
        axes, n = params["axes"], len(params["axes"])
        self.window = (1,) * (2 - n) + params["window"]
        self.strides = (1,) * (2 - n) + params["strides"]
        self.dilation = (1,) * (2 - n) + params["dilation"]
        self.out = (1,) * (2 - n) + params["sizes"]
        self.size = (1,) * (2 - n) + tuple([large[a] for a in axes])
        self.images = prod(large[: axes[0]])
        self.channels = prod(large[axes[-1] + 1 :])

    @property
    def taps(self) -> list[tuple[int, int]]:
        """Where the elements of a window are, in rows and columns from its first."""
        (h, w), (d, e) = self.window, self.dilation
        return [(i * d, j * e) for i, j in product(range(h), range(w))]

    @property
    def apart(self) -> bool:
        """Whether no element belongs to two windows."""
        return all([(w - 1) * d < s for w, d, s in zip(self.window, self.dilation, self.strides, strict=True)])

    def offset(self, tap: tuple[int, int]) -> int:
        return (tap[0] * self.size[1] + tap[1]) * self.channels

    def head(self, arguments: str) -> list[str]:
        (rows, columns), (s, t) = self.out, self.strides
        h, w = self.size
        return [
            f"def loop(lo, hi, part, {arguments}):",
            f"    for k in range(lo * {rows}, hi * {rows}):",
            f"        n = k // {rows}",
            f"        i = k - n * {rows}",
            f"        for j in range({columns}):",
            f"            a = x[((n * {h} + i * {s}) * {w} + j * {t}) * {self.channels} :]",
            f"            b = (k * {columns} + j) * {self.channels}",
        ]


def _pool_of(e: Equation, large: tuple[int, ...]) -> _Pool | None:
    p = e.params
    axes = p["axes"]
    if len(axes) > 2 or axes != tuple(range(axes[0], axes[0] + len(axes))) or any(p["low"]):
        return None
    inside = all(
        [
            (n - 1) * s + (w - 1) * d < large[a]
            for a, n, s, w, d in zip(axes, p["sizes"], p["strides"], p["window"], p["dilation"], strict=True)
        ]
    )
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)} - {"uint8"}
    if not inside or prod(p["window"]) > 16 or dtypes not in ({"float32"}, {"float64"}) or not prod(large):
        return None
    pool = _Pool(large, p)
    return pool if pool.channels >= 4 else None


def max_with_places(e: Equation, places: bool) -> Special | None:
    """Return the kernel for the maxima of windows, and for their places if these are wanted."""
    pool = _pool_of(e, e.values[0].shape)
    if pool is None or prod(pool.window) < 2:
        return None
    dtype, work = str(e.outputs[0].dtype), prod(e.values[0].shape)

    def build(compile: Compile, threads: int) -> Steps:
        loop = compile(_max_source(pool, places), _signature([dtype, dtype, *["uint8"] * places]))
        return Steps([_split(loop, pool.images, threads if work > _PARALLEL else 1, sizes)])

    sizes = [prod(v.shape) for v in (e.values[0], *[e.outputs[0]] * (1 + places))]
    return Special("max_pool, with places" if places else "max_pool, in one pass", build)


def _max_source(pool: _Pool, places: bool) -> str:
    offsets = [pool.offset(t) for t in pool.taps]
    lines = [f"q = a[{offsets[0]} + c]", *["p = i4(0)"] * places]
    for i, offset in enumerate(offsets[1:], 1):
        lines.append(f"r = a[{offset} + c]")
        # The first NaN stays, like the first of several maxima.
        lines.append("better = (r > q) | ((r != r) & (q == q))")
        lines.append("q = r if better else q")
        lines += [f"p = i4({i}) if better else p"] * places
    lines += ["u[c] = q", *["v[c] = p"] * places]
    source = [*pool.head("x, y, places" if places else "x, y"), "            u = y[b:]"]
    source += ["            v = places[b:]"] * places
    source += [f"            for c in range({pool.channels}):", *["                " + line for line in lines]]
    return "\n".join([*source, ""])


def spread(e: Equation) -> Special | None:
    """Return the kernel that takes cotangents to the places of the maxima."""
    large = e.outputs[0].shape
    pool = _pool_of(e, large)
    if pool is None or len(e.values) != 2 or str(e.values[1].dtype) != "uint8":
        return None
    dtype, work = str(e.outputs[0].dtype), prod(large)
    covered = pool.apart and pool.strides == pool.window and set(pool.dilation) == {1}
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
    source = pool.head("g, places, x")
    source += ["            u = g[b:]", "            v = places[b:]"]
    # Row by row of the window: with more arrays in a loop, LLVM gives up on vectors.
    width = pool.window[1]
    for row in range(pool.window[0]):
        source += [
            f"            for c in range({pool.channels}):",
            "                r = u[c]",
            "                p = v[c]",
        ]
        for i in range(row * width, (row + 1) * width):
            place = f"a[{pool.offset(pool.taps[i])} + c]"
            source.append(f"                {place} {'' if pool.apart else '+'}= r if p == {i} else {typed}(0)")
    return "\n".join([*source, ""])


def _signature(dtypes: list[str]) -> str:
    return f"void(int64, int64, int64, {', '.join([_ARRAYS[d] for d in dtypes])})"


def _split(loop: Callable[..., None], images: int, threads: int, sizes: Sequence[int]) -> Step:
    """Return a step over images, given the sizes of the arrays."""
    parts = max(1, min(threads, images))
    bounds = tuple([images * i // parts for i in range(parts + 1)])
    return Step(loop, bounds, [Of(i, (n,)) for i, n in enumerate(sizes)])
