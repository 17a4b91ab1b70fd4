"""Arrays put together: stacks, blocks, elements added and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from funcnet.backends.keys import ARRAY
from funcnet.errors import ParameterError
from funcnet.ops.axes import one_axis
from funcnet.ops.broadcasting import broadcast_to, cast, reshaped
from funcnet.ops.extras.inputs import arrays_of, flattened, one_array, sequence_of
from funcnet.ops.fresh import array_like
from funcnet.ops.joining import concat
from funcnet.ops.manipulation import moveaxis
from funcnet.ops.slicing import taken

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "append",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "delete",
    "dstack",
    "hstack",
    "insert",
    "vstack",
]


def atleast_1d(x: Any, /) -> Any:
    """Return an array of at least one dimension.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself, or with a dimension of size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_1d(np.array(2.0))
    array([2.])
    """
    return _at_least(one_array(x), 1)


def atleast_2d(x: Any, /) -> Any:
    """Return an array of at least two dimensions.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself, or with leading dimensions of size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_2d(np.array([1.0, 2.0]))
    array([[1., 2.]])
    """
    return _at_least(one_array(x), 2)


def atleast_3d(x: Any, /) -> Any:
    """Return an array of at least three dimensions.

    Derivative: linear, a reshape.

    Parameters
    ----------
    x : array or number
        Of any data type.

    Returns
    -------
    array
        `x` itself; a vector of n elements as ``(1, n, 1)`` and a matrix as ``(m, n, 1)``.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.atleast_3d(np.ones((2, 3))).shape
    (2, 3, 1)
    """
    x = one_array(x)
    shape = tuple(x.shape)
    return x if len(shape) > 2 else reshaped(x, {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)])


def vstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the first dimension; vectors become rows.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the first dimension.

    Returns
    -------
    array
        Of at least two dimensions.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 2.],
           [3., 4.]])
    """
    return concat([_at_least(a, 2) for a in sequence_of("vstack", arrays)], axis=0)


def hstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the second dimension; vectors end to end.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the second dimension, or vectors.

    Returns
    -------
    array
        Of at least one dimension.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.hstack([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    parts = [_at_least(a, 1) for a in sequence_of("hstack", arrays)]
    return concat(parts, axis=0 if len(parts[0].shape) == 1 else 1)


def dstack(arrays: Sequence[Any], /) -> Any:
    """Join arrays along the third dimension; see `atleast_3d` for those of fewer dimensions.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Of the same shape but for the third dimension.

    Returns
    -------
    array
        Of at least three dimensions.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.dstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[[1., 3.],
            [2., 4.]]])
    """
    return concat([atleast_3d(a) for a in sequence_of("dstack", arrays)], axis=2)


def column_stack(arrays: Sequence[Any], /) -> Any:
    """Join vectors as the columns of a matrix; matrices side by side.

    Derivative: linear; its transpose cuts the cotangent into the arrays' parts.

    Parameters
    ----------
    arrays : sequence of array
        Vectors and matrices of the same number of rows.

    Returns
    -------
    array
        A matrix.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.column_stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 3.],
           [2., 4.]])
    """
    parts = [_at_least(a, 1) for a in sequence_of("column_stack", arrays)]
    return concat([reshaped(a, (a.shape[0], 1)) if len(a.shape) == 1 else a for a in parts], axis=1)


def block(arrays: Any, /) -> Any:
    """Put an array together from nested lists of blocks.

    The innermost lists are joined along the last dimension, those around them along the last but one, and so on.

    Derivative: linear; its transpose cuts the cotangent into the blocks.

    Parameters
    ----------
    arrays : nested list of arrays and numbers
        All of one depth; blocks of fewer dimensions get leading ones of size 1.

    Returns
    -------
    array
        Of as many dimensions as the lists are deep, or as the blocks have, whichever is more.

    Raises
    ------
    ParameterError
        If lists are empty, or of different depths.
    ShapeError
        If the blocks do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from funcnet import xp
    >>> xp.block([[np.eye(2), np.zeros((2, 1))], [np.ones((1, 2)), np.array([[5.0]])]])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [1., 1., 5.]])
    """
    leaves: list[Any] = []
    depth = _depth(arrays, leaves)
    blocks = iter(arrays_of(*leaves))
    found = [next(blocks) for _ in leaves]
    ndim = max([depth, *[len(b.shape) for b in found]])
    return _joined(arrays, iter([_at_least(b, ndim) for b in found]), ndim - depth)


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
    values = cast(_at_least(values, len(x.shape)), x.dtype)
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


# ---------------------------------------------------------------------- helpers


def _at_least(x: Any, ndim: int) -> Any:
    shape = tuple(x.shape)
    return x if len(shape) >= ndim else reshaped(x, (1,) * (ndim - len(shape)) + shape)


def _with_axis(name: str, x: Any, axis: int | None) -> tuple[Any, int]:
    x = one_array(x)
    return (flattened(x), 0) if axis is None else (x, one_axis(name, x, axis))


def _gathered(x: Any, places: Any, axis: int) -> Any:
    return taken(x, ((None, None, None),) * axis + (ARRAY,), (array_like(x, places),), unique=True)


def _depth(arrays: Any, leaves: list[Any]) -> int:
    if not isinstance(arrays, list):
        leaves.append(arrays)
        return 0
    depths = {_depth(a, leaves) for a in arrays}
    if len(depths) != 1:
        raise ParameterError(
            "xp.block takes nested lists of one depth.",
            found="an empty list" if not depths else f"lists of depth {min(depths)} and {max(depths)} side by side",
            needed="blocks that are all equally deep",
            write="xp.block([[a, b], [c, d]])",
        )
    return 1 + depths.pop()


def _joined(arrays: Any, blocks: Any, axis: int) -> Any:
    if not isinstance(arrays, list):
        return next(blocks)
    return concat([_joined(a, blocks, axis + 1) for a in arrays], axis=axis)
