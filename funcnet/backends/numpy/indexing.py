"""NumPy's kernels for indexing and manipulation."""

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
    return x[decode(key, indices)]


def _index_add_into(out: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:
    """Add in place, where `out` is no scalar."""
    if out.__class__ is not np.ndarray:
        out = np.array(out)
    if unique or not indices:
        out[decode(key, indices)] += v
    else:
        np.add.at(out, decode(key, indices), v)
    return out


def _index_add(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:
    return _index_add_into(np.array(x), v, *indices, key=key, unique=unique)


def _index_set(x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> np.ndarray:  # noqa: ARG001  # the last stays
    out = np.array(x)
    out[decode(key, indices)] = v
    return out


def _mask_positions(mask: Any) -> tuple[np.ndarray, ...]:
    return mask.nonzero()


def _reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)


def _permute_dims(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes)


def _astype(x: Any, *, dtype: Any) -> Any:
    return x.astype(dtype)


KERNELS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {
        "astype": _astype,
        "astype_exact": _astype,
        "gather": _gather,
        "getitem": _getitem,
        "index_add": _index_add,
        "index_add_into": _index_add_into,
        "index_set": _index_set,
        "mask_positions": _mask_positions,
        "permute_dims": _permute_dims,
        "reshape": _reshape,
    }
)
