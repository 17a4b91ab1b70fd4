"""Convolutions and their transposes as products that read the windows of images in place.

Nothing is unfolded: a piece of the result in registers adds up the taps of its windows, each a number of the image
times a row of weights. Where windows reach beyond the image, a block of its rows is copied into a frame of zeros, which
stays in the cache. The transpose is such a convolution too, with the window mirrored and its channels swapped; with a
stride, one for each set of places that meet the same taps, whose weights are packed one after the other.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.frames import Frame, Planes
from funcnet.compiler.kernels.packing import packed
from funcnet.compiler.kernels.special import Of, Step, Steps, memory_of, type_of
from funcnet.compiler.kernels.windows import (
    Geometry,
    Phase,
    adjoint_phases,
    forward_phases,
    merged,
    tile_of,
    vectors_of,
)

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Compile

__all__ = ["PHASES", "convolution"]

# Bytes of weights that are gone through for each piece of the result.
_WEIGHTS = 400_000
# Places of small images that go through weights together that are larger than that.
_PLACES = 256
# Multiplications below which a second thread costs more than it saves.
_PARALLEL = 1_000_000
#: Phases above which there would be too many to compile.
PHASES = 27


def convolution(
    shape: Geometry,
    dtype: np.dtype,
    compile: Compile,
    threads: int,
    *,
    adjoint: bool = False,
    biased: bool = False,
    kind: str = "product",
) -> Steps:
    """Return the kernel for a convolution or its transpose.

    Parameters
    ----------
    shape : Geometry
        Of what it reads and writes.
    dtype : dtype
        Of all arrays.
    compile : callable
        Compiles sources.
    threads : int
        How many threads there are.
    adjoint, biased : bool
        Which of the convolutions it is.
    kind : str
        What a block does with channels: ``"product"``, ``"each"``, or ``"sum"`` without a kernel.
    """
    shape = shape.flat()
    planes, stride = shape.result[0], shape.stride[0]
    if shape.window[0] == stride == 1 and shape.given[0] == planes and not shape.low[0]:
        # Planes are images.
        images = shape.images * planes
        shape = shape._replace(images=images, given=(1, *shape.given[1:]), result=(1, *shape.result[1:]))
        phases: list[Phase | None] = [None]
    else:
        make = adjoint_phases if adjoint else forward_phases
        phases = [*make(planes, shape.window[0], stride, shape.low[0], shape.dilation[0])]
    steps: list[Step] = []
    for z in phases:
        steps += _Convolution(shape, dtype, threads, z, adjoint, biased, kind).build(compile)
    return Steps(steps)


class _Convolution:
    """The places of a convolution, or a transposed one, that are in one phase along the first axis."""

    def __init__(
        self, shape: Geometry, dtype: np.dtype, threads: int, z: Phase | None, adjoint: bool, biased: bool, kind: str
    ) -> None:
        self.shape, self.z, self.adjoint, self.biased, self.kind = shape, z, adjoint, biased, kind
        self.dtype, self.typed, self.size, self.threads = dtype, type_of(dtype), dtype.itemsize, threads
        self.result, self.features = shape.result[1:], shape.features
        make = adjoint_phases if adjoint else forward_phases
        sizes = zip(shape.result, shape.window, shape.stride, shape.low, shape.dilation, strict=True)
        _, *axes = [make(*each) for each in sizes]
        self.images = shape.images * (1 if z is None else z.count)
        # Channels that are not mixed are columns, and those that come from one are terms.
        self.channels = shape.channels if adjoint or not shape.times else shape.features
        self.groups = 1 if shape.depthwise else shape.groups
        self.inputs = (shape.times if adjoint else 1) if shape.depthwise else shape.channels // self.groups
        self.columns = self.features // self.groups
        self.stack = 1 if z is None else z.taps
        terms = self.inputs * self.stack * prod([max([q.taps for q in axis]) for axis in axes])
        high, wide = [max([q.count for q in axis]) for axis in axes]
        # Several images share a tile if what they write lies at regular distances.
        self.regular = z is None or z.count * z.step == shape.result[0]
        counts = (self.images if self.regular else 1, high, wide)
        self.tile = tile_of(counts, self.columns, self.size, terms, shape.depthwise)
        # Where weights do not stay in the cache, several small images share each part of them.
        weights = 0 if shape.depthwise else terms * self.features * self.size
        least = _PLACES if weights > _WEIGHTS else 0
        self.frame = Frame(
            self.images,
            shape.given[1:],
            self.channels,
            self.size,
            (axes[0], axes[1]),
            self.tile,
            threads,
            least,
            planes=None if z is None else Planes(z, shape.given[0]),
            times=max(shape.times, 1),
            turned=adjoint,
        )
        self.phases = [(y, x) for y in axes[0] for x in axes[1]]
        self.width, _ = vectors_of(self.columns, self.size)
        self.panel = min(self.tile.vectors * self.width, self.columns)
        panels = -(-self.columns // self.panel)
        self.packed = kind != "sum" and (adjoint or (panels > 1 and not shape.depthwise))
        work = self.images * prod(self.result) * self.features * terms
        self.parts = max(1, min(threads, self.frame.units)) if work > _PARALLEL else 1

    # ------------------------------------------------------------------ the source

    def source(self) -> str:
        weights = self.kind != "sum"
        names = ["x", *["w"] * weights, "y", *["bias"] * self.biased, "s"]
        lines = ["    W = address(w)" if weights else "    W = 0", "    Y = address(y)"]
        lines += ["    Z = address(bias)"] * self.biased
        lines += ["    for u in range(lo, hi):", *["        " + line for line in self.frame.head(self.typed)]]
        offset = 0
        for y, x in self.phases:
            body, offset = self.phase(y, x, offset)
            lines += ["        " + line for line in body]
        return "\n".join([f"def loop(lo, hi, part, {', '.join(names)}):", *lines, ""])

    def phase(self, y: Phase, x: Phase, offset: int) -> tuple[list[str], int]:
        """Return lines for one phase, and where the weights of the next one begin."""
        f, size, depthwise = self.frame, self.size, self.shape.depthwise
        terms = self.stack * y.taps * x.taps * self.inputs
        outer, inner = self.cut(
            [
                (self.stack, f.plane, y.taps * x.taps * self.inputs),
                (y.taps, y.apart * f.row, x.taps * self.inputs),
                (x.taps, x.apart * f.element, self.inputs),
                (self.inputs, size * (self.columns if depthwise else 1), 1),
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
                f"{pad}    a = a0{at}" + (f" + p * {self.panel * size}" if depthwise else ""),
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
        return f"({self.plane()} * {h} + {y.start} + (r0 + r) * {y.step}) * {row}"

    def plane(self) -> str:
        """Return the number of an image's plane in the result, as an expression."""
        z, image = self.z, "(i0 + i)"
        if z is None:
            return image
        if self.regular:
            return f"({image} * {z.step} + {z.start})"
        return f"({image} // {z.count} * {self.shape.result[0]} + {image} % {z.count} * {z.step} + {z.start})"

    def cleared(self, y: Phase, x: Phase) -> list[str]:
        """Return lines that set places to the bias, or to 0."""
        (h, w), c = self.result, self.features
        return [
            "for i in range(many):",
            "    for r in range(R):",
            f"        for j in range({x.count}):",
            f"            d = {self.plane()} * {h} + {y.start} + (r0 + r) * {y.step}",
            f"            d = d * {w} + {x.start} + j * {x.step}",
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
        apart = h * row * (1 if self.z is None else self.z.step)

        def block(images: int, rows: int, places: int, j: str) -> str:
            where = [(i, r, k) for i in range(images) for r in range(rows) for k in range(places)]
            text = spec(
                size=self.size,
                width=self.width,
                columns=columns,
                a=[i * f.image + r * down + k * across for i, r, k in where],
                c=[i * apart + r * y.step * row + k * x.step * element for i, r, k in where],
                loops=loops,
                mode=mode,
                kind=self.kind,
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

    def weights(self, compile: Compile, threads: int) -> tuple[Any, Step]:
        """Return memory for packed weights, and the step that takes them from a kernel."""
        _, high, wide = self.shape.window
        # Features of the kernel that weights are taken from, and rows of each place of its window.
        features = self.shape.channels if self.adjoint else self.shape.features
        rows = (self.features if self.adjoint else self.shape.channels) // self.shape.groups
        matrices: list[tuple[int, int, int, int]] = []
        start = 0
        for y, x in self.phases:
            terms = self.stack * y.taps * x.taps * self.inputs
            for q in range(self.groups):
                first = 0
                for k, j, i in product(range(self.stack), range(y.taps), range(x.taps)):
                    plane = k if self.z is None else self.z.kernel + k * self.z.kernel_step
                    at = (plane * high + y.kernel + j * y.kernel_step) * wide + x.kernel + i * x.kernel_step
                    group = q * (self.inputs if self.adjoint else self.columns)
                    matrices.append((at * rows * features + group, start, terms, first))
                    first += self.inputs
                start += terms * self.columns
        memory = np.empty(start, self.dtype)
        # In a transpose that does not mix channels, the features of a channel are the terms.
        step = self.inputs if self.shape.depthwise else features
        size = prod(self.shape.window) * rows * features
        sizes = (self.inputs, self.columns, self.panel, step)
        return memory, packed(compile, threads, size, matrices, *sizes, memory, turned=self.adjoint)

    # ------------------------------------------------------------------ the kernel

    def build(self, compile: Compile) -> list[Step]:
        shape, weights = self.shape, self.kind != "sum"
        array = f"{self.dtype.name}[::1]"
        types = [array] * (2 + weights + self.biased)
        loop = compile(self.source(), f"void(int64, int64, int64, {', '.join(types)}, {self.dtype.name}[:,::1])")
        scratch = memory_of(self.parts, self.frame.scratch, self.dtype)
        bounds = tuple([self.frame.units * i // self.parts for i in range(self.parts + 1)])
        given, written = [
            prod(size) * shape.images * channels
            for size, channels in ((shape.given, shape.channels), (shape.result, shape.features))
        ]
        steps: list[Step] = []
        flat: list[Any] = []
        if weights:
            low, high = (shape.features, shape.channels) if self.adjoint else (shape.channels, shape.features)
            kernel = (*shape.window, low // shape.groups, high)
            flat = [Of(1, (prod(kernel),))]
        if self.packed:
            memory, step = self.weights(compile, self.threads)
            steps, flat = [step], [memory]
        bias = [Of(2, (self.features,))] * self.biased
        result = Of(1 + weights + self.biased, (written,))
        return [*steps, Step(loop, bounds, [Of(0, (given,)), *flat, result, *bias, scratch])]
