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

from funcnet.backends.keys import Layout, decode, layout

__all__ = ["kernels"]

Key = tuple[Any, ...]

# The data types that atomic additions exist for, and the ones that stand in for others.
_ATOMIC = frozenset({"int32", "int64", "uint32", "uint64", "float16", "float32", "float64"})
_STAND_IN = MappingProxyType(
    {
        "bfloat16": "float32",
        "int8": "int32",
        "int16": "int32",
        "uint8": "uint32",
        "uint16": "uint32",
    }
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
    plan, items = _plan(x, indices, key)
    return _placed(cupy, x[plan.basic][items], plan, _ndim(indices))


def _index_add(cupy: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    return _index_add_into(cupy, x.copy(), v, *indices, key=key, unique=unique)


def _index_add_into(cupy: ModuleType, out: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    if not indices:
        out[decode(key)] += v
        return out
    plan, items = _plan(out, indices, key)
    target = out[plan.basic]
    v = _unplaced(cupy, cupy.broadcast_to(cupy.asarray(v, dtype=out.dtype), plan.shape), plan, _ndim(indices))
    if unique:
        target[items] += v
    else:
        _add_at(cupy, target, items, v)
    return out


def _index_set(cupy: ModuleType, x: Any, v: Any, *indices: Any, key: Key, unique: bool) -> Any:
    out = x.copy()
    if not indices:
        out[decode(key)] = v
        return out
    plan, items = _plan(out, indices, key)
    target = out[plan.basic]
    v = _unplaced(cupy, cupy.broadcast_to(cupy.asarray(v, dtype=out.dtype), plan.shape), plan, _ndim(indices))
    if unique or not v.size:
        target[items] = v
        return out
    # Each place keeps the largest number among the values that go to it, counted from 1: that of the last one.
    turn = cupy.arange(1, v.size + 1, dtype=np.uint64).reshape(v.shape)
    last = cupy.zeros(target.shape, dtype=np.uint64)
    cupy.maximum.at(last, items, turn)
    chosen = v.reshape(-1)[cupy.maximum(last, np.uint64(1)).astype(np.int64) - 1]
    target[...] = cupy.where(last > 0, chosen, target)
    return out


def _plan(x: Any, indices: tuple[Any, ...], key: Key) -> tuple[Layout, tuple[Any, ...]]:
    """Return the key worked out for `x`, and what then goes between the brackets of ``x[basic]``.

    Raises
    ------
    IndexError
        An index is out of bounds.
    """
    plan = layout(x.shape, key, tuple([tuple(i.shape) for i in indices]))
    whole = x[plan.basic]
    items: list[Any] = [slice(None)] * whole.ndim
    outside = None
    for dim, index in zip(plan.dims, indices, strict=True):
        size = whole.shape[dim]
        wrong = index >= size if index.dtype.kind == "u" else (index < -size) | (index >= size)
        wrong = wrong.any()
        outside = wrong if outside is None else outside | wrong
        items[dim] = index.astype(np.int64, copy=False)
    if bool(outside):
        for dim, index in zip(plan.dims, indices, strict=True):
            size = whole.shape[dim]
            if int(index.max()) >= size or int(index.min()) < -size:
                raise IndexError(f"an index is out of bounds for a dimension of size {size}")
    return plan, tuple(items)


def _ndim(indices: tuple[Any, ...]) -> int:
    return max([i.ndim for i in indices])


def _home(plan: Layout) -> int:
    """Return where ``x[basic][items]`` has the index arrays' own dimensions: together in place, else in front."""
    first = plan.dims[0]
    return first if plan.dims == tuple(range(first, first + len(plan.dims))) else 0


def _placed(cupy: ModuleType, y: Any, plan: Layout, ndim: int) -> Any:
    """Return what was taken, with its dimensions where NumPy has them and the right way round."""
    home = _home(plan)
    if plan.place != home:
        y = cupy.moveaxis(y, range(home, home + ndim), range(plan.place, plan.place + ndim))
    return cupy.flip(y, plan.flipped) if plan.flipped else y


def _unplaced(cupy: ModuleType, v: Any, plan: Layout, ndim: int) -> Any:
    """Undo `_placed`."""
    if plan.flipped:
        v = cupy.flip(v, plan.flipped)
    home = _home(plan)
    if plan.place != home:
        v = cupy.moveaxis(v, range(plan.place, plan.place + ndim), range(home, home + ndim))
    return v


def _add_at(cupy: ModuleType, target: Any, items: tuple[Any, ...], v: Any) -> None:
    name = target.dtype.name
    if name in _ATOMIC:
        cupy.add.at(target, items, v)
    elif target.dtype.kind == "c":
        cupy.add.at(target.real, items, v.real)
        cupy.add.at(target.imag, items, v.imag)
    else:
        wide = target.astype(_STAND_IN[name])
        cupy.add.at(wide, items, v.astype(wide.dtype))
        target[...] = wide.astype(target.dtype)
