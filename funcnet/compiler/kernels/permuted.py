"""Arrays whose dimensions are put in another order in memory, block by block."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.special import Of, Special, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from funcnet.compiler.graph import Equation, Value
    from funcnet.compiler.kernels.special import Compile

__all__ = ["permuted"]

#: Elements that a thread has to have.
_PARALLEL = 50_000
#: Rows and columns of a block, both sides of which stay in the cache.
_BLOCK = 64
_DTYPES = {"float32": "f4", "float64": "f8"}
#: The results of these are loops over elements, which read arrays in the order of their dimensions.
_LOOPS = frozenset(["max", "mean", "min", "reshape", "sum"])
#: The strides of the dimensions before the last two are in `d`, with their sizes: size, of x, of y.
_SOURCE = """def loop(lo, hi, part, x, y, d, n, m, x_row, y_row, pieces):
    for u in range(lo, hi):
        left = u // pieces
        a = 0
        b = 0
        for k in range(d.shape[0]):
            i = left % d[k, 0]
            left = left // d[k, 0]
            a += i * d[k, 1]
            b += i * d[k, 2]
        piece = u % pieces
        start = piece * {BLOCK}
{body}"""
_TURNED = """        rows = min({BLOCK}, n - start)
        for j in range(0, m, {BLOCK}):
            count = min({BLOCK}, m - j)
            p = address(x) + (a + start * x_row + j) * {SIZE}
            turn_{T}(rows, count, p, x_row * {SIZE}, address(y) + (b + j * y_row + start) * {SIZE}, y_row * {SIZE})
"""
_ROWS = """        p = address(x) + (a + start * x_row) * {SIZE}
        q = address(y) + (b + start * y_row) * {SIZE}
        copy_{T}(min({BLOCK}, n - start), m, p, x_row * {SIZE}, q, y_row * {SIZE})
"""


def permuted(e: Equation, before: Equation | None, users: Sequence[Equation], held: bool) -> Special | None:
    """Return the kernel of a permutation that nobody reads as a view, None where it does not apply.

    Parameters
    ----------
    e : Equation
        The permutation.
    before : Equation or None
        What makes its argument, which may write it in any order; None if it is given.
    users : sequence of Equation
        What reads its result.
    held : bool
        Whether it is a result of the graph.
    """
    x, y = e.values[0], e.outputs[0]
    dtype = str(x.dtype)
    if dtype not in _DTYPES or prod(x.shape) == 0 or not (held or users):
        return None
    if before is not None and (held or before.primitive.kind != "elementwise"):
        return None
    if not all([_in_order(u) for u in users]):
        return None
    axes = _axes(e)
    shape, order = _merged(x.shape, axes)
    return None if len(shape) < 2 else _special(x, y, dtype, shape, order)


def _in_order(e: Equation) -> bool:
    """Whether an equation reads arrays in the order of their dimensions."""
    p = e.primitive
    return p.kind == "elementwise" or p.name in _LOOPS or (p.kind == "special" and not getattr(p, "strided", False))


def _axes(e: Equation) -> tuple[int, ...]:
    n = len(e.inputs[0].shape)
    if e.primitive.name == "matrix_transpose":
        return (*range(n - 2), n - 1, n - 2)
    return tuple([k % n for k in e.params["axes"]])


def _merged(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return sizes and order of dimensions with those as one that stay beside each other, and none of size 1."""
    runs: list[list[int]] = []
    kept = [k for k in axes if shape[k] != 1]
    near = {k: i for i, k in enumerate(sorted(kept))}
    for k in kept:
        if runs and near[k] == near[runs[-1][-1]] + 1:
            runs[-1].append(k)
        else:
            runs.append([k])
    places = sorted(runs)
    return [prod([shape[k] for k in run]) for run in places], [places.index(run) for run in runs]


def _special(x: Value, y: Value, dtype: str, shape: list[int], order: list[int]) -> Special:
    last = len(shape) - 1
    steps = [prod(shape[k + 1 :]) for k in range(len(shape))]
    wide = {k: prod([shape[i] for i in order[order.index(k) + 1 :]]) for k in order}
    turned = order[-1] != last
    # Rows of x become columns of y, or rows of y in another place.
    row = order[-1] if turned else order[-2]
    others = [k for k in order[::-1] if k not in (row, last)]
    count = prod([shape[k] for k in others])
    size = int(_DTYPES[dtype][1])

    def build(compile: Compile, threads: int) -> Steps:
        places = np.array([[shape[k], steps[k], wide[k]] for k in others], np.int64).reshape(-1, 3)
        source = _SOURCE.replace("{body}", _TURNED if turned else _ROWS)
        source = source.replace("{BLOCK}", str(_BLOCK)).replace("{SIZE}", str(size)).replace("{T}", _DTYPES[dtype])
        vector = f"{dtype}[::1]"
        loop = compile(source, f"void(int64, int64, int64, {vector}, {vector}, int64[:,::1]{', int64' * 5})")
        pieces = -(-shape[row] // _BLOCK)
        units = count * pieces
        parts = max(1, min(threads, units, prod(shape) // _PARALLEL))
        bounds = tuple([units * i // parts for i in range(parts + 1)])
        numbers: list[Any] = [shape[row], shape[last], steps[row], wide[last if turned else row], pieces]
        given = [Of(0, (prod(x.shape),)), Of(1, (prod(y.shape),))]
        return Steps([Step(loop, bounds, [*given, places, *numbers])])

    return Special("permute_dims, block by block", build)
