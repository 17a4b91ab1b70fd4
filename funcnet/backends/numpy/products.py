"""NumPy kernels of products of matrices and vectors."""

from collections.abc import Callable
from math import prod
from operator import matmul
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.numpy.compiled import OUTER

__all__ = ["KERNELS"]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
# From this many elements on, a compiled loop is worth asking for.
_LARGE = 1 << 16


def _matmul(x1: Any, x2: Any) -> Any:
    if x2.ndim == 2 and x1.ndim > 2 and x1.flags.c_contiguous:
        # A stack of matrices times one matrix: NumPy would call BLAS once per matrix of the stack.
        shape = x1.shape
        return matmul(x1.reshape(prod(shape[:-1]), shape[-1]), x2).reshape(*shape[:-1], x2.shape[1])
    return matmul(x1, x2)


def _matrix_transpose(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def _outer_of(a: Any, b: Any) -> Any:
    if a.dtype == b.dtype and a.dtype.kind in "fc":
        if _in_rows(a) and _in_rows(b) and len(a) == len(b):
            if OUTER.ready is not None:
                out = np.empty((*a.shape, b.shape[1]), a.dtype)
                OUTER.ready(a, b, out)
                return out
            if a.size * b.shape[1] >= _LARGE:
                OUTER.request()
        # Its loop over rows costs half of what that of a broadcast multiplication does.
        return np.einsum("...i,...j->...ij", a, b)
    return a[..., :, None] * b[..., None, :]


def _in_rows(x: Any) -> bool:
    """Whether an array is as the compiled loop takes it."""
    return x.__class__ is np.ndarray and x.ndim == 2 and x.dtype in _FLOATS and x.flags.c_contiguous and x.flags.aligned


def _convolve(a: Any, v: Any, *, mode: str) -> Any:
    return np.convolve(a, v, mode)  # type: ignore[call-overload]


#: Under the primitives' names.
KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "convolve": _convolve,
        "matmul": _matmul,
        "matrix_transpose": _matrix_transpose,
        "outer_of": _outer_of,
        "vecdot": np.vecdot,
    }
)
