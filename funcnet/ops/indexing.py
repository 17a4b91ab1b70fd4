"""Indexing: ``x[key]`` in every form, and the updates that replace assignment."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

import numpy as np

from funcnet.backends.keys import ARRAY, layout
from funcnet.core import Tracer, bind, general, raw
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError, ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.fresh import backend_like
from funcnet.ops.slicing import added, getitem_p, taken
from funcnet.ops.updates import placed

__all__ = ["getitem", "index_add", "index_set", "setitem"]

_FULL = (None, None, None)

mask_positions_p = general(
    "mask_positions",
    lambda xp, mask: xp.nonzero(mask),
    vjp=None,
    multiple=True,
    dtypes="boolean",
)


def getitem(x: Any, key: Any, /) -> Any:
    """Return ``x[key]``."""
    cls = key.__class__
    if cls is int:
        return bind(getitem_p, x, key=(key,))
    if cls is slice:
        return bind(getitem_p, x, key=(_slice(key),))
    if cls is tuple:
        items = []
        for k in key:
            c = k.__class__
            if c is int or k is None or k is Ellipsis:
                items.append(k)
            elif c is slice:
                items.append(_slice(k))
            else:
                break
        else:
            return bind(getitem_p, x, key=tuple(items))
    x, encoded, indices, unique = _encoded(x, key)
    return taken(x, encoded, indices, unique=unique)


def setitem(x: Any, key: Any, v: Any, /) -> Any:
    """Return a copy of `x` with ``x[key] = v``."""
    return index_set(x, key, v)


def index_set(x: Any, key: Any, v: Any, /) -> Any:
    """Return a copy of `x` with ``x[key] = v``."""
    return _updated(placed, "index_set", x, key, v)


def index_add(x: Any, key: Any, v: Any, /) -> Any:
    """Return a copy of `x` with ``x[key] += v``, repeated positions adding up."""
    return _updated(added, "index_add", x, key, v)


def _updated(update: Any, name: str, x: Any, key: Any, v: Any) -> Any:
    shape = tuple(x.shape)
    x, encoded, indices, unique = _encoded(x, key)
    wanted = layout(tuple(x.shape), encoded, tuple([tuple(i.shape) for i in indices])).shape
    out = update(x, _fitted(name, x, v, wanted), encoded, indices, unique=unique)
    return out if tuple(out.shape) == shape else reshaped(out, shape)


def _fitted(name: str, x: Any, v: Any, shape: tuple[int, ...]) -> Any:
    """Return the value of an update with the dtype of `x` and the shape of the place it goes to."""
    if not hasattr(v, "shape"):
        v = _array(x, v)
    if v.dtype != x.dtype:
        if "buifc".index(kind(v.dtype)) > "buifc".index(kind(x.dtype)):
            raise DtypeError(
                f"xp.{name} cannot put values of one kind into an array of another.",
                found=f"{v.dtype} into {x.dtype}",
                needed="values that cast to the array's dtype",
                write="xp.astype(x, ...) on the array before, or on the values",
            )
        v = cast(v, x.dtype)
    found = tuple(v.shape)
    if found == shape:
        return v
    extra = len(found) - len(shape)
    if extra > 0 and found[:extra] == (1,) * extra:
        # As in assignment, leading dimensions of size 1 are of no account.
        v = reshaped(v, found[extra:])
        found = found[extra:]
    lead = len(shape) - len(found)
    if lead < 0 or any(n not in (1, m) for n, m in zip(found, shape[lead:], strict=True)):
        raise ShapeError(
            f"xp.{name} got values that do not fit the place they go to.",
            found=f"values of shape {found} for a place of shape {shape}",
            needed="values that broadcast to that shape",
            write="xp.reshape or xp.expand_dims on the values",
        )
    return broadcast_to(v, shape)


def _array(x: Any, v: Any) -> Any:
    """Return a Python scalar or nested list as an array with the backend and device of `x`."""
    backend = backend_like(x)
    value = raw(x)
    device = backend.device_of(value) if backend.owns(value.__class__) else None
    if isinstance(v, (bool, int, float, complex)):
        letter = "b" if isinstance(v, bool) else "i" if isinstance(v, int) else "f" if isinstance(v, float) else "c"
        held = kind(value.dtype)
        if "bifc".index(letter) <= "bifc".index("i" if held == "u" else held):
            return backend.asarray(v, dtype=value.dtype, device=device)
        return backend.asarray(v, device=device)
    return backend.asarray(v, device=device)


# ---------------------------------------------------------------------- keys


def _slice(s: slice) -> tuple[int | None, int | None, int | None]:
    a, b, c = s.start, s.stop, s.step
    if (a is None or a.__class__ is int) and (b is None or b.__class__ is int) and (c is None or c.__class__ is int):
        return a, b, c
    return tuple([None if v is None else as_integer(v) for v in (a, b, c)])  # type: ignore[return-value]


def _encoded(x: Any, key: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...], bool]:
    """Return the array, the canonical key, the index arrays, and whether these name each position once.

    A boolean mask becomes the integer positions of its true elements. A single boolean, which stands for a new
    dimension of size 0 or 1, becomes an index array into a new dimension of the array.
    """
    items: list[Any] = []
    indices: list[Any] = []
    masks: list[tuple[int, tuple[int, ...]]] = []
    singles: list[int] = []
    unique = True
    for k in key if isinstance(key, tuple) else (key,):
        if k is None or k is Ellipsis:
            items.append(k)
        elif isinstance(k, slice):
            items.append(_slice(k))
        elif isinstance(k, (bool, np.bool_)) or (hasattr(k, "dtype") and not k.shape and kind(k.dtype) == "b"):
            singles.append(len(items))
            items.append(ARRAY)
            indices.append(_index_array(x, [0] if k else []))
        elif isinstance(k, (list, tuple, range)) or (hasattr(k, "dtype") and k.shape):
            array = _index_array(x, k)
            if kind(array.dtype) == "b":
                found = bind(mask_positions_p, array)
                masks.append((len(items), tuple(array.shape)))
                items += [ARRAY] * len(found)
                indices += found
            else:
                unique = False
                items.append(ARRAY)
                indices.append(array)
        elif k.__class__ is Tracer or (hasattr(k, "dtype") and not isinstance(k, (np.generic, np.ndarray))):
            # A scalar on a device stays there.
            items.append(ARRAY)
            indices.append(_index_array(x, k))
        else:
            items.append(_integer(k))
    if masks:
        _check_masks(tuple(x.shape), items, masks, singles)
    if singles:
        opened = [
            None if i in singles else _FULL if k is not Ellipsis else k for i, k in enumerate(items) if k is not None
        ]
        x = bind(getitem_p, x, key=tuple(opened))
    return x, tuple(items), tuple(indices), unique


def _index_array(x: Any, k: Any) -> Any:
    """Return integers or booleans as an array with the backend and device of `x`."""
    if isinstance(k, (list, tuple, range)):
        k = np.asarray(_plain(k))
        k = k if k.size else k.astype(np.int64)
    if kind(k.dtype) not in "iub":
        raise DtypeError(
            "An array is indexed by integers or booleans.",
            found=f"an index array of dtype {k.dtype}",
            needed="an integer or boolean dtype",
            write="xp.astype(i, xp.int64)",
        )
    if k.__class__ is not np.ndarray:
        return k
    backend = backend_like(x)
    value = raw(x)
    return backend.from_numpy(k, device=backend.device_of(value) if backend.owns(value.__class__) else None)


def _plain(k: Any) -> Any:
    """Return nested sequences with the traced integers among their elements as Python integers."""
    if isinstance(k, (list, tuple, range)):
        return [_plain(e) for e in k]
    return (
        k if isinstance(k, (bool, np.bool_)) or (hasattr(k, "__array__") and k.__class__ is not Tracer) else _integer(k)
    )


def _integer(k: Any) -> int:
    try:
        return as_integer(k)
    except TypeError:
        raise ParameterError(
            "An array cannot be indexed by this.",
            found=f"{type(k).__name__}: {k!r}",
            needed="integers, slices, None, Ellipsis, or arrays or lists of integers or booleans",
            write="x[xp.asarray(i)] for other sequences",
        ) from None


def _check_masks(
    shape: tuple[int, ...], items: list[Any], masks: list[tuple[int, tuple[int, ...]]], singles: list[int]
) -> None:
    """Raise `IndexError` if a mask does not have the shape of the dimensions that it selects from."""
    used = [int(k is not None and k is not Ellipsis and i not in singles) for i, k in enumerate(items)]
    dots = items.index(Ellipsis) if Ellipsis in items else len(items)
    for at, mask in masks:
        start = sum(used[:at]) + (len(shape) - sum(used) if at > dots else 0)
        if tuple(shape[start : start + len(mask)]) != mask:
            raise IndexError(
                f"a boolean index of shape {mask} does not match the dimensions that it selects from, "
                f"{tuple(shape[start : start + len(mask)])}"
            )
