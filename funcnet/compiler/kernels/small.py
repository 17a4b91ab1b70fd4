"""Small compiled functions between larger ones, so that plans need not go back to Python for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.kernels.special import Compile

__all__ = ["added", "cleared", "shares"]

_ADDED = """def loop(lo, hi, part, sums, rows, y):
    for j in range(lo, hi):
        y[j] = sums[0, j]
    for i in range(1, sums.shape[0]):
        for j in range(lo, hi):
            y[j] += sums[i, j]
"""
_DIVIDED = """    for j in range(lo, hi):
        y[j] = y[j] / {0}(rows)
"""
_CLEARED = """def loop(lo, hi, part, y):
    for j in range(lo, hi):
        y[j] = 0
"""
_CODES = {"float32": "f4", "float64": "f8"}


def added(compile: Compile, dtype: str, mean: bool = False) -> Callable[..., None]:
    """Return ``loop(lo, hi, part, sums, rows, y)``: the columns' sums, for a mean divided by the number `rows`.

    `sums` is a C-contiguous matrix of any dtype that loops hold; `dtype` is Numba's name for it.
    """
    source = _ADDED + (_DIVIDED.format(_CODES[dtype]) if mean else "")
    return compile(source, f"void(int64, int64, int64, {dtype}[:,::1], int64, {dtype}[::1])")


def cleared(compile: Compile, dtype: str) -> Callable[..., None]:
    """Return ``loop(lo, hi, part, y)``, which sets elements of a vector to zero."""
    return compile(_CLEARED, f"void(int64, int64, int64, {dtype}[::1])")


def shares(count: int, threads: int, least: int = 50_000) -> tuple[int, ...]:
    """Return where threads' parts of so many numbers end, each of which has at least so many."""
    parts = max(1, min(threads, count // least))
    return tuple([count * i // parts for i in range(parts + 1)])
