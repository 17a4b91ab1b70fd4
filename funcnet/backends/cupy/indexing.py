"""CuPy's kernels for indexing: taking elements by a key, and adding or putting them back.

They differ from NumPy's in three points. CuPy wraps indices that are out of range round the dimension, so they are
looked at first, which waits for the device. It leaves open which of repeated assignments stays, so the last one is
looked for. And its atomic additions exist for a few data types only, so the others go by way of one of those.
"""

from collections.abc import Callable
from functools import partial
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from funcnet.backends.advanced import Selection
from funcnet.backends.keys import decode

__all__ = ["kernels"]

Key = tuple[Any, ...]

# The data types that atomic additions exist for, and the ones that stand in for others.
_ATOMIC = frozenset({"int32", "int64", "uint32", "uint64", "float16", "float32", "float64"})
_STAND_IN = MappingProxyType(
    {"bfloat16": "float32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
)


def kernels(cupy: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the kernels by primitive name.

    Parameters
    ----------
    cupy : module
        CuPy, or another library with NumPy's functions.
    """
    return {
        "gather": partial(_gather, cupy),
        "getitem": _getitem,
        "index_add": partial(_index_add, cupy),
        "index_add_into": partial(_index_add_into, cupy),
        "index_set": partial(_index_set, cupy),
    }


def _getitem(x: Any, *, key: Key) -> Any:
    return x[decode(key)]


def _gather(cupy: ModuleType, x: Any, *indices: Any, key: Key, unique: bool) -> Any:  # noqa: ARG001  # for the transpose
    indices = _signed(indices)
    selection = Selection(cupy, x, indices, key)
    return selection.placed(selection.view(x)[indices])


def _index_add(cupy: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    return _index_add_into(cupy, x.copy(), v, *indices, key=key, unique=unique)


def _index_add_into(cupy: ModuleType, out: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    if not indices:
        out[decode(key)] += v
        return out
    indices = _signed(indices)
    selection = Selection(cupy, out, indices, key)
    target, values = selection.view(out), _values(cupy, v, selection, out)
    if unique:
        target[indices] += values
    else:
        _add_at(cupy, target, indices, values)
    return out


def _index_set(cupy: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    out = x.copy()
    if not indices:
        out[decode(key)] = v
        return out
    indices = _signed(indices)
    selection = Selection(cupy, out, indices, key)
    target, values = selection.view(out), _values(cupy, v, selection, out)
    if unique or not values.size:
        target[indices] = values
        return out
    # Each place keeps the largest number among the values that go to it, counted from 1: that of the last one.
    turn = cupy.arange(1, values.size + 1, dtype=np.uint64).reshape(values.shape)
    last = cupy.zeros(target.shape, dtype=np.uint64)
    cupy.maximum.at(last, indices, turn)
    chosen = values.reshape(-1)[cupy.maximum(last, np.uint64(1)).astype(np.int64) - 1]
    target[...] = cupy.where(last > 0, chosen, target)
    return out


def _signed(indices: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([index.astype(np.int64, copy=False) for index in indices])


def _values(cupy: ModuleType, v: Any, selection: Selection, out: Any) -> Any:
    return selection.unplaced(cupy.broadcast_to(cupy.asarray(v, dtype=out.dtype), selection.plan.shape))


def _add_at(cupy: ModuleType, target: Any, indices: tuple[Any, ...], values: Any) -> None:
    name = target.dtype.name
    if name in _ATOMIC:
        cupy.add.at(target, indices, values)
    elif target.dtype.kind == "c":
        cupy.add.at(target.real, indices, values.real)
        cupy.add.at(target.imag, indices, values.imag)
    else:
        wide = target.astype(_STAND_IN[name])
        cupy.add.at(wide, indices, values.astype(wide.dtype))
        target[...] = wide.astype(target.dtype)
