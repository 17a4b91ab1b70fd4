"""NumPy kernels of products of matrices and vectors."""

from collections.abc import Callable
from math import prod
from operator import matmul
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]


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
        # Its loop over rows costs half of what that of a broadcast multiplication does.
        return np.einsum("...i,...j->...ij", a, b)
    return a[..., :, None] * b[..., None, :]


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
