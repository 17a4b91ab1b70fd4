"""Standardized groups of channels, image by image, standardized channels before the spatial axes, and the passes back.

Where means are over axes in the middle and perhaps the last ones, as those of groups of channels and of single channels
are, an array is a stack of matrices: each consists of `M` rows of `G` groups of `K` neighbours, and a mean is over all
rows and over the neighbours. A matrix stays in the cache while it is gone through several times. Where means are over
the first and the last axes, the rows of a matrix lie as far apart as there are matrices.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.graph import Equation, Graph
from funcnet.compiler.kernels.special import Of, Special, Step, Steps, memory_of, type_of

if TYPE_CHECKING:
    from funcnet.compiler.kernels.special import Compile

__all__ = ["by_groups"]

# Elements that a thread has to have.
_PARALLEL = 30_000
# Numbers of a row below which vectors do not pay.
_ROW = 4

#: The means of the columns `a`, group by group, to `b` and to row `i` of `o`.
_MEAN = """
        for g in range(groups):
            total = 0.0
            for k in range(g * each, (g + 1) * each):
                total += a[k]
            total = {typed}(total / (rows * each))
            o[i, g] {store} total
            for k in range(g * each, (g + 1) * each):
                {to}[k] = total
"""
_COLUMNS = """
        for k in range(width):
            a[k] = {typed}(0)
        for j in range(i * near, i * near + rows * apart, apart):
            r = x[j]
            for k in range(width):
                {line}
"""
_STANDARDIZE = """def loop(lo, hi, part, x, y, o, v, rows, near, apart, groups, each, eps, s):
    width = groups * each
    a = s[part, :width]
    b = s[part, width : 2 * width]
    e = s[part, 2 * width : 3 * width]
    for i in range(lo, hi):{sums}{center}{errors}{error}{squares}{variance}
        for g in range(groups):
            shifted = v[i, g] + {typed}(eps)
            root = {typed}(1) / np.sqrt(shifted) if shifted > 0 else {typed}(0) * shifted
            for k in range(g * each, (g + 1) * each):
                a[k] = root
        for j in range(i * near, i * near + rows * apart, apart):
            r = x[j]
            u = y[j]
            for k in range(width):
                u[k] = (r[k] - b[k] - e[k]) * a[k]
"""
_PULL = """def loop(lo, hi, part, x, y, f, z, rows, near, apart, groups, each, s):
    width = groups * each
    a = s[part, :width]
    b = s[part, width : 2 * width]
    e = s[part, 2 * width : 3 * width]
    for i in range(lo, hi):
        for k in range(width):
            a[k] = {typed}(0)
            b[k] = {typed}(0)
        for j in range(i * near, i * near + rows * apart, apart):
            r = x[j]
            u = y[j]
            for k in range(width):
                a[k] += r[k]
                b[k] += r[k] * u[k]
        for g in range(groups):
            total = 0.0
            product = 0.0
            for k in range(g * each, (g + 1) * each):
                total += a[k]
                product += b[k]
            total = {typed}(total / (rows * each))
            product = {typed}(product / (rows * each))
            for k in range(g * each, (g + 1) * each):
                a[k] = {mean}
                b[k] = product
                e[k] = f[i, g]
        for j in range(i * near, i * near + rows * apart, apart):
            r = x[j]
            u = y[j]
            w = z[j]
            for k in range(width):
                w[k] = (r[k] - u[k] * b[k] - a[k]) * e[k]
"""


def _standardize_source(typed: str) -> str:
    def columns(line: str) -> str:
        return _COLUMNS.format(typed=typed, line=line).removesuffix("\n")

    def mean(to: str, array: str, store: str) -> str:
        return _MEAN.format(typed=typed, to=to, store=store).replace("o[i", f"{array}[i").removesuffix("\n")

    lines = {
        "sums": columns("a[k] += r[k]"),
        "center": mean("b", "o", "="),
        "errors": columns("a[k] += r[k] - b[k]"),
        "error": mean("e", "o", "+="),
        "squares": columns("a[k] += (r[k] - b[k] - e[k]) * (r[k] - b[k] - e[k])"),
        "variance": mean("a", "v", "="),
    }
    return _STANDARDIZE.format(typed=typed, **lines).replace("\n\n", "\n")


def by_groups(graph: Graph) -> Graph:
    """Return a graph in which kernels standardize groups of channels."""
    made = [_kernel(e) for e in graph.equations]
    if not any(made):
        return graph
    return graph.with_equations([new or e for new, e in zip(made, graph.equations, strict=True)])


def _kernel(e: Equation) -> Equation | None:
    name = e.primitive.name
    if name not in ("standardize", "rescale_pull") or len(e.values) != len(e.inputs):
        return None
    x, shape = e.values[0], e.values[0].shape
    axes = tuple(sorted([k % len(shape) for k in e.params["axis"]]))
    found = _matrices(shape, axes)
    dtypes = {str(v.dtype) for v in (*e.values, *e.outputs)}
    if found is None or dtypes not in ({"float32"}, {"float64"}) or any([v.shape != shape for v in e.values[:2]]):
        return None
    if name == "rescale_pull" and e.values[2].shape != tuple([1 if k in axes else n for k, n in enumerate(shape)]):
        return None
    stack, rows, near, apart, groups, each = found
    dtype = np.dtype(str(x.dtype))

    def build(compile: Compile, threads: int) -> Steps:
        table, typed = f"{dtype.name}[:,::1]", type_of(dtype)
        parts = max(1, min(threads, stack, prod(shape) // _PARALLEL))
        bounds = tuple([stack * i // parts for i in range(parts + 1)])
        scratch = memory_of(parts, 3 * groups * each, dtype)
        matrix, small = (stack * rows, groups * each), (stack, groups)
        numbers, types = [rows, near, apart, groups, each], "int64, int64, int64, int64, int64"
        if name == "standardize":
            source, shapes = _standardize_source(typed), [matrix, matrix, small, small]
            numbers, types = [*numbers, float(e.params["eps"])], f"{types}, float64"
        else:
            source = _PULL.format(typed=typed, mean="total" if e.params["centered"] else f"{typed}(0)")
            shapes = [matrix, matrix, small, matrix]
        loop = compile(source, f"void(int64, int64, int64, {', '.join([table] * 4)}, {types}, {table})")
        arrays = [Of(i, size) for i, size in enumerate(shapes)]
        return Steps([Step(loop, bounds, [*arrays, *numbers, scratch])])

    kernel: Any = Special(f"{name}, by groups", build)
    return Equation(kernel, e.inputs, {}, e.outputs, e.line, e.again)


def _matrices(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, int, int, int, int] | None:
    """Return how many matrices there are, their rows, how far these lie apart, groups and neighbours.

    The distances are those of the first rows of matrices, and of the rows of a matrix. None for other axes.
    """
    n = len(shape)
    if not axes or not prod(shape):
        return None
    end = axes[0]
    while end in axes:
        end += 1
    later = tuple([k for k in axes if k > end])
    start = later[0] if later else n
    if end == n or later != tuple(range(start, n)):
        return None
    kept, each = prod(shape[end:start]), prod(shape[start:])
    stack, rows = prod(shape[: axes[0]]), prod(shape[axes[0] : end])
    if stack > 1 or axes[0] > 0:
        return (stack, rows, rows, 1, kept, each) if kept * each >= _ROW else None
    return (kept, rows, 1, kept, 1, each) if each >= _ROW else None
