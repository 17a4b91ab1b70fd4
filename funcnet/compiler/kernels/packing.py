"""Weights of convolutions in the order that blocks read them: panels of neighbouring columns, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from funcnet.compiler.kernels.special import Of, Step, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.kernels.special import Compile

__all__ = ["packed"]

# Rows that are brought into panels at a time, and numbers that a thread has to have.
_ROWS = 64
_PARALLEL = 50_000

_SOURCE = """def loop(lo, hi, part, x, d, rows, columns, panel, step, y):
    pieces = (rows + {ROWS} - 1) // {ROWS}
    whole = columns // panel
    rest = columns - whole * panel
    for u in range(lo, hi):
        k = u // pieces
        i = (u - k * pieces) * {ROWS}
        n = min({ROWS}, rows - i)
        a = address(x) + (d[k, 0] + i * {ROW}) * {SIZE}
        b = address(y) + d[k, 1] * {SIZE}
        terms = d[k, 2]
        first = d[k, 3] + i
{body}        if rest > 0:
            a += whole * panel * {COLUMN} * {SIZE}
            b += (whole * panel * terms + first * rest) * {SIZE}
            {last}
"""
# Row by row, as memory is read fastest.
_STRAIGHT = """        for r in range(n):
            q = b + (first + r) * panel * {SIZE}
            copy_{T}(whole, panel, a + r * step * {SIZE}, panel * {SIZE}, q, terms * panel * {SIZE})
"""
_TURNED = """        for p in range(whole):
            q = b + (p * terms + first) * panel * {SIZE}
            turn_{T}(panel, n, a + p * panel * step * {SIZE}, step * {SIZE}, q, panel * {SIZE})
"""


def packed(
    compile: Compile,
    threads: int,
    size: int,
    matrices: Sequence[tuple[int, int, int, int]],
    rows: int,
    columns: int,
    panel: int,
    step: int,
    to: np.ndarray,
    *,
    turned: bool,
) -> Step:
    """Return a step that brings matrices of a kernel's second array into panels.

    Parameters
    ----------
    compile : callable
        Compiles sources.
    threads : int
        How many threads there are.
    size : int
        Numbers of the array.
    matrices : sequence of (source, target, terms, first)
        Of each, the first number in the array; the number where its panels begin in the result, how many rows each of
        these has, and in which of them the matrix begins.
    rows, columns, panel : int
        Of a matrix and of a panel; the last one may have fewer columns.
    step : int
        Numbers from row to row of the array.
    to : ndarray
        Where they go, of one dimension.
    turned : bool
        Whether rows of the array are columns of the matrices.
    """
    typed = type_of(to.dtype)
    body, last = (_TURNED, "turn") if turned else (_STRAIGHT, "copy")
    last += "_{T}(rest, n, " if turned else "_{T}(n, rest, "
    source = _SOURCE.replace("{body}", body).replace("{last}", last + "a, step * {SIZE}, b, rest * {SIZE})")
    row, column = ("1", "step") if turned else ("step", "1")
    for name, value in (("ROWS", _ROWS), ("ROW", row), ("COLUMN", column), ("SIZE", to.itemsize), ("T", typed)):
        source = source.replace(f"{{{name}}}", str(value))
    array = f"{to.dtype.name}[::1]"
    loop = compile(source, f"void(int64, int64, int64, {array}, int64[:,::1], int64, int64, int64, int64, {array})")
    units = len(matrices) * -(-rows // _ROWS)
    parts = max(1, min(threads, units, to.size // _PARALLEL))
    bounds = tuple([units * i // parts for i in range(parts + 1)])
    table = np.array(matrices, np.int64).reshape(-1, 4)
    return Step(loop, bounds, [Of(1, (size,)), table, rows, columns, panel, step, to])
