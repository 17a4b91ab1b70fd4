"""CuPy's kernels of products of matrices."""

from collections.abc import Callable
from functools import partial
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["kernels"]


def kernels(cupy: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {"matmul": partial(_matmul, cupy)}


def _matmul(cupy: ModuleType, x1: Any, x2: Any) -> Any:
    if x1.ndim > 2 and x2.ndim == 2:
        # One product of two matrices: CuPy's product of a stack is slow, and ignores the precision that was chosen.
        rows = prod(x1.shape[:-1])
        return cupy.matmul(x1.reshape(rows, x1.shape[-1]), x2).reshape(*x1.shape[:-1], x2.shape[1])
    if max(x1.ndim, x2.ndim) > 2 and x1.dtype.name == x2.dtype.name == "bfloat16":
        # The product of stacks does not know the data type.
        return cupy.matmul(x1.astype(np.float32), x2.astype(np.float32)).astype(x1.dtype)
    return cupy.matmul(x1, x2)
