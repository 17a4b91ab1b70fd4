"""NumPy's kernels of indexing and of the updates that replace assignment."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from funcnet.backends.keys import decode

__all__ = ["KERNELS"]

Key = tuple[Any, ...]


def _getitem(x: Any, *, key: Key) -> Any:
    return x[decode(key)]


def _gather(x: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001  # for the transpose
    if len(key) == 1:
        return x.take(indices[0], 0)
    return x[decode(key, indices)]


def _mask_positions(mask: Any) -> tuple[np.ndarray, ...]:
    return mask.nonzero()


def _at(ufunc: np.ufunc, out: np.ndarray, v: Any, indices: tuple[Any, ...], key: Key) -> None:
    """Apply ``ufunc.at``, whose fast loop serves one-dimensional arrays only: 2 ns an element against 12."""
    if out.ndim != 1 or len(key) != 1:
        places = _places(out, np.size(v), key, indices)
        if places is not None:
            try:
                ufunc.at(out.reshape(-1), places.reshape(-1), np.broadcast_to(v, places.shape).reshape(-1))
            except IndexError:
                out[decode(key, indices)]  # raises, naming the index of the row and not a place among all elements
                raise
            return
    ufunc.at(out, decode(key, indices), v)


def _places(out: np.ndarray, count: int, key: Key, indices: tuple[Any, ...]) -> np.ndarray | None:
    """Return the places in the flattened `out` that a key names, or None where finding them costs too much."""
    if not out.flags.c_contiguous or not out.size:
        return None
    if key[0].__class__ is str and len(key) == 1:
        # Rows, as of an embedding. A negative index of a row gives negative places of the same elements.
        width = out.size // out.shape[0]
        rows = indices[0].astype(np.intp) * width
        shape = (*indices[0].shape, *out.shape[1:])
        return (rows[..., None] + np.arange(width)).reshape(shape)
    if out.size > 4 * count:
        return None
    return np.arange(out.size).reshape(out.shape)[decode(key, indices)]


def _index_add_into(out: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:
    if out.__class__ is not np.ndarray:
        out = np.array(out)
    if unique or not indices:
        out[decode(key, indices)] += v
    else:
        _at(np.add, out, v, indices, key)
    return out


def _index_add(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:
    return _index_add_into(np.array(x, order="C"), v, *indices, key=key, unique=unique)


def _index_set(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:  # noqa: ARG001  # the last stays
    out = np.array(x)
    out[decode(key, indices)] = v
    return out


def _update(ufunc: np.ufunc) -> Callable[..., np.ndarray]:
    def update(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:
        out = np.array(x, order="C")
        if unique or not indices:
            place = decode(key, indices)
            out[place] = ufunc(out[place], v)
        else:
            _at(ufunc, out, v, indices, key)
        return out

    return update


def _take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    return x[_along(indices, axis)]


def _along(indices: Any, axis: int) -> tuple[Any, ...]:
    """Return index arrays for every dimension, of which only that for `axis` is not a plain range."""
    ndim = indices.ndim
    return tuple(
        [
            indices if i == axis else np.arange(n).reshape((n,) + (1,) * (ndim - i - 1))
            for i, n in enumerate(indices.shape)
        ]
    )


def _add_along_axis(g: Any, indices: Any, *, axis: int, size: int) -> np.ndarray:
    out = np.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), g.dtype)
    if indices.size:
        least, most = int(indices.min()), int(indices.max())
        if least < -size or most >= size:
            raise IndexError(f"an index is out of bounds for a dimension of size {size}")
        if least < 0:
            indices = np.where(indices < 0, indices + size, indices)
        places = np.ravel_multi_index(_along(indices, axis), out.shape)
        np.add.at(out.reshape(-1), places.reshape(-1), g.reshape(-1))
    return out


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "add_along_axis": _add_along_axis,
        "gather": _gather,
        "getitem": _getitem,
        "index_add": _index_add,
        # In place, for the sweep's own buffers.
        "index_add_into": _index_add_into,
        "index_max": _update(np.maximum),
        "index_min": _update(np.minimum),
        "index_multiply": _update(np.multiply),
        "index_set": _index_set,
        "mask_positions": _mask_positions,
        "take_along_axis": _take_along_axis,
    }
)
