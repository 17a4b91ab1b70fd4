"""PyTorch's kernels of taking elements along one dimension, and of adding them back."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

__all__ = ["kernels"]


def kernels(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name."""
    return {
        "add_along_axis": partial(_add_along_axis, torch),
        "take_along_axis": partial(_take_along_axis, torch),
    }


def _take_along_axis(torch: ModuleType, x: Any, indices: Any, *, axis: int) -> Any:
    return torch.gather(x, axis, _places(torch, indices, x.shape[axis]))


def _add_along_axis(torch: ModuleType, g: Any, indices: Any, *, axis: int, size: int) -> Any:
    out = torch.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), dtype=g.dtype, device=g.device)
    return out.scatter_add_(axis, _places(torch, indices, size), g)


def _places(torch: ModuleType, indices: Any, size: int) -> Any:
    """Return indices without negative ones, in PyTorch's index type; an index out of range ends a program on a GPU."""
    indices = indices.to(torch.int64)
    if bool(((indices < -size) | (indices >= size)).any()):
        raise IndexError(f"an index is out of bounds for a dimension of size {size}")
    return torch.where(indices < 0, indices + size, indices)
