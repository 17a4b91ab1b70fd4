"""Small compiled functions between larger ones, so that plans need not go back to Python for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.compiler.kernels.special import Of, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from funcnet.compiler.kernels.special import Compile

__all__ = ["added", "cleared", "copied"]

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
_COPIED = """def loop(lo, hi, part, x, d, y):
    for i in range(lo, hi):
        for j in range(d[0]):
            for k in range(d[1]):
                a = d[3] + i * d[4] + j * d[5] + k * d[6]
                b = ((i * d[0] + j) * d[1] + k) * d[2]
                if d[7] == 1:
                    # The compiler makes vectors of this loop only.
                    for l in range(d[2]):
                        y[b + l] = x[a + l]
                else:
                    for l in range(d[2]):
                        y[b + l] = x[a + l * d[7]]
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


def copied(
    compile: Compile, index: int, shape: tuple[int, ...], taken: Callable[[np.ndarray], np.ndarray], to: np.ndarray
) -> Step:
    """Return a step that copies part of an array that its kernel is given.

    Parameters
    ----------
    compile : callable
        Compiles sources.
    index : int
        Which of the kernel's arrays.
    shape : tuple of int
        The shape that it is seen in.
    taken : callable
        Makes a view of four dimensions of an array of this shape.
    to : ndarray
        C-contiguous, of the shape and dtype of the view.
    """
    whole: Any = np.empty(shape, to.dtype)
    view = taken(whole)
    size = to.itemsize
    assert view.shape == to.shape
    places = [(view.ctypes.data - whole.ctypes.data) // size, *[s // size for s in view.strides]]
    description = np.array([*to.shape[1:], *places], np.int64)
    array = f"{to.dtype.name}[::1]"
    function = compile(_COPIED, f"void(int64, int64, int64, {array}, int64[::1], {array})")
    return Step(function, (0, to.shape[0]), [Of(index, (whole.size,)), description, to.reshape(-1)])
