r"""Convolutions with 3x3 windows and no stride, by Winograd's minimal filtering F(2x2, 3x3).

Two by two places of the result need a patch of four by four elements. With the patch :math:`d` and the window
:math:`w` transformed, the places are :math:`A^T [(G w G^T) \odot (B^T d B)] A`: 16 products for each pair of channels
instead of 36, which are 16 matrix products over all patches. The gradient of the window is
:math:`G^T [\sum (B^T d B) \odot (A g A^T)] G`, the same number of products. The transformations add numbers only, so
results differ from the direct sum by rounding; an infinity among the inputs makes NaN of the whole patch.

Patches go through in blocks that stay in the cache: transformed, multiplied and transformed back by one loop. With a
dilation, places and elements of a patch are that far apart, and there is a grid of patches for each remainder.

References
----------
A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.block import spec
from funcnet.compiler.kernels.packing import packed
from funcnet.compiler.kernels.small import added, shares
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of
from funcnet.compiler.kernels.windows import tile_of, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["winograd"]

# Bytes of the transformed patches of a block and of their products.
_BLOCK = 800_000
# Bytes of transformed weights that do not stay in the cache, and patches of a block that each of them is then read for.
_WEIGHTS, _SHARING = 1_500_000, 128
# Channels below which direct sums are as fast, and patches below which there is too little to do.
_CHANNELS = 64
_PATCHES = 64
# Places that patches hold, at most, for each that there is, where remainders of a dilation have grids of their own.
_FILLED = 1.5
# Pairs of channels that a thread has to have to transform windows.
_PAIRS = 4096

_SUMS = {
    # B^T d
    "patch": ("{0} - {2}", "{1} + {2}", "{2} - {1}", "{1} - {3}"),
    # A^T m
    "places": ("{0} + {1} + {2}", "{1} - {2} - {3}"),
    # A g
    "spread": ("{0}", "{0} + {1}", "{0} - {1}", "-{1}"),
    # G w
    "window": ("{0}", "({0} + {1} + {2}) * half", "({0} - {1} + {2}) * half", "{2}"),
    # G^T s
    "gradient": ("{0} + ({1} + {2}) * half", "({1} - {2}) * half", "({1} + {2}) * half + {3}"),
}


def _transformed(
    kind: str, read: str, count: int, rows: Iterable[int] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Return lines that transform a square of numbers along both axes, and the names of the results, by row."""
    sums = _SUMS[kind]
    rows = range(len(sums)) if rows is None else rows
    needed = [i for i in range(count) if any([f"{{{i}}}" in sums[k] for k in rows])]
    lines = [f"a{i}{j} = {read.format(i=i, j=j)}" for i in needed for j in range(count)]
    out = []
    for k in rows:
        lines += [f"b{k}{j} = {sums[k].format(*[f'a{i}{j}' for i in range(count)])}" for j in range(count)]
        lines += [f"c{k}{m} = {s.format(*[f'b{k}{j}' for j in range(count)])}" for m, s in enumerate(sums)]
        out.append([f"c{k}{m}" for m in range(len(sums))])
    return lines, out


