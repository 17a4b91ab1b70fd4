"""Elements added to an array and taken out of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.ops.axes import one_axis
from funcnet.ops.broadcasting import broadcast_to, cast
from funcnet.ops.extras.inputs import arrays_of, at_least, flattened, one_array
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import concat
from funcnet.ops.manipulation import moveaxis
from funcnet.ops.slicing import taken

__all__ = ["append", "delete", "insert"]


def append(x: Any, values: Any, /, *, axis: int | None = None) -> Any:
    """Join values to the end of an array.

    Derivative: linear; its transpose cuts the cotangent in two.

    Parameters
    ----------
    x : array
        Of any data type.
    values : array or number
        Of the shape of `x` but for dimension `axis`.
    axis : int, optional
        The dimension; without it both are flattened first.

    Returns
    -------
    array
        Of the promoted data type.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no such dimension.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.append(np.array([1.0, 2.0]), 3.0)
    array([1., 2., 3.])
    """
    return concat(list(arrays_of(x, values)), axis=axis)


def delete(x: Any, obj: Any, /, *, axis: int | None = None) -> Any:
    """Leave out slices of an array along a dimension.

    Derivative: linear; what is left out gets none.

    Parameters
    ----------
    x : array
        Of any data type.
    obj : int, slice, sequence of int or mask
        Which indices to leave out; negative ones count from the end. They are known values: the result's shape depends
        on them.
    axis : int, optional
        The dimension; without it `x` is flattened first.

    Returns
    -------
    array
        Shorter than `x` along the dimension.

    Raises
    ------
    ShapeError
        If there is no such dimension.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.delete(np.array([1.0, 2.0, 3.0, 4.0]), [0, 2])
    array([2., 4.])
    """
    x, place = _with_axis("delete", x, axis)
    kept = np.delete(np.arange(x.shape[place]), obj)
    return _gathered(x, kept, place)


def insert(x: Any, obj: Any, values: Any, /, *, axis: int | None = None) -> Any:
    """Insert values into an array before indices along a dimension.

    Derivative: linear in `x` and in the values.

    Parameters
    ----------
    x : array
        Of any data type.
    obj : int, slice or sequence of int
        Indices, as they are before the insertion, in front of which to put the values.
    values : array or number
        What to insert, converted to the data type of `x`. It broadcasts to the shape of `x` with one slice for each
        index; at a single index any number of slices can be put.
    axis : int, optional
        The dimension; without it `x` is flattened first.

    Returns
    -------
    array
        Longer than `x` along the dimension.

    Raises
    ------
    ShapeError
        If there is no such dimension, or the values do not fit.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.insert(np.array([1.0, 2.0, 3.0]), [0, 2], np.array([10.0, 20.0]))
    array([10.,  1.,  2., 20.,  3.])
    """
    x, place = _with_axis("insert", x, axis)
    x, values = arrays_of(x, values)
    values = cast(at_least(values, len(x.shape)), x.dtype)
    n = x.shape[place]
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if where.dtype == bool:
        where = np.flatnonzero(where)
    where = where.astype(np.int64) if not where.size else where
    if where.size == 1:
        if not where.ndim:
            # As in NumPy: what stands first in the values is put along the dimension.
            values = moveaxis(values, 0, place)
        where = np.full(values.shape[place], where.reshape(()))
    shape = (*x.shape[:place], where.size, *x.shape[place + 1 :])
    order = np.insert(np.arange(n), where, n + np.arange(where.size))
    return _gathered(concat([x, broadcast_to(values, shape)], axis=place), order, place)


def _with_axis(name: str, x: Any, axis: int | None) -> tuple[Any, int]:
    x = one_array(x)
    return (flattened(x), 0) if axis is None else (x, one_axis(name, x, axis))


def _gathered(x: Any, places: Any, axis: int) -> Any:
    return taken(x, ((None, None, None),) * axis + (ARRAY,), (array_like(x, places),), unique=True)
