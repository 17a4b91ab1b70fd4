"""Indexing: ``x[key]`` in every form, and the updates that replace assignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import layout
from funcnet.core import Tracer, bind
from funcnet.core.dtypes import kind
from funcnet.errors import DtypeError, ShapeError
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.comparison import where
from funcnet.ops.conversion import asarray_like
from funcnet.ops.encoding import encoded, encoded_slice
from funcnet.ops.slicing import added, getitem_p, taken
from funcnet.ops.updates import index_max_p, index_min_p, index_multiply_p, placed
from funcnet.ops.views import View, viewed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "getitem",
    "index_add",
    "index_max",
    "index_min",
    "index_multiply",
    "index_set",
    "setitem",
]

#: Kinds of number, each of which casts to those after it.
_KINDS = "buifc"


def getitem(x: Any, key: Any, /) -> Any:
    """Take elements: ``x[key]``.

    Derivative: linear; its transpose adds the cotangent back at the places that the key names, more than once where it
    names them so.

    Parameters
    ----------
    x : array
        Of any data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        As in NumPy: slices may have negative steps; arrays and lists of integers are broadcast against one another;
        boolean masks, of any number of dimensions, select where they are true. Index arrays may be traced; they carry
        no derivative.

    Returns
    -------
    array
        It may share memory with `x` where the key holds no arrays.

    Raises
    ------
    IndexError
        If an index is out of range, there are too many, a mask does not fit, or index arrays do not broadcast. On a
        GPU this waits for the values of index arrays.
    DtypeError, ParameterError
        If something else than integers and booleans is given.

    Notes
    -----
    The number of elements that a mask selects depends on values, so a mask whose values are unknown, as when only
    shapes are traced, is refused; use `xp.where` there.

    References
    ----------
    Python Array API standard, ``array.__getitem__``; NumPy's documentation of advanced indexing.

    Examples
    --------
    >>> import numpy as np
    >>> import funcnet as fn
    >>> from funcnet.ops import getitem
    >>> getitem(np.arange(6.0).reshape(2, 3), (slice(None), [0, 0, 2]))
    array([[0., 0., 2.],
           [3., 3., 5.]])
    >>> fn.grad(lambda x: x[[0, 0, 2]].sum())(np.ones(3))
    array([2., 0., 1.])
    """
    cls = key.__class__
    if cls is int:
        return viewed(bind(getitem_p, x, key=(key,)), x, _PART, key)
    if cls is slice:
        return viewed(bind(getitem_p, x, key=(encoded_slice(key),)), x, _PART, key)
    if key is None or key is Ellipsis:
        return viewed(bind(getitem_p, x, key=(key,)), x, _PART, key)
    if isinstance(key, np.integer):
        return getitem(x, int(key))
    if cls is tuple:
        items = []
        for k in key:
            c = k.__class__
            if c is int or k is None or k is Ellipsis:
                items.append(k)
            elif isinstance(k, np.integer):
                items.append(int(k))
            elif c is slice:
                items.append(encoded_slice(k))
            else:
                break
        else:
            return viewed(bind(getitem_p, x, key=tuple(items)), x, _PART, key)
    return _taken(x, key)


def setitem(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with values put at a key, as by ``x[key] = v``; `x` itself is not written.

    The same as `index_set`.
    """
    return index_set(x, key, v)


