"""CuPy's kernels of taking elements along one dimension, and of adding them back."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from funcnet.backends.cupy import indexing
from funcnet.backends.keys import ARRAY

__all__ = ["kernels"]


def kernels(cupy: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name.

    Parameters
    ----------
    cupy : module
        CuPy, or another library with NumPy's functions.
    """
    found = indexing.kernels(cupy)
    return {
        "add_along_axis": partial(_add_along_axis, cupy, found["index_add_into"]),
        "take_along_axis": partial(_take_along_axis, cupy, found["gather"]),
    }


def _take_along_axis(cupy: ModuleType, gather: Callable[..., Any], x: Any, indices: Any, *, axis: int) -> Any:
    return gather(x, *_grid(cupy, indices, axis), key=(ARRAY,) * indices.ndim, unique=False)


def _add_along_axis(cupy: ModuleType, add: Callable[..., Any], g: Any, indices: Any, *, axis: int, size: int) -> Any:
    out = cupy.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), dtype=g.dtype)
    return add(out, g, *_grid(cupy, indices, axis), key=(ARRAY,) * indices.ndim, unique=False)


def _grid(cupy: ModuleType, indices: Any, axis: int) -> list[Any]:
    """Return index arrays for every dimension, of which only that for `axis` is not a plain range."""
    ndim = indices.ndim
    return [
        indices if i == axis else cupy.arange(n).reshape((n,) + (1,) * (ndim - i - 1))
        for i, n in enumerate(indices.shape)
    ]
