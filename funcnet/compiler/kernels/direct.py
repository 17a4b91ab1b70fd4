"""Convolutions and their transposes as products that read the windows of images in place.

Nothing is unfolded: a piece of the result in registers adds up the taps of its windows, each a number of the image
times a row of weights. Where windows reach beyond the image, a block of its rows is copied into a frame of zeros, which
stays in the cache. The transpose is such a convolution too, with the window mirrored and its channels swapped; with a
stride, one for each set of places that meet the same taps, whose weights are packed one after the other.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.direct_kernel import kernel_gradient
from funcnet.compiler.kernels.small import copied
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of
from funcnet.compiler.kernels.windows import (
    Frame,
    Phase,
    adjoint_phases,
    forward_phases,
    geometry,
    merged,
    tile_of,
    vectors_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["direct"]

# Bytes of weights that are gone through for each piece of the result.
_WEIGHTS = 400_000
# Places of small images that go through weights together that are larger than that.
_PLACES = 256
# Multiplications below which a second thread costs more than it saves.
_PARALLEL = 1_000_000
# Channels of a group below which most of a vector would be idle.
_COLUMNS = 4
# Strides whose phases would be too many to compile.
_STRIDE = 3


def direct(e: Equation) -> Special | None:
    """Return the kernel for a convolution or one of its derivatives, None where it does not apply."""
    name, p = e.primitive.name, e.params
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)}
    if dtypes not in ({"float32"}, {"float64"}) or len(e.values) != len(e.inputs):
        return None
    everything = [prod(v.shape) for v in (*e.values, *e.outputs)]
    spatial = len(e.outputs[0].shape) - 2
    if not all(everything) or spatial not in (1, 2):
        return None
    if p["groups"] > 1 and e.outputs[0].shape[-1] // p["groups"] < _COLUMNS:
        return None
    if name == "conv_adjoint" and max(p["stride"]) > _STRIDE:
        return None
    if name == "conv_kernel":
        return Special("conv_kernel, direct", lambda compile, threads: kernel_gradient(e, compile, threads))
    return Special(f"{name}, direct", lambda compile, threads: _Convolution(e, threads).build(compile))


def _pair(p: Any, last: Any) -> Any:
    return (p[0], last) if len(p) == 1 else p


class _Convolution:
    """A convolution or a transposed one, in phases."""

    def __init__(self, e: Equation, threads: int) -> None:
        p = e.params
        self.adjoint = e.primitive.name == "conv_adjoint"
        self.biased = e.primitive.name == "conv_bias"
        given, kernel, result = e.values[0], e.values[1], e.outputs[0]
        self.channels = kernel.shape[-2:]
        self.sizes = (prod(given.shape), prod(result.shape))
        self.groups = p["groups"]
        self.window = _pair(kernel.shape[:-2], 1)
        self.dtype = np.dtype(str(given.dtype))
        self.typed, self.size = type_of(given.dtype), self.dtype.itemsize
        stride, dilation = _pair(p["stride"], 1), _pair(p["dilation"], 1)
        low = [before for before, _ in _pair(p["padding"], (0, 0))]
        self.images, self.given, channels = geometry(given)
        _, self.result, self.features = geometry(result)
        flat = self.window == (1, 1) and stride == (1, 1) and self.given == self.result and not any(low)
        if flat:
            # Every element by itself: all rows are those of one image.
            whole = (self.images * self.given[0], self.given[1])
            self.images, self.given, self.result = 1, whole, whole
        make = adjoint_phases if self.adjoint else forward_phases
        axes = [make(*sizes) for sizes in zip(self.result, self.window, stride, low, dilation, strict=True)]
        self.inputs = channels // self.groups
        self.columns = self.features // self.groups
        terms = self.inputs * prod([max([q.taps for q in axis]) for axis in axes])
        high, wide = [max([q.count for q in axis]) for axis in axes]
        counts = (self.images, high, wide)
        self.tile = tile_of(counts, self.columns, self.size, terms)
        # Where weights do not stay in the cache, several small images share each part of them.
        least = _PLACES if terms * self.features * self.size > _WEIGHTS else 0
        ends = (axes[0], axes[1])
        self.frame = Frame(self.images, self.given, channels, self.size, ends, self.tile, threads, least)
        self.phases = [(y, x) for y in axes[0] for x in axes[1]]
        self.width, _ = vectors_of(self.columns, self.size)
        self.panel = min(self.tile.vectors * self.width, self.columns)
        panels = -(-self.columns // self.panel)
        self.packed = self.adjoint or panels > 1
        work = self.images * prod(self.result) * self.features * terms
        self.parts = max(1, min(threads, self.frame.units)) if work > _PARALLEL else 1

    # ------------------------------------------------------------------ the source

    def source(self) -> str:
        names = ["x", "w", "y", *["bias"] * self.biased, "s"]
        lines = ["    W = address(w)", "    Y = address(y)", *["    Z = address(bias)"] * self.biased]
        lines += ["    for u in range(lo, hi):", *["        " + line for line in self.frame.head(self.typed)]]
        offset = 0
        for y, x in self.phases:
            body, offset = self.phase(y, x, offset)
            lines += ["        " + line for line in body]
        return "\n".join([f"def loop(lo, hi, part, {', '.join(names)}):", *lines, ""])

    def phase(self, y: Phase, x: Phase, offset: int) -> tuple[list[str], int]:
        """Return lines for one phase, and where the weights of the next one begin."""
        f, size = self.frame, self.size
        terms = y.taps * x.taps * self.inputs
        outer, inner = self.cut(
            [
                (y.taps, y.apart * f.row, x.taps * self.inputs),
                (x.taps, x.apart * f.element, self.inputs),
                (self.inputs, size, 1),
            ],
            terms,
        )
        lines = [f"R = min(rows, {y.count} - r0)"]
        if outer or not terms:
            lines += self.cleared(y, x)
        if not terms:
            return lines, offset
        mode = "add" if outer else "bias" if self.biased else "set"
        each = terms * self.columns
        result = f" + q * {self.columns * size}" if self.groups > 1 else ""
        weights = f"W + {offset * size}" + (f" + q * {each * size}" if self.groups > 1 else "")
        if not self.packed:
            weights = f"W{result}"
        pad = ""
        if self.groups > 1:
            lines.append(f"for q in range({self.groups}):")
            pad = "    "
        lines += [f"{pad}a0 = A + {f.offset(y, x)}" + (f" + q * {self.inputs * size}" if self.groups > 1 else "")]
        lines += [f"{pad}w0 = {weights}"]
        # In pieces, each of which adds to the one before, the weights stay in the cache.
        at = ""
        for i, (count, step, _) in enumerate(outer):
            lines.append(f"{pad}for k{i} in range({count}):")
            at += f" + k{i} * {step}"
            pad += "    "
        whole = self.columns // self.panel
        for first, many, width in ((0, whole, self.panel), (whole, 1, self.columns % self.panel)):
            if not many or not width:
                continue
            step = (width if self.packed else self.columns * self.groups) * size
            down = "".join([f" + k{i} * {b * step}" for i, (_, _, b) in enumerate(outer)])
            loops = [(count, a, b * step) for count, a, b in inner]
            lines += [
                f"{pad}for p in range({first}, {first + many}):",
                f"{pad}    a = a0{at}",
                f"{pad}    b = w0 + p * {self.panel * size * (terms if self.packed else 1)}{down}",
                f"{pad}    c = Y + {x.start * self.features * size} + p * {self.panel * size}{result}",
                f"{pad}    z = " + (f"Z + p * {self.panel * size}{result}" if mode == "bias" else "0"),
                *[f"{pad}    {line}" for line in self.pieces(y, x, width, loops, mode)],
            ]
        return lines, offset + each * self.groups

    def cut(self, loops: list[Any], terms: int) -> tuple[list[Any], list[Any]]:
        """Return the loops that weights are gone through piece by piece in, and those of a piece."""
        outer: list[Any] = []
        most = max(_WEIGHTS // (self.panel * self.size), 1)
        inner = list(loops)
        while terms > most and inner:
            count, a, b = inner[0]
            rest = max(1, terms // max(count, 1))
            # The longest part of this loop that is short enough.
            part = max([k for k in range(1, count + 1) if count % k == 0 and (k * rest <= most or k == 1)])
            outer.append((count // part, part * a, part * b))
            inner[0] = (part, a, b)
            terms = part * rest
            if part > 1:
                break
            inner.pop(0)
        outer = [loop for loop in outer if loop[0] > 1]
        return outer, merged(inner) if inner else [(1, 0, 0)]

    def place(self, y: Phase) -> str:
        """Return the address of an image's first row in the result, as an expression."""
        h, w = self.result
        row = w * self.features * self.size
        return f"((i0 + i) * {h} + {y.start} + (r0 + r) * {y.step}) * {row}"

    def cleared(self, y: Phase, x: Phase) -> list[str]:
        """Return lines that set places to the bias, or to 0."""
        (h, w), c = self.result, self.features
        return [
            "for i in range(many):",
            "    for r in range(R):",
            f"        for j in range({x.count}):",
            f"            d = ((i0 + i) * {h} + {y.start} + (r0 + r) * {y.step}) * {w} + {x.start} + j * {x.step}",
            f"            e = y[d * {c} : (d + 1) * {c}]",
            f"            for k in range({c}):",
            f"                e[k] = {'bias[k]' if self.biased else f'{self.typed}(0)'}",
        ]

    def pieces(self, y: Phase, x: Phase, columns: int, loops: list[Any], mode: str) -> list[str]:
        """Return the loops over the pieces of a panel."""
        f, tile = self.frame, self.tile
        h, w = self.result
        element = self.features * self.size
        row = w * element
        down, across = y.move * f.row, x.move * f.element

        def block(images: int, rows: int, places: int, j: str) -> str:
            where = [(i, r, k) for i in range(images) for r in range(rows) for k in range(places)]
            text = spec(
                size=self.size,
                width=self.width,
                columns=columns,
                a=[i * f.image + r * down + k * across for i, r, k in where],
                c=[i * h * row + r * y.step * row + k * x.step * element for i, r, k in where],
                loops=loops,
                mode=mode,
            )
            at = f"a + i * {f.image} + r * {down} + {j} * {across}"
            to = f"c + {self.place(y)} + {j} * {x.step * element}"
            return f"block({text!r}, {at}, b, {to}, z, 0)"

        if tile.images > 1 and x.count == tile.columns and y.count == tile.rows:
            k = tile.images
            lines = ["r = 0", f"for i in range(0, many - {k - 1}, {k}):", "    " + block(k, y.count, x.count, "0")]
            if self.images % k:
                rest = self.images % k
                lines += [f"if many % {k}:", f"    i = many - {rest}", "    " + block(rest, y.count, x.count, "0")]
            return lines
        if tile.rows > 1 and x.count <= tile.columns:
            k = tile.rows
            lines = ["for i in range(many):", f"    for r in range(0, R - {k - 1}, {k}):"]
            lines += ["        " + block(1, k, x.count, "0")]
            if y.count % k:
                rest = y.count % k
                lines += [f"    if R % {k} == {rest}:", f"        r = R - {rest}"]
                lines += ["        " + block(1, rest, x.count, "0")]
            return lines
        k = min(tile.columns, x.count)
        lines = ["for i in range(many):", "    for r in range(R):"]
        if x.count >= 2 * k:
            lines += [f"        for j in range(0, {x.count // k * k}, {k}):", "            " + block(1, 1, k, "j")]
        else:
            lines += ["        " + block(1, 1, k, "0")]
        if x.count % k:
            lines += ["        " + block(1, 1, x.count % k, str(x.count // k * k))]
        return lines

    # ------------------------------------------------------------------ weights

    def weights(self) -> tuple[Any, list[tuple[Any, Callable[[Any], Any]]]]:
        """Return memory for packed weights, and its parts with what takes each of them from a kernel."""
        total = sum([y.taps * x.taps for y, x in self.phases]) * self.inputs * self.features
        memory = np.empty(total, self.dtype)
        parts: list[tuple[Any, Callable[[Any], Any]]] = []
        start = 0
        for y, x in self.phases:
            for q in range(self.groups):
                for first in range(0, self.columns, self.panel):
                    columns = min(self.panel, self.columns - first)
                    shape = (y.taps, x.taps, self.inputs, columns)
                    target = memory[start : start + prod(shape)].reshape(shape)
                    start += prod(shape)
                    if target.size:
                        parts.append((target, self.taken(y, x, q, slice(first, first + columns))))
        return memory, parts

    def taken(self, y: Phase, x: Phase, group: int, columns: slice) -> Callable[[Any], Any]:
        rows, places = [
            slice(q.kernel, None if (end := q.kernel + q.taps * q.kernel_step) < 0 else end, q.kernel_step)
            for q in (y, x)
        ]
        if self.adjoint:
            features = slice(group * self.inputs, (group + 1) * self.inputs)
            return lambda kernel: kernel[rows, places, columns, features].swapaxes(2, 3)
        columns = slice(group * self.columns + columns.start, group * self.columns + columns.stop)
        return lambda kernel: kernel[rows, places, :, columns]

    # ------------------------------------------------------------------ the kernel

    def build(self, compile: Compile) -> Steps:
        array = f"{self.dtype.name}[::1]"
        types = [array] * (4 if self.biased else 3)
        loop = compile(self.source(), f"void(int64, int64, int64, {', '.join(types)}, {self.dtype.name}[:,::1])")
        scratch = memory_of(self.parts, self.frame.scratch, self.dtype)
        bounds = tuple([self.frame.units * i // self.parts for i in range(self.parts + 1)])
        memory, packs = self.weights() if self.packed else (None, [])
        kernel = (*self.window, *self.channels)
        steps = [copied(compile, 1, kernel, taken, target) for target, taken in packs]
        flat = Of(1, (prod(kernel),)) if memory is None else memory
        bias = [Of(2, (self.features,))] * self.biased
        ends = [Of(i, (n,)) for i, n in zip((0, 3 if self.biased else 2), self.sizes, strict=True)]
        return Steps([*steps, Step(loop, bounds, [ends[0], flat, ends[1], *bias, scratch])])
