r"""Convolutions with 3x3 windows and no stride, by Winograd's minimal filtering F(2x2, 3x3).

Two by two places of the result need a patch of four by four elements. With the patch :math:`d` and the window
:math:`w` transformed, the places are :math:`A^T [(G w G^T) \odot (B^T d B)] A`: 16 products for each pair of channels
instead of 36, which are 16 matrix products over all patches. The gradient of the window is
:math:`G^T [\sum (B^T d B) \odot (A g A^T)] G`, the same number of products. The transformations add numbers only, so
results differ from the direct sum by rounding; an infinity among the inputs makes NaN of the whole patch.

Patches go through in blocks that stay in the cache.

References
----------
A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.blas import can_limit, one_thread_each
from funcnet.compiler.kernels.special import Special, type_of
from funcnet.compiler.workers import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["winograd"]

# Bytes of the transformed patches of a block and of their products.
_BLOCK = 1_400_000
# Channels below which direct sums are as fast, and patches below which there is too little to do.
_CHANNELS = 64
_PATCHES = 64

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
#: From windows to transformed windows, both flat.
_WINDOW = np.kron(_G, _G)

_SUMS = {
    # B^T d
    "patch": ("{0} - {2}", "{1} + {2}", "{2} - {1}", "{1} - {3}"),
    # A^T m
    "places": ("{0} + {1} + {2}", "{1} - {2} - {3}"),
    # A g
    "spread": ("{0}", "{0} + {1}", "{0} - {1}", "-{1}"),
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


def _head(arguments: str, grid: tuple[int, int]) -> list[str]:
    rows, columns = grid
    return [
        f"def loop(lo, hi, {arguments}):",
        "    for t in range(lo, hi):",
        f"        n = t // {rows * columns}",
        f"        r = t - n * {rows * columns}",
        f"        i = r // {columns}",
        f"        j = r - i * {columns}",
    ]


def _patches(
    kind: str, size: tuple[int, int], low: tuple[int, int], grid: tuple[int, int], channels: int, span: int, typed: str
) -> str:
    """Return the source of a loop that transforms the squares of an array: 16 matrices with a row for each."""
    h, w = size
    side = 4 if kind == "patch" else 2

    def body(array: str, row: int) -> list[str]:
        text = []
        # One loop for each row of the result: with more arrays in a loop, LLVM gives up on vectors.
        for k in range(4):
            lines, (names,) = _transformed(kind, f"{array}[{row} * {{i}} + {channels} * {{j}} + c]", side, [k])
            lines += [f"o[{(4 * k + m) * span} + c] = {name}" for m, name in enumerate(names)]
            text += [f"for c in range({channels}):", *_indented(lines, 1)]
        return text

    head = _head("x, v", grid)
    head.insert(1, f"    d = np.zeros({side * side * channels}, {typed})")
    source = [
        *head,
        f"        y = 2 * i - {low[0]}",
        f"        z = 2 * j - {low[1]}",
        # Views, since indices that cannot be negative need no test.
        f"        o = v[(t - lo) * {channels} :]",
        f"        if (y >= 0) & (z >= 0) & (y + {side} <= {h}) & (z + {side} <= {w}):",
        f"            a = x[((n * {h} + y) * {w} + z) * {channels} :]",
        *_indented(body("a", w * channels), 3),
        "        else:",
        f"            for k in range({side}):",
        f"                for l in range({side}):",
        f"                    e = d[(k * {side} + l) * {channels} :]",
        f"                    if (y + k >= 0) & (z + l >= 0) & (y + k < {h}) & (z + l < {w}):",
        f"                        a = x[((n * {h} + y + k) * {w} + z + l) * {channels} :]",
        f"                        for c in range({channels}):",
        "                            e[c] = a[c]",
        "                    else:",
        f"                        for c in range({channels}):",
        f"                            e[c] = {typed}(0)",
        *_indented(body("d", side * channels), 3),
    ]
    return "\n".join([*source, ""])


def _results(out: tuple[int, int], grid: tuple[int, int], features: int, span: int, typed: str, bias: bool) -> str:
    """Return the source of a loop that makes places of products, and adds a bias."""
    h, w = out
    lines, names = _transformed("places", f"o[(4 * {{i}} + {{j}}) * {span} + c]", 4)
    shift = ["q = bias[c]"] if bias else []
    added = " + q" if bias else ""

    def store(array: str, row: int) -> list[str]:
        return [f"{array}[{row * i + features * j} + c] = {names[i][j]}{added}" for i in range(2) for j in range(2)]

    whole = [*_head("m, bias, y" if bias else "m, y", grid), f"        o = m[(t - lo) * {features} :]"]
    whole.insert(1, f"    d = np.zeros({4 * features}, {typed})")
    whole += [
        f"        if (2 * i + 2 <= {h}) & (2 * j + 2 <= {w}):",
        f"            b = y[((n * {h} + 2 * i) * {w} + 2 * j) * {features} :]",
        f"            for c in range({features}):",
        *_indented([*lines, *shift, *store("b", w * features)], 4),
    ]
    if h % 2 or w % 2:
        whole += [
            "        else:",
            f"            for c in range({features}):",
            *_indented([*lines, *shift, *store("d", 2 * features)], 4),
            "            for k in range(2):",
            "                for l in range(2):",
            f"                    if (2 * i + k < {h}) & (2 * j + l < {w}):",
            f"                        b = y[((n * {h} + 2 * i + k) * {w} + 2 * j + l) * {features} :]",
            f"                        e = d[(2 * k + l) * {features} :]",
            f"                        for c in range({features}):",
            "                            b[c] = e[c]",
        ]
    return "\n".join([*whole, ""])


def winograd(e: Equation) -> Special | None:
    """Return the kernel for a convolution or one of its gradients, None where it does not apply or does not pay."""
    name, p = e.primitive.name, e.params
    if name not in ("conv", "conv_bias", "conv_adjoint", "conv_kernel"):
        return None
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)}
    if dtypes not in ({"float32"}, {"float64"}) or len(e.values) != len(e.inputs):
        return None
    window = p["size"] if name == "conv_kernel" else e.values[1].shape[:-2]
    plain = p["groups"] == 1 and set(p["stride"]) == {1} and set(p["dilation"]) == {1}
    if window != (3, 3) or not plain:
        return None
    first, result = e.values[0], e.values[1] if name == "conv_kernel" else e.outputs[0]
    low = tuple([before for before, _ in p["padding"]])
    if name == "conv_adjoint":
        # The convolution with the mirrored window.
        low = tuple([2 - before for before in low])
    if (
        min(low) < 0
        or min([after for _, after in p["padding"]]) < 0
        or (name == "conv_adjoint" and max([max(pair) for pair in p["padding"]]) > 2)
    ):
        return None
    count, grid = first.shape[0], tuple([-(-n // 2) for n in result.shape[1:-1]])
    patches = count * prod(grid)
    if min(first.shape[-1], result.shape[-1]) < _CHANNELS or patches < _PATCHES:
        return None
    build = _kernel_gradient if name == "conv_kernel" else _forward
    job = _Job(name, first, result, low, grid, patches)
    return Special(f"{name}, by patches", lambda compile, threads: build(job, compile, threads))


class _Job:
    """What a convolution is like."""

    def __init__(self, name: str, first: Any, result: Any, low: Any, grid: Any, patches: int) -> None:
        self.name = name
        self.size, self.out = first.shape[1:-1], result.shape[1:-1]
        self.inputs, self.features = first.shape[-1], result.shape[-1]
        self.low, self.grid, self.patches = low, grid, patches
        self.dtype = np.dtype(str(first.dtype))
        self.typed = type_of(first.dtype)
        bytes_each = 16 * (self.inputs + self.features) * self.dtype.itemsize
        self.many = max(16, min(patches, _BLOCK // bytes_each // 16 * 16))

    def array(self, *shape: int) -> np.ndarray:
        return np.zeros(shape, self.dtype)

    def span(self, channels: int) -> int:
        # Not a multiple of the size of a page, or all 16 matrices share a few lines of the cache.
        return self.many * channels + 64 // self.dtype.itemsize

    def matrices(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return memory for 16 matrices of a block, flat and as matrices."""
        memory = self.array(16, self.span(channels))
        return memory.reshape(-1), memory[:, : self.many * channels].reshape(16, self.many, channels)

    def bounds(self, threads: int) -> tuple[int, ...]:
        blocks = -(-self.patches // self.many)
        parts = max(1, min(threads, blocks)) if threads > 1 and can_limit() else 1
        return tuple([min(blocks * i // parts * self.many, self.patches) for i in range(parts)] + [self.patches])


def _forward(job: _Job, compile: Compile, threads: int) -> Callable[..., None]:
    array = f"{'float32' if job.typed == 'f4' else 'float64'}[::1]"
    bias = job.name == "conv_bias"
    pack = compile(
        _patches("patch", job.size, job.low, job.grid, job.inputs, job.span(job.inputs), job.typed),
        f"void(int64, int64, {array}, {array})",
    )
    unpack = compile(
        _results(job.out, job.grid, job.features, job.span(job.features), job.typed, bias),
        f"void(int64, int64, {', '.join([array] * (3 if bias else 2))})",
    )
    bounds = job.bounds(threads)
    parts = len(bounds) - 1
    mirrored = job.name == "conv_adjoint"
    window = _WINDOW.astype(job.dtype)
    if mirrored:
        window = np.ascontiguousarray(window[:, ::-1])
    shape = (job.features, job.inputs) if mirrored else (job.inputs, job.features)
    weights = job.array(16, *shape)
    flat = weights.reshape(16, -1)
    factors = weights.transpose(0, 2, 1) if mirrored else weights
    buffers = [(*job.matrices(job.inputs), *job.matrices(job.features)) for _ in range(parts)]

    def part(lo: int, hi: int, index: int, x: Any, ends: tuple[Any, ...]) -> None:
        v_flat, v, m_flat, m = buffers[index]
        for start in range(lo, hi, job.many):
            stop = min(start + job.many, hi)
            n = stop - start
            pack(start, stop, x, v_flat)
            np.matmul(v[:, :n], factors, m[:, :n])
            unpack(start, stop, m_flat, *ends)

    def run(x: Any, kernel: Any, *rest: Any) -> None:
        np.dot(window, kernel.reshape(9, -1), flat)
        _parts(part, bounds, (x.reshape(-1), (*rest[:-1], rest[-1].reshape(-1))))

    return run


def _kernel_gradient(job: _Job, compile: Compile, threads: int) -> Callable[..., None]:
    array = f"{'float32' if job.typed == 'f4' else 'float64'}[::1]"
    signature = f"void(int64, int64, {array}, {array})"
    pack = compile(
        _patches("patch", job.size, job.low, job.grid, job.inputs, job.span(job.inputs), job.typed), signature
    )
    spread = compile(
        _patches("spread", job.out, (0, 0), job.grid, job.features, job.span(job.features), job.typed), signature
    )
    bounds = job.bounds(threads)
    parts = len(bounds) - 1
    window = np.ascontiguousarray(_WINDOW.T.astype(job.dtype))
    buffers = [
        (
            *job.matrices(job.inputs),
            *job.matrices(job.features),
            job.array(16, job.inputs, job.features),
            job.array(16, job.inputs, job.features),
        )
        for _ in range(parts)
    ]

    def part(lo: int, hi: int, index: int, x: Any, g: Any) -> None:
        v_flat, v, m_flat, m, total, term = buffers[index]
        for start in range(lo, hi, job.many):
            stop = min(start + job.many, hi)
            n = stop - start
            pack(start, stop, x, v_flat)
            spread(start, stop, g, m_flat)
            np.matmul(v[:, :n].transpose(0, 2, 1), m[:, :n], total if start == lo else term)
            if start != lo:
                np.add(total, term, total)

    def run(x: Any, g: Any, out: Any) -> None:
        _parts(part, bounds, (x.reshape(-1), g.reshape(-1)))
        total = buffers[0][4]
        for other in buffers[1:]:
            np.add(total, other[4], total)
        np.dot(window, total.reshape(16, -1), out.reshape(9, -1))

    return run


def _parts(part: Callable[..., None], bounds: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
    if len(bounds) == 2:
        part(bounds[0], bounds[1], 0, *arguments)
    else:
        # Two pools of threads would fight for the processors.
        with one_thread_each():
            in_parallel(part, bounds, arguments)
