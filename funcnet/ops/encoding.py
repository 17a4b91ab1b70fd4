"""From what stands between the brackets of ``x[...]`` to a hashable key and arrays of integers."""

from __future__ import annotations

from operator import index as as_integer
from typing import Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.core import Arg, Tracer, bind, case, general
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ParameterError
from funcnet.ops.batching import data_dependent
from funcnet.ops.fresh import array_like
from funcnet.ops.shapes import no_shape
from funcnet.ops.slicing import getitem_p

__all__ = ["encoded", "encoded_slice", "index_array"]

_FULL = (None, None, None)

mask_positions_p = general(
    "mask_positions",
    lambda xp, mask: tuple(xp.nonzero(mask)),
    vjp=None,
    shape=no_shape("getitem", "xp.where(mask, a, b) for a choice between arrays"),
    multiple=True,
    batch=data_dependent("x[mask]", "xp.where(mask, a, b) for a choice between arrays"),
    dtypes="boolean",
    data_dependent=True,
    cases=(case(Arg((4,), "bool")), case(Arg((2, 3), "bool")), case(Arg((0, 2), "bool"))),
)


def encoded_slice(s: slice) -> tuple[int | None, int | None, int | None]:
    """Return a slice as a triple of integers and None."""
    a, b, c = s.start, s.stop, s.step
    if (a is None or a.__class__ is int) and (b is None or b.__class__ is int) and (c is None or c.__class__ is int):
        return a, b, c
    return tuple([None if v is None else as_integer(v) for v in (a, b, c)])  # type: ignore[return-value]


def encoded(x: Any, key: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...], bool]:
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
            items.append(encoded_slice(k))
        elif isinstance(k, (bool, np.bool_)) or (hasattr(k, "dtype") and not k.shape and kind(k.dtype) == "b"):
            singles.append(len(items))
            items.append(ARRAY)
            indices.append(index_array(x, [0] if k else []))
        elif isinstance(k, (list, tuple, range)) or (hasattr(k, "dtype") and k.shape):
            array = index_array(x, k)
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
            indices.append(index_array(x, k))
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


def index_array(x: Any, k: Any) -> Any:
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
    return array_like(x, k)


def _plain(k: Any) -> Any:
    """Return nested sequences with the traced integers among their elements as Python integers."""
    if isinstance(k, (list, tuple, range)):
        return [_plain(e) for e in k]
    return k if isinstance(k, (bool, np.generic, np.ndarray)) else _integer(k)


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
