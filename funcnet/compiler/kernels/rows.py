"""Rows of a matrix, such as the embeddings of tokens, to which other rows are added where indices say so."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.special import Special
from funcnet.compiler.workers import in_parallel
from funcnet.core.bind import run as run_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.graph import Equation
    from funcnet.compiler.kernels.special import Compile

__all__ = ["rows_added"]

_SOURCE = """def loop(lo, hi, part, {x}v, rows, y):
    n = y.shape[0]
{begin}    for i in range(rows.shape[0]):
        r = rows[i]
        r = r + n if r < 0 else r
        for j in range(lo, hi):
            y[r, j] += v[i, j]
"""
_BEGIN = """    for i in range(n):
        for j in range(lo, hi):
            y[i, j] = x[i, j]
"""
_INDICES = {"int32": "int32", "int64": "int64"}
#: Elements below which a second thread costs more than it saves, and how many columns lie in a line of the cache.
_PARALLEL, _LINE = 50_000, 16
#: Rows shorter than this are as fast one by one.
_SHORT = 4


def rows_added(e: Equation, empty: bool) -> Special | None:
    """Return the kernel of an `index_add` to whole rows; rows that are named more than once get all that is theirs.

    It is not given an `empty` array, whose elements are 0.
    """
    if e.params.get("key") != ("array",) or len(e.values) != 3:
        return None
    x, v, rows = e.inputs
    (out,) = e.outputs
    dtype, kind = str(out.dtype), str(rows.dtype)
    columns = prod(out.shape[1:])
    if dtype not in ("float32", "float64") or kind not in _INDICES or len(out.shape) < 2 or columns < _SHORT:
        return None
    if x.dtype != out.dtype or v.dtype != out.dtype or v.shape != (*rows.shape, *out.shape[1:]) or 0 in v.shape:
        return None
    primitive, params = e.primitive, e.params
    count, many = out.shape[0], prod(rows.shape)

    def build(compile: Compile, threads: int) -> Callable[..., None]:
        matrix = f"{dtype}[:,::1]"
        source = _SOURCE.format(x="" if empty else "x, ", begin="" if empty else _BEGIN)
        given = "" if empty else f"{matrix}, "
        loop = compile(source, f"void(int64, int64, int64, {given}{matrix}, {_INDICES[kind]}[::1], {matrix})")
        units = -(-columns // _LINE)
        parts = max(1, min(threads, units)) if (count + many) * columns > _PARALLEL else 1
        bounds = tuple([min(units * i // parts * _LINE, columns) for i in range(parts)] + [columns])

        def run(*arrays: Any) -> None:
            *start, v, rows, y = arrays
            if rows.min() < -count or rows.max() >= count:
                # It says what is wrong.
                run_plain(primitive, [*(start or [np.zeros_like(y)]), v, rows], params)
            given = (
                *[x.reshape(count, columns) for x in start],
                v.reshape(many, columns),
                rows.reshape(many),
                y.reshape(count, columns),
            )
            if parts == 1:
                loop(0, columns, 0, *given)
            else:
                in_parallel(loop, bounds, given)

        return run

    return Special("index_add, row by row", build, zeroed=empty)