def index_set(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with values put at a key, as by ``x[key] = v``; `x` itself is not written.

    Derivative: linear in both. Where a key names a place more than once the last value stays, on every backend, and it
    alone gets the cotangent.

    Parameters
    ----------
    x : array
        Of any data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        The places, as in `getitem`.
    v : array, Python scalar or nested list
        Values that cast to the data type of `x` and broadcast to the shape of ``x[key]``.

    Returns
    -------
    array
        A new array like `x`.

    Raises
    ------
    IndexError
        As `getitem`.
    ShapeError
        If the values do not broadcast to the place.
    DtypeError
        If the values do not cast to the data type of `x`, such as floats to integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops import index_set
    >>> index_set(np.zeros(3), [0, 0, 2], np.array([1.0, 2.0, 3.0]))
    array([2., 0., 3.])
    """
    if key.__class__ is Tracer and kind(key.dtype) == "b" and not getattr(v, "shape", np.shape(v)):
        # One value in all places of a mask needs no list of the places, which only values of the mask could give.
        ndim = len(key.shape)
        if tuple(key.shape) == tuple(x.shape[:ndim]):
            mask = reshaped(key, tuple(key.shape) + (1,) * (len(x.shape) - ndim))
            return where(mask, _fitted("index_set", x, v, ()), x)
    return _updated(placed, "index_set", x, key, v)


def index_add(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with values added at a key; where the key names a place more than once all of them are added.

    Derivative: linear in both; the cotangent of the values is that of the result, taken at the key.

    Parameters
    ----------
    x : array
        Of a numeric data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        The places, as in `getitem`.
    v : array, Python scalar or nested list
        Values that cast to the data type of `x` and broadcast to the shape of ``x[key]``.

    Returns
    -------
    array
        A new array like `x`.

    Raises
    ------
    IndexError
        As `getitem`.
    ShapeError
        If the values do not broadcast to the place.
    DtypeError
        If the values do not cast to the data type of `x`, such as floats to integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops import index_add
    >>> index_add(np.zeros(3), [0, 0, 2], 1.0)
    array([2., 0., 1.])
    """
    return _updated(added, "index_add", x, key, v)


def index_multiply(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with factors multiplied in at a key, all of them where the key names a place more than once.

    Derivative: of `x` linear; of a factor the product of the element and of the other factors at its place.

    Parameters
    ----------
    x : array
        Of a numeric data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        The places, as in `getitem`.
    v : array, Python scalar or nested list
        Values that cast to the data type of `x` and broadcast to the shape of ``x[key]``.

    Returns
    -------
    array
        A new array like `x`.

    Raises
    ------
    IndexError
        As `getitem`.
    ShapeError
        If the values do not broadcast to the place.
    DtypeError
        If the values do not cast to the data type of `x`, such as floats to integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops import index_multiply
    >>> index_multiply(np.ones(3), [0, 0, 2], 3.0)
    array([9., 1., 3.])
    """
    return _updated(_bound(index_multiply_p), "index_multiply", x, key, v)


def index_min(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with the smaller of its elements and values at a key.

    Derivative: the cotangent goes to what won, split evenly among all that tie.

    Parameters
    ----------
    x : array
        Of a real data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        The places, as in `getitem`.
    v : array, Python scalar or nested list
        Values that cast to the data type of `x` and broadcast to the shape of ``x[key]``.

    Returns
    -------
    array
        A new array like `x`.

    Raises
    ------
    IndexError
        As `getitem`.
    ShapeError
        If the values do not broadcast to the place.
    DtypeError
        If the values do not cast to the data type of `x`, such as floats to integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops import index_min
    >>> index_min(np.zeros(3), [0, 0, 2], np.array([1.0, -2.0, 3.0]))
    array([-2., 0., 0.])
    """
    return _updated(_bound(index_min_p), "index_min", x, key, v)


def index_max(x: Any, key: Any, v: Any, /) -> Any:
    """Return `x` with the larger of its elements and values at a key.

    Derivative: the cotangent goes to what won, split evenly among all that tie.

    Parameters
    ----------
    x : array
        Of a real data type.
    key : int, slice, None, Ellipsis, array, list, or tuple of them
        The places, as in `getitem`.
    v : array, Python scalar or nested list
        Values that cast to the data type of `x` and broadcast to the shape of ``x[key]``.

    Returns
    -------
    array
        A new array like `x`.

    Raises
    ------
    IndexError
        As `getitem`.
    ShapeError
        If the values do not broadcast to the place.
    DtypeError
        If the values do not cast to the data type of `x`, such as floats to integers.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet.ops import index_max
    >>> index_max(np.zeros(3), [0, 0, 2], np.array([1.0, -2.0, 3.0]))
    array([1., 0., 3.])
    """
    return _updated(_bound(index_max_p), "index_max", x, key, v)


def _taken(x: Any, key: Any) -> Any:
    x, static, indices, unique = encoded(x, key)
    return taken(x, static, indices, unique=unique)


def _without_ellipsis(key: Any) -> bool:
    return key is not Ellipsis and not (key.__class__ is tuple and any([k is Ellipsis for k in key]))


_PART = View(_taken, index_set, lie=lambda x, key: x[key], scalar=_without_ellipsis)


def _bound(primitive: Any) -> Callable[..., Any]:
    def update(x: Any, v: Any, key: Any, indices: Any, *, unique: bool) -> Any:
        return bind(primitive, x, v, *indices, key=key, unique=unique)

    return update


def _updated(update: Any, name: str, x: Any, key: Any, v: Any) -> Any:
    shape = tuple(x.shape)
    x, static, indices, unique = encoded(x, key)
    wanted = layout(tuple(x.shape), static, tuple([tuple(i.shape) for i in indices])).shape
    out = update(x, _fitted(name, x, v, wanted), static, indices, unique=unique)
    return out if tuple(out.shape) == shape else reshaped(out, shape)


def _fitted(name: str, x: Any, v: Any, shape: tuple[int, ...]) -> Any:
    """Return the value of an update with the dtype of `x` and the shape of the place it goes to."""
    v = asarray_like(x, v)
    if v.dtype != x.dtype:
        if _KINDS.index(kind(v.dtype)) > _KINDS.index(kind(x.dtype)):
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
