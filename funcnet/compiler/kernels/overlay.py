"""Transposed convolutions that lay windows onto the result, for few channels of the result or long strides.

A row of a window is as many columns of a product as it has elements and channels together: neighbours in the result.
So vectors are full where channels alone would leave most of them idle, and a stride is nothing but the distance of the
rows. Each product is added to what is there; windows that reach beyond the result are laid onto a frame that is larger.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.packing import packed
from funcnet.compiler.kernels.special import Of, Step, Steps, memory_of, type_of
from funcnet.compiler.kernels.windows import tile_of, vectors_of

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Compile
    from funcnet.compiler.kernels.windows import Geometry

__all__ = ["overlaid", "pays"]

# Multiplications below which a second thread costs more than it saves.
_PARALLEL = 1_000_000
# How much faster than in phases it has to be.
_GAIN = 0.8
# Phases that take too long to compile where there is a choice.
_PHASES = 9
# What it takes to add a vector to what is there, and to wait for the row before, in products of vectors.
_ADDED, _WAITED = 3, 4


def _along_rows(shape: Geometry) -> Geometry:
    """Return the same with vectors as rows instead of columns."""
    if not shape.given[2] == shape.result[2] == shape.window[2] == 1:
        return shape
    names = ("given", "result", "window", "stride", "low", "dilation")
    return shape._replace(**{name: (getattr(shape, name)[0], *getattr(shape, name)[:0:-1]) for name in names})


def pays(shape: Geometry, size: int) -> bool:
    """Return whether laying windows onto the result is possible and faster than gathering it in phases."""
    if shape.groups > 1 or shape.given[0] * shape.result[0] * shape.window[0] > 1 or shape.low[0]:
        return False
    shape = _along_rows(shape)
    _, height, width = shape.window
    if shape.dilation[2] > 1 and width > 1:
        return False
    if prod(shape.stride) > _PHASES:
        return True
    _, alone = vectors_of(shape.features, size)
    _, joined = vectors_of(shape.features * width, size)
    gathered = height * width * shape.channels * alone / 2
    return height * (shape.channels * joined / 2 + _ADDED * joined + _WAITED) < _GAIN * gathered


class _Overlay:
    def __init__(self, shape: Geometry, dtype: np.dtype, threads: int) -> None:
        shape = _along_rows(shape)
        self.dtype, self.typed, self.size, self.threads = dtype, type_of(dtype), dtype.itemsize, threads
        self.images, self.terms, self.channels = shape.images, shape.channels, shape.features
        self.out, self.result = shape.given[1:], shape.result[1:]
        self.window, self.stride, self.low = shape.window[1:], shape.stride[1:], shape.low[1:]
        self.apart = shape.dilation[1]
        spans = ((self.window[0] - 1) * self.apart + 1, self.window[1])
        self.frame = tuple([(n - 1) * s + k for n, s, k in zip(self.out, self.stride, spans, strict=True)])
        (h, w), (high, wide) = self.frame, self.result
        self.framed = any(self.low) or w != wide or h > high
        # Whether no element belongs to two windows.
        self.alone = all([k <= s for k, s in zip(spans, self.stride, strict=True)])
        self.row = w * self.channels * self.size
        self.columns = self.window[1] * self.channels
        self.tile = tile_of((1, *self.out), self.columns, self.size, self.terms)
        self.width, _ = vectors_of(self.columns, self.size)
        self.panel = min(self.tile.vectors * self.width, self.columns)
        work = self.images * prod(self.out) * self.terms * self.columns * self.window[0]
        self.parts = max(1, min(threads, self.images)) if work > _PARALLEL else 1
        self.scratch = h * w * self.channels if self.framed else 1

    def source(self) -> str:
        (h, w), c, size = self.result, self.channels, self.size
        written = h * w * c
        target = f"s[part, :{self.scratch}]" if self.framed else f"y[u * {written} : (u + 1) * {written}]"
        lines = [
            f"f = {target}",
            f"for k in range({self.scratch if self.framed else written}):",
            f"    f[k] = {self.typed}(0)",
            f"A = address(x) + u * {prod(self.out) * self.terms * size}",
            "F = address(f)",
            f"for v in range({self.window[0]}):",
            *["    " + line for line in self.panels()],
            *(self.cut() if self.framed else []),
        ]
        return "\n".join(
            [
                "def loop(lo, hi, part, x, w, y, s):",
                "    W = address(w)",
                "    for u in range(lo, hi):",
                *["        " + line for line in lines],
                "",
            ]
        )

    def panels(self) -> list[str]:
        """Return the loops over the columns of row `v` of the window."""
        size, lines = self.size, []
        whole, rest = divmod(self.columns, self.panel)
        for first, many, columns in ((0, whole, self.panel), (whole, 1, rest)):
            if many and columns:
                lines += [
                    f"for p in range({first}, {first + many}):",
                    f"    b = W + (v * {self.columns} + p * {self.panel}) * {self.terms * size}",
                    f"    c = F + v * {self.apart * self.row} + p * {self.panel * size}",
                    *["    " + line for line in self.pieces(columns)],
                ]
        return lines

    def pieces(self, columns: int) -> list[str]:
        (high, wide), size = self.out, self.size
        element, across = self.terms * size, self.stride[1] * self.channels * size
        down = self.stride[0] * self.row

        def block(rows: int, places: int, r: str, j: str) -> str:
            where = [(i, k) for i in range(rows) for k in range(places)]
            text = spec(
                size=size,
                width=self.width,
                columns=columns,
                a=[(i * wide + k) * element for i, k in where],
                c=[i * down + k * across for i, k in where],
                loops=[(self.terms, size, columns * size)],
                mode="set" if self.alone else "add",
            )
            return f"block({text!r}, A + ({r} * {wide} + {j}) * {element}, b, c + {r} * {down} + {j} * {across}, 0, 0)"

        if self.tile.rows > 1:
            whole, rest = divmod(high, self.tile.rows)
            k = self.tile.rows
            lines = [f"for r in range(0, {whole * k}, {k}):", "    " + block(k, wide, "r", "0")]
            return [*lines, block(rest, wide, str(whole * k), "0")] if rest else lines
        k = min(self.tile.columns, wide)
        whole, rest = divmod(wide, k)
        lines = [f"for r in range({high}):", f"    for j in range(0, {whole * k}, {k}):"]
        lines += ["        " + block(1, k, "r", "j")]
        return [*lines, "    " + block(1, rest, "r", str(whole * k))] if rest else lines

    def cut(self) -> list[str]:
        """Return lines that copy the part of the frame that is the result."""
        (h, w), c, (up, left), (high, wide) = self.result, self.channels, self.low, self.frame
        first = max(0, -left)
        last = max(first, min(w, wide - left))
        lines = [
            f"for r in range({h}):",
            f"    e = y[(u * {h} + r) * {w * c} : (u * {h} + r + 1) * {w * c}]",
            f"    if (r + {up} >= 0) & (r + {up} < {high}):",
            f"        g = f[(r + {up}) * {wide * c} : (r + {up} + 1) * {wide * c}]",
        ]
        for start, stop, text in ((0, first, ""), (first, last, f"g[k + {left * c}]"), (last, w, "")):
            if stop > start:
                lines += [f"        for k in range({start * c}, {stop * c}):"]
                lines += [f"            e[k] = {text or f'{self.typed}(0)'}"]
        return [*lines, "    else:", f"        for k in range({w * c}):", f"            e[k] = {self.typed}(0)"]

    def build(self, compile: Compile) -> Steps:
        array = f"{self.dtype.name}[::1]"
        loop = compile(self.source(), f"void(int64, int64, int64, {', '.join([array] * 3)}, {self.dtype.name}[:,::1])")
        height = self.window[0]
        each = self.columns * self.terms
        weights = np.empty(height * each, self.dtype)
        matrices = [(v * each, v * each, self.terms, 0) for v in range(height)]
        sizes = (self.terms, self.columns, self.panel, self.terms)
        pack = packed(compile, self.threads, weights.size, matrices, *sizes, weights, turned=True)
        bounds = tuple([self.images * i // self.parts for i in range(self.parts + 1)])
        given, result = [
            self.images * prod(size) * channels
            for size, channels in ((self.out, self.terms), (self.result, self.channels))
        ]
        scratch = memory_of(self.parts, self.scratch, self.dtype)
        return Steps([pack, Step(loop, bounds, [Of(0, (given,)), weights, Of(2, (result,)), scratch])])


def overlaid(shape: Geometry, dtype: np.dtype, compile: Compile, threads: int) -> Steps:
    """Return the kernel for a transposed convolution."""
    return _Overlay(shape, dtype, threads).build(compile)
