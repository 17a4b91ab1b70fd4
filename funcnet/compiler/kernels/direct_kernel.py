"""The gradient of a convolution with respect to its kernel, as products that read images in place.

Each element of the window and input channel is a row: the sum, over all places, of what it meets times the cotangent's
channels. Threads share the images, and their sums are added up at the end. Where these sums do not stay in the cache,
threads share the cotangent's channels instead, and as many places as possible are added up before any goes to memory.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.frames import Frame, Planes
from funcnet.compiler.kernels.small import added, shares
from funcnet.compiler.kernels.special import Of, Step, Steps, memory_of, type_of
from funcnet.compiler.kernels.windows import (
    Geometry,
    Tile,
    cycles,
    forward_phases,
    merged,
    tallest,
    vectors_of,
)

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Compile

__all__ = ["kernel_gradient"]

# Multiplications below which a second thread costs more than it saves.
_PARALLEL = 1_000_000
# Places of small images over which a piece adds up before it goes to memory.
_PLACES = 400
# Bytes of the cotangents' columns of a piece, which all rows go through.
_PANEL = 32_000
# Bytes of sums that do not stay in the cache beside what they are made of; then, bytes of images and of columns of the
# cotangents that are gone through for each piece, further away.
_SUMS = 256_000
_IMAGES = 1_000_000
_COLUMNS = 200_000


class _Gradient:
    def __init__(self, shape: Geometry, dtype: np.dtype, threads: int) -> None:
        shape = shape.flat()
        self.depthwise = shape.depthwise
        self.groups = 1 if shape.depthwise else shape.groups
        self.window, self.dilation = shape.window, shape.dilation
        # Whether the elements of a row of the window are neighbours in the image.
        self.joined = self.dilation[2] == 1 and self.groups == 1 and not self.depthwise
        self.dtype, self.typed, self.size = dtype, type_of(dtype), dtype.itemsize
        self.out, self.features = shape.result[1:], shape.features
        sizes = zip(shape.result, shape.window, shape.stride, shape.low, shape.dilation, strict=True)
        z, self.y, self.x = [forward_phases(*each)[0] for each in sizes]
        channels = shape.features if shape.depthwise else shape.channels
        self.inputs = 1 if shape.depthwise else channels // self.groups
        self.columns = self.features // self.groups
        self.width, self.vectors = vectors_of(self.columns, self.size)
        self.rows, self.taps, self.panel = self.tiles()
        self.total = prod(self.window) * self.inputs * self.features
        self.images = shape.images * shape.result[0]
        work = self.total * self.images * prod(self.out)
        threads = threads if work > _PARALLEL else 1
        panels = -(-self.columns // self.panel)
        #: Whether threads share panels of columns.
        self.apart = not self.depthwise and self.groups == 1 and self.total * self.size > _SUMS
        self.apart = self.apart and (panels % threads == 0 or panels >= 4 * threads)
        most = max(64, (_COLUMNS if self.apart else _PANEL) // (self.panel * self.size))
        least = max(_PLACES, _IMAGES // (channels * self.size)) if self.apart else _PLACES
        alone = shape.window[0] == shape.stride[0] == 1 and shape.given[0] == shape.result[0] and not shape.low[0]
        self.frame = Frame(
            self.images,
            shape.given[1:],
            channels,
            self.size,
            ([self.y], [self.x]),
            Tile(1, 1, 1, 1),
            1 if self.apart else threads,
            min(least, most),
            most,
            planes=None if alone else Planes(z, shape.given[0]),
            times=max(shape.times, 1),
            cache=_IMAGES if self.apart else 0,
        )
        self.shares = panels if self.apart else self.frame.units
        self.parts = max(1, min(threads, self.shares))

    def tiles(self) -> tuple[int, int, int]:
        """Return the rows of a tile from one run of neighbours, how many runs it takes, and its columns."""
        run = self.inputs * (self.window[2] if self.joined else 1)
        runs = prod(self.window) * self.inputs // run
        best: Any = None
        for vectors in range(1, min(self.vectors, 4) + 1):
            most = tallest(vectors)
            found = [(k, 1) for k in range(1, min(run, most) + 1)]
            found += [(run, k) for k in range(2, most // run + 1) if k <= runs]
            for rows, taps in found:
                total = 0.0
                for panels, v in ((self.vectors // vectors, vectors), (1, self.vectors % vectors)):
                    if not v:
                        continue
                    if taps == 1:
                        parts = (run // rows) * self.cycles(rows, v) + self.cycles(run % rows, v)
                        total += panels * runs * parts
                    else:
                        parts = (runs // taps) * self.cycles(run * taps, v)
                        total += panels * (parts + self.cycles(run * (runs % taps), v))
                if best is None or total < best[0]:
                    best = total, (rows, taps, min(vectors * self.width, self.columns))
        return best[1]

    def cycles(self, rows: int, vectors: int) -> float:
        return cycles(rows, vectors, _PLACES, self.depthwise)

    def source(self) -> str:
        unit = [*self.frame.head(self.typed), *self.body()]
        if self.apart:
            lines = ["    G = address(g)", "    T = address(t)", *["    " + line for line in self.cleared()]]
            lines.append(f"    for u in range({self.frame.units}):")
        else:
            lines = [
                "    G = address(g)",
                f"    T = address(t) + part * {self.total * self.size}",
                "    e = t[part]",
                f"    for c in range({self.total}):",
                f"        e[c] = {self.typed}(0)",
                "    for u in range(lo, hi):",
            ]
        lines += ["        " + line for line in unit]
        return "\n".join(["def loop(lo, hi, part, x, g, t, s):", *lines, ""])

    @property
    def alone(self) -> bool:
        """Whether each sum is made at once."""
        return self.apart and self.frame.units == 1

    def cleared(self) -> list[str]:
        """Return lines that set the sums of some panels to 0, if units add to them."""
        if self.alone:
            return []
        return [
            f"for r in range({self.total // self.features}):",
            f"    e = t[0, r * {self.features} + lo * {self.panel} :]",
            f"    for c in range(min(hi * {self.panel}, {self.features}) - lo * {self.panel}):",
            f"        e[c] = {self.typed}(0)",
        ]

    def body(self) -> list[str]:
        f, size = self.frame, self.size
        h, w = self.out
        lines = [f"b0 = G + (i0 * {h} + r0) * {w * self.features * size}"]
        pad = ""
        group_a = group_f = ""
        if self.groups > 1:
            lines.append(f"for q in range({self.groups}):")
            pad = "    "
            group_a, group_f = f" + q * {self.inputs * size}", f" + q * {self.columns * size}"
        lines.append(f"{pad}a0 = A + {f.offset(self.y, self.x)}{group_a}")
        full = self.columns // self.panel
        for first, many in ((0, full), (full, int(self.columns % self.panel > 0))):
            if many:
                columns = self.panel if first == 0 and full else self.columns % self.panel
                places = f"max({first}, lo), min({first + many}, hi)" if self.apart else f"{first}, {first + many}"
                lines += [
                    f"{pad}for p in range({places}):",
                    f"{pad}    b = b0 + p * {self.panel * size}{group_f}",
                    f"{pad}    c = T + p * {self.panel * size}{group_f}",
                    f"{pad}    a = a0" + (f" + p * {self.panel * size}" if self.depthwise else ""),
                    *[f"{pad}    {line}" for line in self.pieces(columns)],
                ]
        return lines

    def pieces(self, columns: int) -> list[str]:
        f, size = self.frame, self.size
        h, w = self.out
        element = self.features * size
        loops = [(w, self.x.move * f.element, element)]
        if f.many > 1:
            rows = (h, self.y.move * f.row, w * element)
            loops = [(-1, f.image, h * w * element), *merged([rows, *loops])]
            count = "many"
        else:
            loops = [(-1, self.y.move * f.row, w * element), *loops]
            count = "rows"
        if len(loops) == 2 and loops[1][0] == 1:
            loops = loops[:1]
        joined = self.joined
        run = self.inputs * (self.window[2] if joined else 1)
        ahead, down, right = f.plane, self.dilation[1] * f.row, 0 if joined else self.dilation[2] * f.element
        planes, high, wide = self.window[0], self.window[1], 1 if joined else self.window[2]
        starts = [i * ahead + j * down + k * right for i in range(planes) for j in range(high) for k in range(wide)]

        def block(a: list[int], at: str, to: str) -> str:
            text = spec(
                size=size,
                width=self.width,
                columns=columns,
                a=a,
                c=[i * element for i in range(len(a))],
                loops=loops,
                mode="set" if self.alone else "add",
                kind="each" if self.depthwise else "product",
            )
            return f"block({text!r}, a + {at}, b, c + {to}, 0, {count})"

        lines: list[str] = []
        if self.taps == 1:
            k = self.rows
            pad, at, number = "", "0", "0"
            for name, many, step in (("d", planes, ahead), ("v", high, down), ("z", wide, right)):
                if many > 1:
                    lines.append(f"{pad}for {name} in range({many}):")
                    pad += "    "
                    at += f" + {name} * {step}"
                number = f"({number}) * {many} + {name if many > 1 else 0}"
            number = f"({number}) * {run}"
            lines += [f"{pad}for j in range(0, {run // k * k}, {k}):"]
            lines += [
                f"{pad}    " + block([i * size for i in range(k)], f"{at} + j * {size}", f"({number} + j) * {element}")
            ]
            if run % k:
                j = run // k * k
                rest = [i * size for i in range(run % k)]
                lines += [pad + block(rest, f"{at} + {j * size}", f"({number} + {j}) * {element}")]
            return lines
        # Rows of several runs, wherever these lie.
        for first in range(0, len(starts), self.taps):
            several = starts[first : first + self.taps]
            a = [start + i * size for start in several for i in range(run)]
            lines.append(block(a, "0", str(first * run * element)))
        return lines


def kernel_gradient(shape: Geometry, dtype: np.dtype, compile: Compile, threads: int) -> Steps:
    """Return the kernel for the gradient with respect to the window, given the geometry of input and cotangent."""
    job = _Gradient(shape, dtype, threads)
    array, table = f"{job.dtype.name}[::1]", f"{job.dtype.name}[:,::1]"
    loop = compile(job.source(), f"void(int64, int64, int64, {array}, {array}, {table}, {table})")
    scratch = memory_of(job.parts, job.frame.scratch, job.dtype)
    bounds = tuple([job.shares * i // job.parts for i in range(job.parts + 1)])
    given = [
        Of(i, (shape.images * prod(size) * channels,))
        for i, (size, channels) in enumerate(((shape.given, shape.channels), (shape.result, shape.features)))
    ]
    if job.parts == 1 or job.apart:
        return Steps([Step(loop, bounds, [*given, Of(2, (1, job.total)), scratch])])
    sums = np.empty((job.parts, job.total), job.dtype)
    total = added(compile, job.dtype.name)
    last = Step(total, shares(job.total, threads), [sums, job.parts, Of(2, (job.total,))])
    return Steps([Step(loop, bounds, [*given, sums, scratch]), last])
