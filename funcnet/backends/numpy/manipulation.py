"""NumPy's kernels of manipulation and of casts."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = ["KERNELS"]


def _reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)


def _permute_dims(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes)


def _astype(x: Any, *, dtype: Any) -> Any:
    return x.astype(dtype)


def _flip(x: Any, *, axis: tuple[int, ...]) -> Any:
    return np.flip(x, axis)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "astype": _astype,
        "astype_exact": _astype,
        "flip": _flip,
        "permute_dims": _permute_dims,
        "reshape": _reshape,
    }
)