def _indented(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def winograd(e: Equation) -> Special | None:
    """Return the kernel for a convolution or one of its gradients, None where it does not apply or does not pay."""
    name, p = e.primitive.name, e.params
    if name not in ("conv", "conv_bias", "conv_adjoint", "conv_kernel"):
        return None
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)}
    if dtypes not in ({"float32"}, {"float64"}) or len(e.values) != len(e.inputs):
        return None
    window = p["size"] if name == "conv_kernel" else e.values[1].shape[:-2]
    if window != (3, 3) or p["groups"] > 1 or set(p["stride"]) != {1}:
        return None
    first, result = e.values[0], e.values[1] if name == "conv_kernel" else e.outputs[0]
    low, apart = tuple([before for before, _ in p["padding"]]), p["dilation"]
    if name == "conv_adjoint":
        # The convolution with the mirrored window.
        low = tuple([2 * d - before for d, before in zip(apart, low, strict=True)])
    if (
        min(low) < 0
        or min([after for _, after in p["padding"]]) < 0
        or (name == "conv_adjoint" and any([max(pair) > 2 * d for d, pair in zip(apart, p["padding"], strict=True)]))
    ):
        return None
    count, grid = first.shape[0], tuple([-(-n // (2 * d)) for n, d in zip(result.shape[1:-1], apart, strict=True)])
    patches = count * prod(grid) * prod(apart)
    # Grids that remainders of few places leave half empty.
    if set(apart) != {1} and 4 * patches > _FILLED * prod(result.shape[:-1]):
        return None
    least, largest = sorted([first.shape[-1], result.shape[-1]])
    # Transformed weights are almost twice as many, and each takes part in as many products as there are patches.
    if least < _CHANNELS or patches < max(_PATCHES, largest // 2):
        return None
    build = _kernel_gradient if name == "conv_kernel" else _forward
    job = partial(_Job, name, first, result, low, apart, grid, patches)
    return Special(f"{name}, by patches", lambda compile, threads: build(job(threads), compile, threads))


class _Job:
    """What a convolution is like, and the lines of its loops."""

    def __init__(
        self, name: str, first: Any, result: Any, low: Any, apart: Any, grid: Any, patches: int, threads: int
    ) -> None:
        self.name, self.apart = name, apart
        self.given, self.out = first.shape[1:-1], result.shape[1:-1]
        self.inputs, self.features = first.shape[-1], result.shape[-1]
        self.images, self.low, self.grid, self.patches = first.shape[0], low, grid, patches
        self.dtype = np.dtype(str(first.dtype))
        self.typed, self.size = type_of(first.dtype), self.dtype.itemsize
        self.array = f"{self.dtype.name}[::1]"
        self.table = f"{self.dtype.name}[:,::1]"
        bytes_each = 16 * (self.inputs + self.features) * self.size
        many = _BLOCK // bytes_each
        if 16 * self.inputs * self.features * self.size > _WEIGHTS:
            many = max(many, _SHARING)
        many = max(16, min(-(-patches // threads), many))
        if name == "conv_kernel":
            # Rows are channels, and patches the terms.
            self.many = many
            self.tile = tile_of((1, 1, self.inputs), self.features, self.size, many)
        else:
            self.tile = tile_of((1, 1, many), self.features, self.size, self.inputs)
            # The last tile of a block is whole, too: what it computes beyond the patches is not read.
            self.many = -(-many // self.tile.columns) * self.tile.columns
        self.width, _ = vectors_of(self.features, self.size)
        self.panel = min(self.tile.vectors * self.width, self.features)
        # Not a multiple of the size of a page, or all 16 matrices share a few lines of the cache.
        self.spans = [self.many * channels + 64 // self.size for channels in (self.inputs, self.features)]
        self.units = -(-patches // self.many)

    def parts(self, threads: int) -> tuple[int, tuple[int, ...]]:
        """Return how many parts the work has, and where they end."""
        parts = max(1, min(threads, self.units))
        return parts, tuple([self.units * i // parts for i in range(parts + 1)])

    def scratch(self) -> tuple[int, int, int]:
        """Return where products begin in a thread's memory, where a patch at the edge does, and its size."""
        products = 16 * self.spans[0]
        edge = products + 16 * self.spans[1]
        return products, edge, edge + 16 * max(self.inputs, self.features)

    def place(self) -> list[str]:
        """Return lines that find the image and the first place of patch `t`."""
        (high, wide), (d, e) = self.grid, self.apart
        rows, columns = high * d, wide * e
        lines = [
            f"n = t // {rows * columns}",
            f"r = t - n * {rows * columns}",
            f"i = r // {columns}",
            f"j = r - i * {columns}",
        ]
        for name, count, step in (("i", high, d), ("j", wide, e)):
            found = f"{name} % {count} * {2 * step} + {name} // {count}" if step > 1 else f"2 * {name}"
            lines.append(f"{name} = {found}")
        return lines

    def block(self) -> list[str]:
        """Return lines that name what unit `u` works on."""
        products, edge, end = self.scratch()
        return [
            f"start = u * {self.many}",
            f"stop = min(start + {self.many}, {self.patches})",
            f"V = address(s) + part * {-(-end * self.size // 64) * 64}",
            f"M = V + {products * self.size}",
            f"d = s[part, {edge}:]",
        ]

    def patched(self, kind: str, array: str, to: int) -> list[str]:
        """Return lines that transform the squares of an array into 16 matrices with a row for each."""
        side, channels, span = (4, self.inputs, self.spans[0]) if kind == "patch" else (2, self.features, self.spans[1])
        (h, w), (up, left) = (self.given, self.low) if kind == "patch" else (self.out, (0, 0))
        d, e = self.apart

        def body(name: str, row: int, column: int) -> list[str]:
            text = []
            # One loop for each row of the result: with more arrays in a loop, LLVM gives up on vectors.
            for k in range(4):
                lines, (names,) = _transformed(kind, f"{name}[{row} * {{i}} + {column} * {{j}} + c]", side, [k])
                lines += [f"o[{(4 * k + m) * span} + c] = {each}" for m, each in enumerate(names)]
                text += [f"for c in range({channels}):", *_indented(lines, 1)]
            return text

        return [
            "for t in range(start, stop):",
            *_indented(self.place(), 1),
            f"    y0 = i - {up}",
            f"    z0 = j - {left}",
            # Views, since indices that cannot be negative need no test.
            f"    o = s[part, {to} + (t - start) * {channels} :]",
            f"    if (y0 >= 0) & (z0 >= 0) & (y0 + {(side - 1) * d} < {h}) & (z0 + {(side - 1) * e} < {w}):",
            f"        a = {array}[((n * {h} + y0) * {w} + z0) * {channels} :]",
            *_indented(body("a", d * w * channels, e * channels), 2),
            "    else:",
            f"        for k in range({side}):",
            f"            for l in range({side}):",
            f"                e = d[(k * {side} + l) * {channels} :]",
            f"                y1 = y0 + k * {d}",
            f"                z1 = z0 + l * {e}",
            f"                if (y1 >= 0) & (z1 >= 0) & (y1 < {h}) & (z1 < {w}):",
            f"                    a = {array}[((n * {h} + y1) * {w} + z1) * {channels} :]",
            f"                    for c in range({channels}):",
            "                        e[c] = a[c]",
            "                else:",
            f"                    for c in range({channels}):",
            f"                        e[c] = {self.typed}(0)",
            *_indented(body("d", side * channels, channels), 2),
        ]

    def unpatched(self, bias: bool) -> list[str]:
        """Return lines that make places of products, and add a bias."""
        (h, w), (d, e), features, span = self.out, self.apart, self.features, self.spans[1]
        lines, names = _transformed("places", f"o[(4 * {{i}} + {{j}}) * {span} + c]", 4)
        added = " + bias[c]" if bias else ""

        def store(array: str, row: int, column: int) -> list[str]:
            return [f"{array}[{row * i + column * j} + c] = {names[i][j]}{added}" for i in range(2) for j in range(2)]

        whole = [
            "for t in range(start, stop):",
            *_indented(self.place(), 1),
            f"    o = s[part, {self.scratch()[0]} + (t - start) * {features} :]",
            f"    if (i + {d} < {h}) & (j + {e} < {w}):",
            f"        b = y[((n * {h} + i) * {w} + j) * {features} :]",
            f"        for c in range({features}):",
            *_indented([*lines, *store("b", d * w * features, e * features)], 3),
        ]
        if h % (2 * d) or w % (2 * e):
            whole += [
                "    else:",
                f"        for c in range({features}):",
                *_indented([*lines, *store("d", 2 * features, features)], 3),
                "        for k in range(2):",
                "            for l in range(2):",
                f"                if (i + k * {d} < {h}) & (j + l * {e} < {w}):",
                f"                    b = y[((n * {h} + i + k * {d}) * {w} + j + l * {e}) * {features} :]",
                f"                    e = d[(2 * k + l) * {features} :]",
                f"                    for c in range({features}):",
                "                        b[c] = e[c]",
            ]
        return whole

    def panels(self, lines: Callable[[int], list[str]]) -> list[str]:
        """Return loops over the panels of columns, number `p`, with their widths' lines."""
        whole, rest = divmod(self.features, self.panel)
        found = [f"for p in range({whole}):", *_indented(lines(self.panel), 1)] if whole else []
        return [*found, f"for p in range({whole}, {whole + 1}):", *_indented(lines(rest), 1)] if rest else found

    def text(self, rows: int, columns: int, a: int, c: int, loop: tuple[int, int, int], mode: str) -> str:
        return spec(
            size=self.size,
            width=self.width,
            columns=columns,
            a=[k * a for k in range(rows)],
            c=[k * c for k in range(rows)],
            loops=[loop],
            mode=mode,
        )

    def multiplied(self) -> list[str]:
        """Return lines that multiply the 16 matrices by the weights."""
        row, out, size, high = self.inputs * self.size, self.features * self.size, self.size, self.tile.columns

        def lines(columns: int) -> list[str]:
            text = self.text(high, columns, row, out, (self.inputs, size, out), "set")
            return [
                f"for r in range(0, stop - start, {high}):",
                f"    block({text!r}, V + k * {self.spans[0] * size} + r * {row}, "
                f"W + k * {self.inputs * out} + p * {self.panel * size}, "
                f"M + k * {self.spans[1] * size} + r * {out} + p * {self.panel * size}, 0, 0)",
            ]

        return ["for k in range(16):", *_indented(self.panels(lines), 1)]

    def summed(self) -> list[str]:
        """Return lines that add the products of both kinds of transformed patches up."""
        row, out, size, high = self.inputs * self.size, self.features * self.size, self.size, self.tile.columns

        def lines(columns: int) -> list[str]:
            whole, rest = divmod(self.inputs, high)
            found = []
            for first, count, rows in ((0, whole, high), (whole, 1, rest)):
                if count and rows:
                    text = self.text(rows, columns, size, out, (-1, row, out), "add")
                    found += [
                        f"for r in range({first}, {first + count}):",
                        f"    block({text!r}, V + k * {self.spans[0] * size} + r * {high * size}, "
                        f"M + k * {self.spans[1] * size} + p * {self.panel * size}, "
                        f"T + k * {self.inputs * out} + r * {high * out} + p * {self.panel * size}, 0, stop - start)",
                    ]
            return found

        return ["for k in range(16):", *_indented(self.panels(lines), 1)]

    def turned(self, kind: str, count: int) -> str:
        """Return the source of a loop that transforms windows, element by element of their channels."""
        n, m = self.inputs * self.features, len(_SUMS[kind])
        source = ["def loop(lo, hi, part, x, y):", f"    half = {self.typed}(0.5)", "    x = x[lo:]", "    y = y[lo:]"]
        for k in range(m):
            lines, (names,) = _transformed(kind, f"x[({count} * {{i}} + {{j}}) * {n} + c]", count, [k])
            lines += [f"y[{(m * k + j) * n} + c] = {name}" for j, name in enumerate(names)]
            source += ["    for c in range(hi - lo):", *_indented(lines, 2)]
        return "\n".join([*source, ""])


def _forward(job: _Job, compile: Compile, threads: int) -> Steps:
    bias = job.name == "conv_bias"
    source = [
        f"def loop(lo, hi, part, x, w, y, {'bias, ' if bias else ''}s):",
        "    W = address(w)",
        "    for u in range(lo, hi):",
        *_indented([*job.block(), *job.patched("patch", "x", 0), *job.multiplied(), *job.unpatched(bias)], 2),
    ]
    types = ", ".join([*[job.array] * (4 if bias else 3), job.table])
    loop = compile("\n".join([*source, ""]), f"void(int64, int64, int64, {types})")
    turn = compile(job.turned("window", 3), f"void(int64, int64, int64, {job.array}, {job.array})")
    parts, bounds = job.parts(threads)
    scratch = memory_of(parts, job.scratch()[2], job.dtype)
    count = job.inputs * job.features
    weights = np.empty(16 * count, job.dtype)
    steps = []
    window: Any = Of(1, (9 * count,))
    if job.name == "conv_adjoint":
        window = np.empty(9 * count, job.dtype)
        matrices = [((8 - k) * count, k * count, job.inputs, 0) for k in range(9)]
        sizes = (job.inputs, job.features, job.features, job.inputs)
        steps.append(packed(compile, threads, 9 * count, matrices, *sizes, window, turned=True))
    steps.append(Step(turn, shares(job.inputs * job.features, threads, _PAIRS), [window, weights]))
    given = Of(0, (job.images * prod(job.given) * job.inputs,))
    made = Of(3 if bias else 2, (job.images * prod(job.out) * job.features,))
    shift = [Of(2, (job.features,))] * bias
    return Steps([*steps, Step(loop, bounds, [given, weights, made, *shift, scratch])])


def _kernel_gradient(job: _Job, compile: Compile, threads: int) -> Steps:
    total = 16 * job.inputs * job.features
    parts, bounds = job.parts(threads)
    sums = memory_of(parts, total, job.dtype)
    source = [
        "def loop(lo, hi, part, x, g, t, s):",
        f"    T = address(t) + part * {sums.strides[0]}",
        "    e = t[part]",
        f"    for c in range({total}):",
        f"        e[c] = {job.typed}(0)",
        "    for u in range(lo, hi):",
        *_indented(
            [
                *job.block(),
                *job.patched("patch", "x", 0),
                *job.patched("spread", "g", job.scratch()[0]),
                *job.summed(),
            ],
            2,
        ),
    ]
    types = ", ".join([job.array] * 2 + [job.table] * 2)
    loop = compile("\n".join([*source, ""]), f"void(int64, int64, int64, {types})")
    turn = compile(job.turned("gradient", 4), f"void(int64, int64, int64, {job.array}, {job.array})")
    scratch = memory_of(parts, job.scratch()[2], job.dtype)
    # One thread's sums are all there are.
    whole = np.empty(total, job.dtype) if parts > 1 else sums[0, :total]
    sum_up = [Step(added(compile, job.dtype.name), shares(total, threads), [sums, parts, whole])] if parts > 1 else []
    given = [
        Of(0, (job.images * prod(job.given) * job.inputs,)),
        Of(1, (job.images * prod(job.out) * job.features,)),
    ]
    return Steps(
        [
            Step(loop, bounds, [*given, sums, scratch]),
            *sum_up,
            Step(
                turn,
                shares(job.inputs * job.features, threads, _PAIRS),
                [whole, Of(2, (9 * job.inputs * job.features,))],
            ),
        ]
    )
