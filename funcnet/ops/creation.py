"""Creation functions."""

from __future__ import annotations

from typing import Any

from funcnet.core import constant
from funcnet.ops.fresh import filled_like

__all__ = ["ones_like", "zeros_like"]


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros of the shape, backend, device and data type of an array."""
    return constant(filled_like(x, "zeros", dtype, device))


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Ones of the shape, backend, device and data type of an array."""
    return constant(filled_like(x, "ones", dtype, device))
